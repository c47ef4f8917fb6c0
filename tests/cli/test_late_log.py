"""A log that is not there yet, or goes away again while a process starts: it is waited for."""

import asyncio

import pytest

from signoff import addresses
from signoff.addresses import when_log_is_there
from signoff.global_listeners import configure
from signoff_gateway.gateway import Gateway
from signoff_process.clock import SystemClock
from signoff_process.log.memory import MemoryLog
from signoff_process.log.ports import EntryPublisher, LogUnavailable, OnJobs, Subscription
from tests.support.gateway import ScriptedReads


class LateLog(MemoryLog):
    """Refuses once to take entries, and once to show jobs."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.refusing = {"entries", "jobs"}

    async def entry_publisher(self) -> EntryPublisher:
        self._refuse_once("entries")
        return await super().entry_publisher()

    async def on_jobs(self, inbox: int, callback: OnJobs) -> Subscription:
        self._refuse_once("jobs")
        return await super().on_jobs(inbox, callback)

    def readers(self) -> int:
        """How many read replies and jobs."""
        return len(self._replies[0]) + len(self._jobs[0])

    def _refuse_once(self, what: str) -> None:
        if what in self.refusing:
            self.refusing.remove(what)
            raise LogUnavailable(what)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "RETRY_SECONDS", 0.001)


async def test_the_configuration_gets_into_a_log_that_is_late() -> None:
    log = LateLog()

    await when_log_is_there(lambda: configure(log, SystemClock(), ()), asyncio.Event())

    assert len(await (await log.source(1, 0, 0)).fetch(10, 1_000)) == 1


async def test_a_gateway_starts_on_a_log_that_is_late_and_listens_once() -> None:
    log = LateLog()
    gateway = Gateway(log, ScriptedReads(), SystemClock(), lambda: "id")  # type: ignore[arg-type]

    await when_log_is_there(gateway.start, asyncio.Event())

    assert not log.refusing
    assert log.readers() == 2
    await gateway.stop()
    assert log.readers() == 0


async def test_a_process_that_is_told_to_stop_waits_for_no_log() -> None:
    log, stopping = LateLog(), asyncio.Event()
    stopping.set()

    assert await when_log_is_there(log.start, stopping) is None
