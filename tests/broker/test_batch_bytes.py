"""Batches end early when their steps make too much: other commits, the same effect."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from signoff_broker.engine.world import Outgoing
from signoff_broker.memory.ownership import MemoryOwnership
from signoff_broker.memory.store import MemoryDatabase, Partition
from signoff_broker.ports import Batch, StepRow
from signoff_broker.runtime.batch import Offsets
from signoff_broker.runtime.limits import Limits
from signoff_broker.runtime.metrics import Metrics
from signoff_broker.runtime.processor import Processor
from signoff_broker.runtime.signals import Signals
from signoff_process.clock import SystemClock
from signoff_process.log.ports import Arrival
from signoff_schemas.commands import Command, CreateUserTask, Deploy, Resource, StartProcess
from signoff_schemas.envelope import Entry
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.results import Grant, Subscription
from signoff_schemas.topics import Inlet
from signoff_schemas.values import Listener, ListenerEvent
from tests.support.broker import DEMO
from tests.support.frames import framed, human

PLAIN = UserTaskNode(id="plain", next="")
CHECKED = UserTaskNode(
    id="checked", next="", listeners=(Listener(ListenerEvent.CREATING, "check"),)
)
LARGE: dict[str, object] = {"text": "x" * 1_000}
UNBOUNDED = 1 << 30


class Nowhere:
    """A relay whose messages nobody reads."""

    def offer(self, rows: Sequence[StepRow], loose: Sequence[Outgoing]) -> None:
        pass


@dataclass
class Loop:
    """A processor on memory, and the sizes of its commits."""

    processor: Processor
    rows: Partition
    sizes: list[int] = field(default_factory=list[int])
    seen: int = 0

    async def take_up(self, *bodies: Command, inlet: Inlet = Inlet.COMMANDS) -> None:
        work = [self._arrival(body, inlet) for body in bodies]
        processor = self.processor
        timers = await processor.due.take(processor.tick())
        await processor.process(work, timers, Offsets(self.seen, 0), Nowhere())  # pyright: ignore[reportArgumentType]
        await processor.due.settle(processor.tick())

    def _arrival(self, body: Command, inlet: Inlet) -> Arrival:
        number = self.seen
        self.seen += 1
        entry = Entry(
            id=f"c1-{number}",
            request_id="",
            partition=1,
            principal=DEMO,
            issued_at=self.processor.tick(),
            body=body,
        )
        return Arrival(inlet, number, entry)


async def a_loop(batch_bytes_max: int) -> Loop:
    database = MemoryDatabase()
    ownership = MemoryOwnership(database, "broker")
    await ownership.heartbeat()
    held = await ownership.take(1)
    assert held is not None
    limits = Limits(batch_bytes_max=batch_bytes_max)
    processor = Processor(
        held, clock=SystemClock(), limits=limits, metrics=Metrics(), signals=Signals()
    )
    await processor.restore()
    loop = Loop(processor, database.partitions[1])
    commit = held.store.commit

    async def counted(batch: Batch) -> None:
        loop.sizes.append(len(batch.steps))
        await commit(batch)

    held.store.commit = counted  # type: ignore[method-assign]
    return loop


def told(rows: Partition) -> list[Any]:
    """All that was done, without when, and without where a batch ended."""
    plain = [replace(each, now=0, commands_offset=0, results_offset=0) for each in rows.steps]
    return [(each.position, each.offset, each.outcome, each.last_key) for each in plain]


async def test_records_that_make_much_end_a_batch_early() -> None:
    bounded, whole = await a_loop(3_000), await a_loop(UNBOUNDED)
    commands = [CreateUserTask(node=PLAIN, variables=LARGE) for _ in range(8)]

    await bounded.take_up(*commands)
    await whole.take_up(*commands)

    assert whole.sizes == [8]
    assert bounded.sizes == [3, 3, 2]
    assert told(bounded.rows) == told(whole.rows)
    assert len(bounded.rows.tasks) == 8
    ends = [each.commands_offset for each in bounded.rows.steps]
    assert ends == [3, 3, 3, 6, 6, 6, 8, 8]
    assert bounded.processor.offsets == Offsets(8, 0)


async def test_what_templates_make_counts() -> None:
    loop = await a_loop(3_000)
    policy = {"triggers": [{"on": "PENDING", "process_id": "f", "variables": LARGE}]}
    graph = framed(human("review", policy={"type": "value", "value": policy}))
    await loop.take_up(Deploy(resources=(Resource(name="f", digest="", processes=(graph,)),)))
    loop.sizes.clear()

    await loop.take_up(*(StartProcess(process_id="f") for _ in range(6)))
    assert len(loop.sizes) > 1
    loop.sizes.clear()
    await loop.take_up()

    assert sum(loop.sizes) == 6, "what the triggers called for"
    assert len(loop.sizes) > 1
    assert len(loop.rows.processes) == 12


@pytest.mark.parametrize(("batch_bytes_max", "pushed"), [(3_000, 3), (UNBOUNDED, 8)])
async def test_jobs_that_take_much_along_wait_for_the_next_batch(
    batch_bytes_max: int, pushed: int
) -> None:
    loop = await a_loop(batch_bytes_max)
    await loop.take_up(*(CreateUserTask(node=CHECKED, variables=LARGE) for _ in range(8)))
    dispatcher = loop.processor.dispatcher
    grant = Grant(slot="s", job_type="check", count=20, worker="w", timeout_ms=60_000)
    subscription = Subscription(subscriber="w", inbox=0, grants=(grant,))
    dispatcher.subscribe(subscription, loop.processor.monotonic_ms())

    await loop.take_up()

    assert sum(bool(each.worker) for each in loop.rows.jobs.values()) == pushed
    while loop.processor.restless:
        await loop.take_up()
    assert all(each.worker for each in loop.rows.jobs.values())
