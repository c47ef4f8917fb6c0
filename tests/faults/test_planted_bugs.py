"""Bugs that must never be: each makes the history checker speak up, and without it it is silent."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.processors import job as jobs
from signoff_broker.engine.processors import work
from signoff_broker.memory.store import MemoryStore
from signoff_broker.ports import Batch, StoreUnavailable
from signoff_broker.runtime.batch import BatchBuilder
from signoff_broker.runtime.partition import Partition
from signoff_broker.runtime.processor import Processor
from signoff_broker.runtime.relay import Relay
from signoff_load.history import Violation
from signoff_process.log.memory import MemoryLog
from signoff_process.log.ports import Arrival
from signoff_schemas.codec import ReplyBatch
from signoff_schemas.envelope import Entry
from signoff_schemas.replies import Outcome, OutcomeStatus, Reply
from signoff_schemas.timers import ActivateJob
from signoff_schemas.topics import Inlet
from tests.support.drive import GATEWAY, Drive, listening, over

# -- what is done to the product ----------------------------------------------------------------


async def an_owner_freezes_and_wakes_up(drive: Drive) -> list[Violation]:
    """Its partition has moved on in between."""
    await drive.open_log()
    frozen = await drive.take("frozen")
    await drive.create()
    await drive.change("a")
    frozen.store.gate.clear()
    both = drive.ask("b")
    await frozen.store.at_gate.wait()
    successor = await drive.take("successor")
    await both.answer
    await drive.change("c")
    frozen.store.gate.set()
    await over(frozen)
    found = await drive.verdict(withdrawing=True)
    await drive.die(frozen, with_log=False)
    await drive.die(successor, with_log=False)
    return found


async def a_commit_fails(drive: Drive) -> list[Violation]:
    """The log is still there, so that everything in it comes to an outcome by itself."""
    await drive.open_log()
    owner = await drive.take("first")
    await drive.create()
    await drive.change("a")
    lost = drive.ask("b")
    owner.store.failing = lost.entry.id
    await asyncio.wait({owner.running})
    with pytest.raises(StoreUnavailable):
        await owner.running
    successor = await drive.take("second")
    await drive.change("c")
    found = await drive.verdict(withdrawing=False)
    await drive.die(successor, with_log=False)
    return found


async def the_process_dies_before_a_commit(drive: Drive) -> list[Violation]:
    """And the log, which it had in memory, with it."""
    await drive.open_log()
    owner = await drive.take("first")
    await drive.create()
    await drive.change("a")
    owner.store.gate.clear()
    drive.ask("b")
    await owner.store.at_gate.wait()
    for _ in range(100):  # whatever is on its way to the client arrives
        await asyncio.sleep(0)
    await drive.die(owner, with_log=True)
    successor = await drive.take("second")
    drive.read()
    found = await drive.verdict(withdrawing=True)
    await drive.die(successor, with_log=False)
    return found


async def a_worker_answers_after_its_job_went_to_another(drive: Drive) -> list[Violation]:
    """Its lease is over."""
    await drive.open_log()
    owner = await drive.take("first")
    await drive.create(listening())
    changed = drive.ask("a")
    late = await drive.take_job("ann")
    drive.leave("ann")
    current = await drive.take_job("bob")
    await drive.complete("ann", late)
    await drive.complete("bob", current)
    await changed.answer
    found = await drive.verdict(withdrawing=True)
    await drive.die(owner, with_log=False)
    return found


async def two_claim_one_task(drive: Drive) -> list[Violation]:
    """And the owner dies in between: the second comes to one that has read the task."""
    await drive.open_log()
    owner = await drive.take("first")
    await drive.create()
    await drive.claim("ann")
    await drive.die(owner, with_log=False)
    owner = await drive.take("second")
    await drive.claim("bob")
    found = await drive.verdict(withdrawing=True)
    await drive.die(owner, with_log=False)
    return found


# -- the bugs -----------------------------------------------------------------------------------


class SkipsFence:
    """A store that writes under whichever epoch there is."""

    def __init__(self, inner: MemoryStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(self, batch: Batch) -> None:
        self._inner._fence = self._inner._rows.fence
        batch.assumed = None  # a second fence: what the successor did would be seen there
        await self._inner.commit(batch)


class CommitsOffsetsEarly(Partition):
    """What was fetched counts as done before it is."""

    async def _take_up(self, arrivals: Sequence[Arrival], relay: Relay) -> None:
        offsets = self._consumed
        for arrival in arrivals:
            offsets = offsets.after(arrival)
        if arrivals:
            await self._processor.mark(offsets, relay)
        await super()._take_up(arrivals, relay)


class SendsFirst(Processor):
    """Messages leave, and then their step is committed."""

    async def _commit(self, builder: BatchBuilder, relay: Relay) -> None:
        relay.offer(builder.batch.steps, builder.loose)
        await super()._commit(builder, relay)


class RelaysBeforeCommit(Partition):
    """A partition with such a processor."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._processor.__class__ = SendsFirst


class AnswersOnArrival(MemoryLog):
    """The client hears that its command was applied as soon as the log has it."""

    def append(self, inlet: Inlet, entry: Entry) -> None:
        super().append(inlet, entry)
        reply = Reply(
            gateway=GATEWAY.gateway,
            partition=entry.partition,
            request_id=entry.request_id,
            command_id=entry.id,
            outcome=Outcome(status=OutcomeStatus.APPLIED),
        )
        if entry.body.type == "user_task.update":
            self.deliver(GATEWAY.partition, ReplyBatch(gateway=GATEWAY.gateway, items=(reply,)))


def reuse_lease_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every activation of a job gets the same token."""
    activate = jobs.activate

    def always_the_same(draft: Draft, timer: ActivateJob) -> None:
        position, draft.position = draft.position, 1
        activate(draft, timer)
        draft.position = position

    monkeypatch.setattr(jobs, "activate", always_the_same)


def forget_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a task gets it."""
    monkeypatch.setattr(work, "_must_be_unclaimed", lambda *_: None)


# -- the checker --------------------------------------------------------------------------------

Move = Callable[[Drive], Awaitable[list[Violation]]]


@pytest.mark.parametrize(
    "move",
    [
        an_owner_freezes_and_wakes_up,
        a_commit_fails,
        the_process_dies_before_a_commit,
        a_worker_answers_after_its_job_went_to_another,
        two_claim_one_task,
    ],
)
async def test_nothing_is_broken_without_a_bug(move: Move) -> None:
    assert await move(Drive()) == []


@pytest.mark.parametrize(
    ("drive", "move", "promise"),
    [
        pytest.param(
            lambda: Drive(store=SkipsFence), an_owner_freezes_and_wakes_up, 2, id="fence skipped"
        ),
        pytest.param(
            lambda: Drive(partition=CommitsOffsetsEarly),
            a_commit_fails,
            4,
            id="offset committed early",
        ),
        pytest.param(
            lambda: Drive(partition=RelaysBeforeCommit),
            the_process_dies_before_a_commit,
            2,
            id="relay before commit",
        ),
        pytest.param(
            lambda: Drive(log_type=AnswersOnArrival),
            the_process_dies_before_a_commit,
            2,
            id="acknowledge before commit",
        ),
    ],
)
async def test_the_checker_finds(drive: Callable[[], Drive], move: Move, promise: int) -> None:
    found = await move(drive())
    assert promise in {each.promise for each in found}, found


async def test_the_checker_finds_a_lease_token_that_is_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reuse_lease_tokens(monkeypatch)
    found = await a_worker_answers_after_its_job_went_to_another(Drive())
    assert 7 in {each.promise for each in found}, found


async def test_the_checker_finds_a_claim_that_is_granted_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forget_claims(monkeypatch)
    found = await two_claim_one_task(Drive())
    assert [each.promise for each in found] == [10], found
