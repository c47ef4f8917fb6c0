"""What was committed leaves: in order, in batches, at least once."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import pytest

from signoff_broker.engine.world import Outgoing
from signoff_broker.memory.store import MemoryDatabase, MemoryStore
from signoff_broker.ports import StepRow
from signoff_broker.runtime import relay as relaying
from signoff_broker.runtime.metrics import Metrics
from signoff_broker.runtime.relay import Relay, address
from signoff_broker.runtime.signals import AwaitableSignals, Fact
from signoff_process.log.ports import Addressed, LogUnavailable
from signoff_schemas.codec import EventBatch, JobBatch, ReplyBatch
from signoff_schemas.documents import DocumentSet
from signoff_schemas.job_events import JobTimedOut
from signoff_schemas.jobs import Ring
from signoff_schemas.replies import Outcome, OutcomeStatus, Reply
from signoff_schemas.topics import Inlet

APPLIED = Outcome(status=OutcomeStatus.APPLIED)


def reply(number: int, gateway: str = "g1", inbox: int = 0) -> Outgoing:
    message = Reply(
        gateway=gateway, partition=1, request_id=f"r{number}", command_id="c", outcome=APPLIED
    )
    return Outgoing(inbox, message)


def row(position: int, *messages: Outgoing) -> StepRow:
    event = JobTimedOut(job_key=position, process_instance_key=1, at=5)
    return StepRow(
        position, Inlet.COMMANDS, 0, 5, 0, 0, 0, f"c1-{position}", principal="demo",
        events=(event,), messages=messages,
    )  # fmt: skip


class Line:
    """A publisher that can be cut, and that chokes on one request."""

    def __init__(self) -> None:
        self.sent: list[Addressed] = []
        self.cuts = 0
        self.chokes_on = ""
        self.open = asyncio.Event()
        self.open.set()

    async def publish(self, batches: Sequence[Addressed]) -> None:
        await self.open.wait()
        if self.cuts:
            self.cuts -= 1
            raise LogUnavailable("cut")
        if any(self.chokes_on in ids_of(each) for each in batches):
            raise ValueError("cannot be encoded")
        self.sent += batches

    async def close(self) -> None:
        pass

    @property
    def requests(self) -> list[str]:
        return [request for each in self.sent for request in ids_of(each)]


def ids_of(addressed: Addressed) -> list[str]:
    batch = addressed[1]
    if not isinstance(batch, ReplyBatch):
        return []
    return [each.request_id for each in batch.items]


class Running:
    """A relay at work."""

    def __init__(self, *, steps_max: int = 100, events: bool = False) -> None:
        self.line = Line()
        self.metrics = Metrics()
        self.signals = AwaitableSignals()
        self.database = MemoryDatabase()
        self.rows = self.database.partitions[1]
        self.relay = Relay(
            1,
            self.line,
            publish_events=events,
            steps_max=steps_max,
            metrics=self.metrics,
            signals=self.signals,
        )

    async def __aenter__(self) -> Self:
        newest = self.rows.steps[-1].position if self.rows.steps else 0
        store = MemoryStore(self.database, 1, ("", 0))
        self.task = asyncio.create_task(self.relay.run(store, self.rows.relayed, newest))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()

    async def until(self, position: int) -> None:
        async with asyncio.timeout(30):
            await self.signals.until(Fact.RELAYED, 1, position)


def test_replies_go_as_one_batch_a_gateway_and_events_as_one_a_step() -> None:
    rows = [row(1, reply(1)), row(2, reply(2, "g2", 3)), row(3, reply(3))]
    ring = Outgoing(2, Ring(subscriber="w", partition=1, job_type="check"))
    found = address(1, rows, [ring], events=True)
    replies = [(to, b.gateway, len(b.items)) for to, b in found if isinstance(b, ReplyBatch)]
    assert replies == [(0, "g1", 2), (3, "g2", 1)]
    jobs = [(to, batch.subscriber) for to, batch in found if isinstance(batch, JobBatch)]
    assert jobs == [(2, "w")]
    events = [(to, batch) for to, batch in found if isinstance(batch, EventBatch)]
    assert [(to, e.position, e.command_id, e.actor, e.at) for to, e in events] == [
        (1, number, f"c1-{number}", "demo", 5) for number in (1, 2, 3)
    ]


def test_batches_survive_the_wire() -> None:
    for _, batch in address(1, [row(1, reply(1))], [], events=True):
        assert type(batch).model_validate_json(batch.model_dump_json()) == batch


async def test_a_cut_line_loses_nothing_and_keeps_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relaying, "RETRY_SECONDS", 0.001)
    async with Running() as running:
        running.line.cuts = 3
        running.relay.offer([row(1, reply(1)), row(2, reply(2))], ())
        running.relay.offer([row(3, reply(3))], ())
        await running.until(3)
        assert running.line.requests == ["r1", "r2", "r3"]
        assert running.metrics.relay_retries == 3


async def test_one_message_that_cannot_be_sent_does_not_hold_up_the_others() -> None:
    async with Running() as running:
        running.line.chokes_on = "r2"
        rows = [row(1, reply(1)), row(2, reply(2, "g2")), row(3, reply(3, "g3"))]
        running.relay.offer(rows, ())
        await running.until(3)
        assert running.line.requests == ["r1", "r3"]
        assert running.metrics.unsendable == 1


async def test_what_a_crash_kept_from_leaving_leaves_first() -> None:
    running = Running()
    running.rows.steps = [row(number, reply(number)) for number in (1, 2, 3)]
    running.rows.relayed = 1
    async with running:
        running.relay.offer([row(4, reply(4))], ())
        await running.until(4)
        assert running.line.requests == ["r2", "r3", "r4"]


async def test_the_loop_waits_when_too_much_has_not_left() -> None:
    async with Running(steps_max=2) as running:
        running.line.open.clear()
        running.relay.offer([row(number, reply(number)) for number in (1, 2, 3)], ())
        waiting = asyncio.create_task(running.relay.room())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        running.line.open.set()
        async with asyncio.timeout(30):
            await waiting


async def test_flush_returns_when_everything_has_left() -> None:
    async with Running() as running:
        running.relay.offer([row(1, reply(1))], [reply(2)])
        async with asyncio.timeout(30):
            await running.relay.flush()
        assert running.line.requests == ["r1", "r2"]
        assert running.relay.lag == 0


def test_readers_of_events_are_not_told_what_a_document_holds() -> None:
    event = DocumentSet(
        kind="k", id="d", version=1, content={"hash": "s3cret"}, by="ann", at=5
    )  # fmt: skip
    step = replace(row(1), events=(event,))

    [(_, batch)] = address(1, [step], [], events=True)

    assert isinstance(batch, EventBatch)
    assert "s3cret" not in batch.model_dump_json()
    assert [item.type for item in batch.items] == ["document.set"]
    assert step.events == (event,)
