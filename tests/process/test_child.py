"""A child process: started as ours, ended by its own pid."""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from signoff_process.child import Child, ChildError, RunAs, ended


def start(code: str) -> Child:
    with tempfile.TemporaryFile() as output:
        return Child.start(
            [sys.executable, "-c", code],
            environment={},
            output=output,
            at_our_death=signal.SIGKILL,
        )


async def test_wait_says_how_it_ended() -> None:
    assert await start("raise SystemExit(3)").wait() == 3


async def test_stop_goes_on_to_the_next_signal_when_one_is_ignored() -> None:
    deaf = ["/bin/sh", "-c", "trap '' TERM; echo deaf; exec sleep 60"]
    with tempfile.TemporaryFile() as output:
        child = Child.start(deaf, environment={}, output=output, at_our_death=signal.SIGKILL)
        while not os.fstat(output.fileno()).st_size:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.005)

    assert await child.stop((signal.SIGTERM, 0.2), (signal.SIGKILL, 5)) == -signal.SIGKILL
    assert await child.stop((signal.SIGTERM, 5)) == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


async def test_ended_returns_at_once_for_what_is_not_there() -> None:
    child = start("")
    await child.wait()

    async with asyncio.timeout(30):
        await ended(child.pid)


async def test_a_child_is_started_by_the_main_thread_only() -> None:
    with pytest.raises(ChildError, match="main thread"):
        await asyncio.to_thread(start, "")


async def test_a_missing_program_is_named() -> None:
    with tempfile.TemporaryFile() as output, pytest.raises(ChildError, match="/nowhere/at/all"):
        Child.start(["/nowhere/at/all"], environment={}, output=output, at_our_death=signal.SIGKILL)


def test_a_closed_door_is_seen(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir(mode=0o755)
    stranger = RunAs(uid=4_000_000, gid=4_000_000)
    tmp_path.chmod(0o700)

    assert not stranger.can_reach(inner)
    assert stranger.can_reach(Path("/tmp"))
