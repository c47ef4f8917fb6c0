"""Batches that are stepped again and commands that come again: nothing twice, nothing lost."""

import asyncio
from dataclasses import replace
from typing import Any

from signoff_broker.ports import Batch, StoreUnavailable
from signoff_broker.runtime.limits import Limits
from signoff_schemas.commands import AssignTask, CreateUserTask, UpdateTask
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.rejections import RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.values import Listener, ListenerEvent
from tests.support.broker import Caller, Worker, eventually, stack, working

PLAIN = UserTaskNode(id="plain", next="")
CHECKED = UserTaskNode(
    id="checked", next="", listeners=(Listener(ListenerEvent.ASSIGNING, "check"),)
)


class Slow:
    """A store that takes longer than anybody waits, for anything but a small batch."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(self, batch: Batch) -> None:
        if len(batch.steps) > 20:
            raise StoreUnavailable("TimeoutError")
        await self._inner.commit(batch)


async def created(caller: Caller, node: UserTaskNode) -> int:
    made = await caller.ask(CreateUserTask(node=node))
    return int(str(made.result["task_key"]))


async def test_a_batch_that_met_new_settings_still_has_the_credit_for_its_job() -> None:
    async with stack() as (made, caller), working(Worker(made.log, "check", credit=1)):
        key = await created(caller, CHECKED)
        warm = UpdateTask(task_key=await created(caller, PLAIN), changes={"priority": 1})
        await caller.ask(warm)
        known = made.database.settings
        made.database.settings = replace(known, version=known.version + 1)

        async with asyncio.timeout(8):  # a lost push is given up after ten
            outcome = await caller.ask(AssignTask(task_key=key, assignee="ann"))

        assert outcome.status is OutcomeStatus.APPLIED


async def test_what_was_refused_for_want_of_room_stays_refused_after_a_crash() -> None:
    limits = Limits(idle_ms=20, waits_max=1)
    async with stack(limits=limits) as (made, caller):
        waits, key = await created(caller, CHECKED), await created(caller, CHECKED)
        first = caller.entry(AssignTask(task_key=waits, assignee="ann"))
        caller.send(first)
        await eventually(lambda: first.request_id in {each.request_id for each in caller.replies})
        outcome = Outcome(status=OutcomeStatus.APPLIED)
        for name in ("eve", "bob"):  # the second within a second: no marker falls due for it
            refused = caller.entry(AssignTask(task_key=key, assignee=name))
            outcome = await caller.insist(refused)
        assert outcome.rejection is not None
        assert outcome.rejection.type is RejectionType.RESOURCE_EXHAUSTED

        await made.kill()
        made.begin()
        async with working(Worker(made.log, "check")):
            await eventually(lambda: made.rows.tasks[waits].attributes.assignee == "ann")
            last = await caller.ask(UpdateTask(task_key=key, changes={"priority": 7}))

        assert last.status is OutcomeStatus.APPLIED
        assert made.rows.tasks[key].attributes.assignee == ""


async def test_a_batch_that_took_too_long_comes_again_in_pieces() -> None:
    async with stack(wrap=Slow) as (made, caller):
        entries = [caller.entry(CreateUserTask(node=PLAIN)) for _ in range(100)]
        for entry in entries:
            caller.send(entry)

        async with asyncio.timeout(60):
            outcomes = [await caller.insist(entry) for entry in entries]

        assert {each.status for each in outcomes} == {OutcomeStatus.APPLIED}
        assert len(made.rows.tasks) == 100
