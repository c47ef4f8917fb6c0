"""The worker over a transport in memory: concurrency, failures, and how it stops."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from signoff_worker import (
    Activation,
    Failure,
    ListenerJob,
    Listeners,
    Outcome,
    Worker,
    complete,
    deny,
)
from signoff_worker.transport import JobGone, OutcomeRefused, TransportError


class MemoryTransport:
    """Jobs from a list; answers are kept. The first answers of a kind may be made to fail."""

    def __init__(self, *keys: str, errors: Sequence[Exception] = ()) -> None:
        self.jobs = [ListenerJob(key=key, type="check", event="updating") for key in keys]
        self.answers: dict[str, Outcome | Failure] = {}
        self.asked: list[int] = []
        self.closed = False
        self._errors = list(errors)
        self._answered = asyncio.Condition()

    async def activate(self, activation: Activation) -> Sequence[ListenerJob]:
        self.asked.append(activation.jobs_max)
        if not self.jobs:
            await asyncio.Event().wait()
        taken = self.jobs[: activation.jobs_max]
        del self.jobs[: activation.jobs_max]
        return taken

    async def answer(self, job: ListenerJob, outcome: Outcome) -> None:
        await self._keep(job, outcome)

    async def fail(self, job: ListenerJob, failure: Failure) -> None:
        await self._keep(job, failure)

    async def close(self) -> None:
        self.closed = True

    async def answered(self, count: int) -> None:
        async with self._answered:
            await self._answered.wait_for(lambda: len(self.answers) >= count)

    async def _keep(self, job: ListenerJob, answer: Outcome | Failure) -> None:
        if self._errors:
            raise self._errors.pop(0)
        async with self._answered:
            self.answers[job.key] = answer
            self._answered.notify_all()


class Gate:
    """A handler that waits to be let through, and counts who is inside."""

    def __init__(self) -> None:
        self.listeners = Listeners()
        self.opened = asyncio.Event()
        self.entered = asyncio.Semaphore(0)
        self.inside = 0
        self.inside_max = 0
        self.listeners.on("updating", job_type="check")(self.handle)

    async def handle(self, _job: ListenerJob) -> Outcome:
        self.inside += 1
        self.inside_max = max(self.inside_max, self.inside)
        self.entered.release()
        await self.opened.wait()
        self.inside -= 1
        return complete()


def denying() -> Listeners:
    listeners = Listeners()

    @listeners.on("updating", job_type="check")
    async def refuse(_job: ListenerJob) -> Outcome:
        return deny("no")

    return listeners


async def run_until(transport: MemoryTransport, listeners: Listeners, answers: int) -> None:
    stopping = asyncio.Event()
    running = asyncio.create_task(Worker(transport, [listeners]).run(stopping))
    await transport.answered(answers)
    stopping.set()
    await running


async def test_never_more_handlers_than_places() -> None:
    transport = MemoryTransport(*map(str, range(10)))
    gate = Gate()
    stopping = asyncio.Event()
    worker = Worker(transport, [gate.listeners], concurrency_max=3)
    running = asyncio.create_task(worker.run(stopping))
    for _ in range(3):
        await gate.entered.acquire()
    gate.opened.set()
    await transport.answered(10)
    stopping.set()
    await running

    assert gate.inside_max == 3
    assert max(transport.asked) == 3
    assert transport.closed


async def test_stopping_lets_running_handlers_finish() -> None:
    transport = MemoryTransport("1")
    gate = Gate()
    stopping = asyncio.Event()
    running = asyncio.create_task(Worker(transport, [gate.listeners]).run(stopping))
    await gate.entered.acquire()
    stopping.set()
    gate.opened.set()
    await running

    assert transport.answers == {"1": complete()}


async def test_stopping_hands_unfinished_jobs_back_with_unchanged_retries() -> None:
    transport = MemoryTransport("1")
    gate = Gate()
    stopping = asyncio.Event()
    worker = Worker(transport, [gate.listeners])
    running = asyncio.create_task(worker.run(stopping, drain=timedelta(milliseconds=10)))
    await gate.entered.acquire()
    stopping.set()
    await running

    assert transport.answers == {"1": Failure(3, "the worker stopped")}


async def test_an_answer_is_delivered_when_the_gateway_is_back() -> None:
    transport = MemoryTransport("1", errors=[TransportError("503")])

    await run_until(transport, denying(), 1)

    assert transport.answers == {"1": deny("no")}


async def test_a_job_that_went_to_another_worker_is_left_alone() -> None:
    transport = MemoryTransport("1", "2", errors=[JobGone("404")])

    await run_until(transport, denying(), 1)

    assert len(transport.answers) == 1


async def test_an_answer_that_is_not_allowed_becomes_an_incident() -> None:
    transport = MemoryTransport("1", errors=[OutcomeRefused("400 not supported")])

    await run_until(transport, denying(), 1)

    assert transport.answers == {"1": Failure(0, "400 not supported")}


async def test_two_handlers_for_one_event_and_no_handler_are_refused() -> None:
    with pytest.raises(ValueError, match="two handlers"):
        Worker(MemoryTransport(), [denying(), denying()])
    with pytest.raises(ValueError, match="at least one"):
        Worker(MemoryTransport(), [Listeners()])
