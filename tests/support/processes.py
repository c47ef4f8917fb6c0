"""Real processes for tests: started directly, ended by their own pid, always waited for."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from signoff_process.child import Child, ended

LOOK_AGAIN_SECONDS = 0.01
STOOD_STILL_SECONDS = 0.2
"""Less than this is the scheduler of a busy machine, which counts."""


class Process:
    """One `python -m …` process; its output goes to a file, and it does not outlive the tests."""

    def __init__(self, arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        self._arguments = arguments
        self._settings = settings
        self.log = log
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None, "started first"
        return self._child.pid

    @property
    def runs(self) -> bool:
        return self._child is not None and self._child.returncode is None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._child = Child.start(
                [sys.executable, "-m", *self._arguments],
                environment={**environment(), **self._settings},
                output=output,
                at_our_death=signal.SIGTERM,
            )

    def send(self, which: signal.Signals) -> None:
        if self.runs:
            os.kill(self.pid, which)

    async def wait(self) -> int:
        assert self._child is not None, "started first"
        return await self._child.wait()

    async def kill(self) -> None:
        """`kill -9`."""
        self.send(signal.SIGKILL)
        await self.wait()

    async def stop(self) -> None:
        """Ctrl-C, and force for what does not hear it."""
        if self.runs and self._child is not None:
            await self._child.stop((signal.SIGINT, 20))

    def written(self) -> str:
        """All of its output, for the message of a failure."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def environment() -> dict[str, str]:
    """Ours, without what would be taken for settings of the product.

    With compiled modules, as on any user's second start, and not among the sources.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPYCACHEPREFIX": f"{tempfile.gettempdir()}/signoff-pyc-{os.geteuid()}"}


async def until(
    true: Callable[[], Awaitable[bool]] | Callable[[], bool],
    seconds: float,
    what: str | Callable[[], str],
) -> float:
    """Look again and again; returns how many seconds it took, or fails after so many."""
    began = time.monotonic()
    while True:
        found = true()
        if found if isinstance(found, bool) else await found:
            return time.monotonic() - began
        if time.monotonic() - began > seconds:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {seconds} s: {told}")
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


class Stopwatch:
    """Seconds in which this machine ran: while it stands still, nothing that is measured can run.

    Made by `stopwatch`, whose ticks come late when it did.
    """

    def __init__(self) -> None:
        self._began = self._ticked = time.monotonic()
        self._stood_still = 0.0

    @property
    def seconds(self) -> float:
        self._tick()
        return self._ticked - self._began - self._stood_still

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            self._tick()

    def _tick(self) -> None:
        now = time.monotonic()
        late = now - self._ticked - LOOK_AGAIN_SECONDS
        if late > STOOD_STILL_SECONDS:
            self._stood_still += late
        self._ticked = now


@asynccontextmanager
async def stopwatch() -> AsyncIterator[Stopwatch]:
    """Runs from the beginning of the block."""
    made = Stopwatch()
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()


async def all_ended(pids: Sequence[int], seconds: float) -> list[int]:
    """Those of the processes that still run after so many seconds."""
    waits = {pid: asyncio.ensure_future(ended(pid)) for pid in pids}
    await asyncio.wait(waits.values(), timeout=seconds)
    late = [pid for pid, wait in waits.items() if not wait.done()]
    for wait in waits.values():
        wait.cancel()
    await asyncio.gather(*waits.values(), return_exceptions=True)
    return late


def processes_with(path: Path) -> list[int]:
    """Every process that names a path below this one in its command line, or works there."""
    found: list[int] = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            inside = (process / "cwd").readlink().is_relative_to(path)
            if os.fsencode(path) in command or inside:
                found.append(int(process.name))
    return found
