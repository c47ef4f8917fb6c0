"""Processes that triggers have called for: none is lost with its owner, none spins the loop."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from signoff_broker.engine.state import Definition, Settings, Start
from signoff_broker.engine.world import Outgoing
from signoff_broker.memory.ownership import MemoryOwnership
from signoff_broker.memory.store import MemoryDatabase, Partition
from signoff_broker.ports import Batch, DataError, Held, StepRow
from signoff_broker.runtime.limits import Limits
from signoff_broker.runtime.metrics import Metrics
from signoff_broker.runtime.processor import Processor
from signoff_broker.runtime.signals import Signals
from signoff_process.clock import SystemClock
from signoff_schemas.graph import EndNode, ProcessGraph, StartNode
from signoff_schemas.values import ProcessReference
from tests.adapters.entities import a_step, k
from tests.support.frames import FRAME, human

NODES = {"s": StartNode(id="s", next="h"), "h": human("h"), "end": EndNode(id="end")}
GRAPH = ProcessGraph(process_id="p", start="s", frame=FRAME, nodes=NODES)
DEFINITION = Definition(ProcessReference(k(1), "p", 1, ""), GRAPH, "<default>", "", "")
CALLED_FOR = Start(k(40), "p", 1, {}, "<default>", "", "")


@dataclass
class Nowhere:
    """A relay whose messages nobody reads."""

    offered: list[StepRow] = field(default_factory=list[StepRow])
    loose: list[Outgoing] = field(default_factory=list[Outgoing])

    def offer(self, rows: Sequence[StepRow], loose: Sequence[Outgoing]) -> None:
        self.offered += rows
        self.loose += loose


async def taken_over() -> tuple[Partition, Held, Processor]:
    """A partition in which a start waits, with an owner that knows nothing yet."""
    database = MemoryDatabase()
    database.settings = Settings(
        version=3, definitions={k(1): DEFINITION}, latest={("<default>", "p"): k(1)}
    )
    ownership = MemoryOwnership(database, "broker")
    await ownership.heartbeat()
    held = await ownership.take(1)
    assert held is not None
    await held.store.commit(Batch(steps=[a_step()], starts={CALLED_FOR.key: CALLED_FOR}))
    processor = Processor(
        held, clock=SystemClock(), limits=Limits(), metrics=Metrics(), signals=Signals()
    )
    await processor.restore()
    return database.partitions[1], held, processor


async def go_round(processor: Processor) -> None:
    timers = await processor.due.take(processor.tick())
    await processor.process([], timers, processor.offsets, Nowhere())  # pyright: ignore[reportArgumentType]
    await processor.due.settle(processor.tick())


async def test_a_start_outlives_the_owner_that_was_called_on() -> None:
    rows, _, processor = await taken_over()

    await go_round(processor)

    assert list(rows.processes) == [CALLED_FOR.key]
    assert not rows.starts


async def test_a_start_that_cannot_be_stored_is_left_alone() -> None:
    rows, held, processor = await taken_over()
    store = held.store
    commit = store.commit

    async def refusing(batch: Batch) -> None:
        if batch.processes:
            raise DataError("no such value")
        await commit(batch)

    store.commit = refusing  # pyright: ignore[reportAttributeAccessIssue]
    await go_round(processor)
    steps = len(rows.steps)

    await go_round(processor)

    assert list(rows.starts) == [CALLED_FOR.key]
    assert len(rows.steps) == steps
    assert processor.due.wait_ms(processor.tick()) != 0
