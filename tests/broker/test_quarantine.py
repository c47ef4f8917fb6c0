"""No record stops a partition: one that raises, one that cannot be stored, one that kills."""

import asyncio
from typing import Any

import pytest

from signoff_broker.engine.step import step
from signoff_broker.engine.world import Step, World
from signoff_broker.ports import Batch, DataError, Loaded
from signoff_broker.runtime import processor
from signoff_process.log.memory import MemoryLog
from signoff_schemas.commands import AssignTask, CreateUserTask, UpdateTask
from signoff_schemas.envelope import Entry
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from tests.support.broker import GATEWAY, Caller, Stack, stack

PLAIN = UserTaskNode(id="plain", next="")
POISON = "poison"


class Picky:
    """A store that cannot take one assignee, and if it is told so, neither its command."""

    def __init__(self, inner: Any, *, id_too: bool = False) -> None:
        self._inner = inner
        self._id_too = id_too

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def load(self, keys: set[int], ids: list[str]) -> Loaded:
        found: Loaded = await self._inner.load(keys, ids)
        return found

    async def commit(self, batch: Batch) -> None:
        if any(task.attributes.assignee == POISON for task in batch.tasks.values()):
            raise DataError("22021")
        if self._id_too and any(row.quarantined and row.command_id for row in batch.steps):
            raise DataError("22021")
        await self._inner.commit(batch)


async def created(caller: Caller) -> int:
    made = await caller.ask(CreateUserTask(node=PLAIN))
    return int(str(made.result["task_key"]))


def refused(outcome: Outcome) -> bool:
    rejection = outcome.rejection
    return (
        outcome.status is OutcomeStatus.REJECTED
        and rejection is not None
        and (rejection.type, rejection.code)
        == (RejectionType.PROCESSING_ERROR, Code.COMMAND_FAILED)
    )


async def in_one_batch(caller: Caller, key: int, other: int) -> tuple[Outcome, Outcome, Outcome]:
    entries = [
        caller.entry(UpdateTask(task_key=other, changes={"priority": 1})),
        caller.entry(AssignTask(task_key=key, assignee=POISON)),
        caller.entry(UpdateTask(task_key=other, changes={"priority": 2})),
    ]
    for entry in entries:
        caller.send(entry)
    first, second, third = [await caller.insist(entry) for entry in entries]
    return first, second, third


async def test_what_cannot_be_stored_is_quarantined_and_the_others_go_on() -> None:
    async with stack(wrap=Picky) as (made, caller):
        key, other = await created(caller), await created(caller)
        before, culprit, behind = await in_one_batch(caller, key, other)
        assert before.status is behind.status is OutcomeStatus.APPLIED
        assert refused(culprit)
        assert made.rows.tasks[other].attributes.priority == 2
        assert made.rows.tasks[key].attributes.assignee == ""
        [row] = [row for row in made.steps if row.quarantined]
        assert POISON.encode() in row.raw
        assert made.broker is not None
        assert made.broker.metrics.quarantined == 1
        assert made.broker.metrics.dropped == 0


async def test_what_cannot_be_stored_at_all_leaves_its_bytes_only() -> None:
    async with stack(wrap=lambda store: Picky(store, id_too=True)) as (made, caller):
        key, other = await created(caller), await created(caller)
        entry = caller.entry(AssignTask(task_key=key, assignee=POISON))
        caller.send(entry)
        outcome = await caller.ask(UpdateTask(task_key=other, changes={"priority": 2}))
        assert outcome.status is OutcomeStatus.APPLIED
        [row] = [row for row in made.steps if row.quarantined]
        assert (row.command_id, row.outcome) == ("", None)
        assert POISON.encode() in row.raw


async def test_a_step_that_raises_is_quarantined_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(world: World, entry: Entry, *, now: int, position: int) -> Step:
        if isinstance(entry.body, AssignTask):
            raise ZeroDivisionError("a bug \x00 of ours")
        return step(world, entry, now=now, position=position)

    monkeypatch.setattr(processor, "step", failing)
    async with stack() as (made, caller):
        key, other = await created(caller), await created(caller)
        before, culprit, behind = await in_one_batch(caller, key, other)
        assert before.status is behind.status is OutcomeStatus.APPLIED
        assert refused(culprit)
        assert culprit.rejection is not None
        assert culprit.rejection.values == {"error": r"ZeroDivisionError: a bug \x00 of ours"}
        assert [row.quarantined for row in made.steps if row.quarantined]


def die_again_and_again(made: Stack, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From now on every process dies at an assignment; counts how many did."""
    deaths: list[int] = []

    def deadly(world: World, entry: Entry, *, now: int, position: int) -> Step:
        if isinstance(entry.body, AssignTask) and entry.id not in world.known:
            deaths.append(position)
            made.process.dead = True
            made.faults.died.set()
            raise asyncio.CancelledError
        return step(world, entry, now=now, position=position)

    monkeypatch.setattr(processor, "step", deadly)
    return deaths


async def test_the_third_death_at_a_record_is_its_last(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stack() as (made, caller):
        key, other = await created(caller), await created(caller)
        deaths = die_again_and_again(made, monkeypatch)
        caller.send(caller.entry(UpdateTask(task_key=other, changes={"priority": 1})))
        culprit = caller.entry(AssignTask(task_key=key, assignee="ann"))
        caller.send(culprit)
        for _ in range(3):
            await made.faults.died.wait()
            made.faults.died.clear()
            await made.kill()
            made.begin()
        assert refused(await caller.insist(culprit))
        assert len(deaths) == 3
        assert made.rows.tasks[other].attributes.priority == 1
        outcome = await caller.ask(UpdateTask(task_key=key, changes={"priority": 3}))
        assert outcome.status is OutcomeStatus.APPLIED


async def test_nobody_is_suspected_where_records_die_with_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After each death another record comes under the same offset."""
    async with stack(log=MemoryLog(1, 2)) as (made, caller):
        key = await created(caller)
        deaths = die_again_and_again(made, monkeypatch)
        for _ in range(3):
            caller.send(caller.entry(AssignTask(task_key=key, assignee="ann")))
            await made.faults.died.wait()
            made.faults.died.clear()
            await made.kill()
            made.log = caller.log = MemoryLog(1, 2)
            await made.log.on_replies(GATEWAY.partition, caller.receive)
            made.begin()

        innocent = await caller.ask(UpdateTask(task_key=key, changes={"priority": 3}))

        assert len(deaths) == 3
        assert innocent.status is OutcomeStatus.APPLIED


async def test_deaths_without_a_culprit_quarantine_nothing() -> None:
    async with stack() as (made, caller):
        for _ in range(5):
            await created(caller)
            await made.kill()
            made.begin()
        await created(caller)
        assert len(made.rows.tasks) == 6
        assert not any(row.quarantined for row in made.steps)
