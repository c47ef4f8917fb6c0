"""A child process that cannot outlive us: started directly, watched by pidfd, ended by its own pid.

A server that a program starts for itself must be gone when the program is, however that ended. The
kernel does that on Linux: the child asks for a signal at its parent's death (`PR_SET_PDEATHSIG`).
That signal follows the *thread* that forked, so children are started from the main thread only.
A pidfd names the process and not its number: a reused pid is never waited for or signalled.

Nothing here belongs to an event loop: a child may be started in one loop and stopped in another.
"""

import asyncio
import ctypes
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from signoff_schemas.frozen import frozen

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
# CAP_DAC_READ_SEARCH, and where a container took that away CAP_DAC_OVERRIDE.
SEARCH_CAPABILITIES = (2, 1)
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class ChildError(RuntimeError):
    """A child process could not be started, or ended before it was ready."""


@frozen
class RunAs:
    """Who a child of root runs as.

    A checkout below `/root` or in a folder of `mktemp -d` cannot be entered by anyone else.
    `past_closed_doors` keeps one right of root's for that, across exec: to read and search
    directories. Neither the folders nor their modes are touched.
    """

    uid: int
    gid: int
    past_closed_doors: bool = False

    def can_reach(self, path: Path) -> bool:
        """Whether this user may enter the folder and every one above it, by their modes."""
        for folder in (path, *path.parents):
            status = folder.stat()
            if status.st_uid == self.uid:
                needed = stat.S_IXUSR
            elif status.st_gid == self.gid:
                needed = stat.S_IXGRP
            else:
                needed = stat.S_IXOTH
            if not status.st_mode & needed:
                return False
        return True

    def become(self) -> None:
        """Turn this process, which is root's, into that user's."""
        if self.past_closed_doors:
            # Otherwise setuid() would take the right away, and access() would not count it.
            _must(_libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)
        if self.past_closed_doors and not any(map(_keep_capability, SEARCH_CAPABILITIES)):
            _must(-1)


class Child:
    """One running child process; make it with `Child.start`."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @classmethod
    def start(
        cls,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        output: IO[bytes],
        at_our_death: signal.Signals,
        run_as: RunAs | None = None,
    ) -> Self:
        """Start `command` in a session of its own, so that Ctrl-C at a terminal reaches us alone.

        Its output goes to the given file.
        """
        if threading.current_thread() is not threading.main_thread():
            message = "a child that ends with us must be started from the main thread"
            raise ChildError(message)
        try:
            process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                [os.fspath(part) for part in command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
                preexec_fn=_last_words_before_exec(at_our_death, run_as),  # noqa: PLW1509 - main thread
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ChildError(f"cannot start {command[0]}: {error}{_hint(run_as)}") from error
        return cls(process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, or None while it runs."""
        return self._process.poll()

    async def wait(self) -> int:
        """Wait until it has ended; reaps it and says how (negative: the signal)."""
        while (code := self._process.poll()) is None:
            await ended(self._process.pid)
        return code

    async def stop(self, *steps: tuple[signal.Signals, float]) -> int:
        """Send each signal in turn, waiting as many seconds after it; SIGKILL comes last."""
        for how, patience in steps:
            if self.returncode is not None:
                break
            self._process.send_signal(how)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    return await self.wait()
        if self.returncode is None:
            self._process.kill()
        return await self.wait()


async def ended(pid: int) -> None:
    """Wait until the process has ended, ours or not; no waiting where there is none."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    try:
        loop.add_reader(handle, gone.set)
        await gone.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _hint(run_as: RunAs | None) -> str:
    if run_as is None or not run_as.past_closed_doors:
        return ""
    return (
        f"; user {run_as.uid}, as whom it has to run, may not enter the folders where it or its"
        " data lies, and root may not grant that here: use folders that everyone may enter,"
        " or start as an ordinary user"
    )


def _last_words_before_exec(
    at_our_death: signal.Signals, run_as: RunAs | None
) -> Callable[[], None]:
    parent = os.getpid()

    def prepare() -> None:
        if run_as is not None:
            run_as.become()
        # After the change of user, which would clear it.
        _must(_libc.prctl(PR_SET_PDEATHSIG, int(at_our_death), 0, 0, 0))
        if os.getppid() != parent:  # we died in between: nobody would be told
            os._exit(1)

    return prepare


def _keep_capability(capability: int) -> bool:
    """Make this one capability permitted, inheritable and ambient, and drop all others."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    mask = 1 << capability
    # effective, permitted, inheritable of capabilities 0-31, then of 32-63
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if _libc.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        return False
    return bool(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def _must(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
