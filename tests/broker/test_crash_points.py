"""Whatever call goes wrong, before or after its effect, by error or by death: promises 1 and 2.

One history of commands runs again and again, each time with a fault at the next of the broker's
calls to store, log and ownership, until a run is over before the fault was due.
"""

import asyncio
from functools import partial

import pytest

from signoff_broker.runtime import supervisor
from signoff_schemas.commands import AssignTask, CompleteTask, CreateUserTask, UpdateTask
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.values import Listener, ListenerEvent, TaskState
from tests.support.broker import (
    SOON_SECONDS,
    Caller,
    Faults,
    Stack,
    Worker,
    at_every_call,
    buried,
    stack,
    working,
)

PLAIN = UserTaskNode(id="plain", next="")
ASKING = UserTaskNode(
    id="asking", next="", listeners=(Listener(ListenerEvent.COMPLETING, "check"),)
)
TASKS = 2


async def history(caller: Caller) -> None:
    """Two tasks at once: one is updated, one is completed through its listener."""
    ask = partial(caller.ask, again=SOON_SECONDS)

    async def update() -> None:
        made = await ask(CreateUserTask(node=PLAIN))
        key = int(str(made.result["task_key"]))
        for priority in (10, 20, 30):
            await ask(UpdateTask(task_key=key, changes={"priority": priority}))

    async def complete() -> None:
        made = await ask(CreateUserTask(node=ASKING))
        key = int(str(made.result["task_key"]))
        await ask(AssignTask(task_key=key, assignee="ann"))
        await ask(CompleteTask(task_key=key))

    await asyncio.gather(update(), complete())


def outcomes_of(made: Stack, command_id: str) -> list[Outcome]:
    own = [row.outcome for row in made.steps if row.command_id == command_id and row.outcome]
    held = [row.answered for row in made.steps if row.answers == command_id and row.answered]
    return own + held


async def survive(faults: Faults) -> None:
    early: list[str] = []
    async with stack(faults=faults) as (made, caller):
        caller.check = lambda reply: (
            None if outcomes_of(made, reply.command_id) else early.append(reply.command_id)
        )
        async with buried(made, faults), working(Worker(made.log, "check")):
            await history(caller)
            outcomes = {
                entry.id: await caller.insist(entry, again=SOON_SECONDS) for entry in caller.asked
            }
        assert early == [], "promise 1: what is answered is on record"
        assert {each.status for each in outcomes.values()} == {OutcomeStatus.APPLIED}
        for command_id, outcome in outcomes.items():
            assert outcomes_of(made, command_id) == [outcome], "promise 2: one outcome, repeated"
        assert len(made.rows.processes) == TASKS, "promise 2: created once"
        priorities = {task.attributes.priority for task in made.rows.tasks.values()}
        assert priorities == {30, 50}
        done = [t for t in made.rows.tasks.values() if t.state is TaskState.COMPLETED]
        assert len(done) == 1
        positions = [row.position for row in made.steps]
        assert positions == sorted(set(positions))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("die", [False, True], ids=["error", "death"])
async def test_no_promise_breaks_at(
    *, after: bool, die: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "RETRY_SECONDS", 0.005)

    async def in_time(faults: Faults) -> None:
        async with asyncio.timeout(9):  # what waits for a lost push to be given up takes ten
            await survive(faults)

    await at_every_call(in_time, after=after, die=die)
