"""Every command in every state of a task: refused with the right words, or accepted."""

from collections.abc import Callable

import pytest

from signoff_broker.engine.lifecycle import PHASES, accepts, diagram
from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    Command,
    CompleteTask,
    SetVariables,
    UpdateTask,
)
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.results import CompleteJob
from signoff_schemas.values import Listener, ListenerEvent, TaskState
from tests.support.engine import Bench, refusal_of, result_of

HOOKS = tuple(Listener(event, f"on-{event}") for event in ListenerEvent)
MakeCommand = Callable[[Bench, int], Command]
COMMANDS: dict[str, MakeCommand] = {
    "assign": lambda _bench, key: AssignTask(task_key=key, assignee="ann"),
    "claim": lambda _bench, key: ClaimTask(task_key=key, assignee="ann"),
    "update": lambda _bench, key: UpdateTask(task_key=key, changes={"priority": 1}),
    "complete": lambda _bench, key: CompleteTask(task_key=key),
}
WAITING = {
    "assign": TaskState.ASSIGNING,
    "claim": TaskState.CLAIMING,
    "update": TaskState.UPDATING,
    "complete": TaskState.COMPLETING,
}
OPEN_STATES = [
    TaskState.CREATING,
    TaskState.CREATED,
    TaskState.ASSIGNING,
    TaskState.CLAIMING,
    TaskState.UPDATING,
    TaskState.COMPLETING,
    TaskState.CANCELING,
]


def task_in(bench: Bench, state: TaskState) -> int:
    """A task with a listener on every event, brought into a state."""
    key = bench.create(*HOOKS)
    if state is TaskState.CREATING:
        return key
    bench.send(CompleteJob(job_key=bench.job(key).key))
    if state is TaskState.CANCELING:
        bench.send(CancelProcess(process_instance_key=bench.instance(key).process.key))
    for name, waiting in WAITING.items():
        if state is waiting:
            bench.send(COMMANDS[name](bench, key))
    assert bench.task(key).state is state
    return key


@pytest.mark.parametrize("state", OPEN_STATES)
@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_accepted_in_created_only(name: str, state: TaskState) -> None:
    bench = Bench()
    key = task_in(bench, state)

    done = bench.send(COMMANDS[name](bench, key))

    if state is TaskState.CREATED:
        assert bench.task(key).state is WAITING[name]
    else:
        refusal = refusal_of(done)
        assert (refusal.type, refusal.code) == (RejectionType.INVALID_STATE, Code.TASK_IN_STATE)
        assert {"verb": name, "key": str(key), "state": state.value} == refusal.values
        assert refusal.intent == name.upper()
        assert bench.task(key).state is state


@pytest.mark.parametrize("state", OPEN_STATES)
def test_setting_variables_of_the_task_is_a_transition(state: TaskState) -> None:
    bench = Bench()
    key = task_in(bench, state)
    scope = bench.task(key).element_instance_key

    done = bench.send(SetVariables(scope_key=scope, variables={"x": 1}))

    if state is TaskState.CREATED:
        assert bench.task(key).state is TaskState.UPDATING
    elif state is TaskState.CANCELING:
        assert refusal_of(done).code is Code.SCOPE_NOT_FOUND
    else:
        assert refusal_of(done).code is Code.VARIABLES_TASK_IN_STATE
        assert refusal_of(done).values == {"key": str(key), "state": state.value}


@pytest.mark.parametrize("state", OPEN_STATES)
def test_cancel_is_accepted_until_the_instance_terminates(state: TaskState) -> None:
    bench = Bench()
    key = task_in(bench, state)
    process = bench.instance(key).process.key

    done = bench.send(CancelProcess(process_instance_key=process))

    if state is TaskState.CANCELING:
        refusal = refusal_of(done)
        assert (refusal.type, refusal.code) == (RejectionType.NOT_FOUND, Code.PROCESS_NOT_FOUND)
    else:
        assert result_of(done) == {}
        assert bench.task(key).state is TaskState.CANCELING
        assert bench.job(key).job_type == "on-canceling"


@pytest.mark.parametrize("ending", ["completed", "canceled"])
@pytest.mark.parametrize("name", COMMANDS)
def test_command_finds_no_task_once_it_ended(name: str, ending: str) -> None:
    bench = Bench()
    key = bench.create()
    process = bench.instance(key).process.key
    scope = bench.task(key).element_instance_key
    if ending == "completed":
        bench.send(CompleteTask(task_key=key))
    else:
        bench.send(CancelProcess(process_instance_key=process))

    refusal = refusal_of(bench.send(COMMANDS[name](bench, key)))

    assert (refusal.type, refusal.code) == (RejectionType.NOT_FOUND, Code.TASK_NOT_FOUND)
    gone = bench.send(SetVariables(scope_key=scope, variables={"x": 1}))
    assert refusal_of(gone).code is Code.SCOPE_NOT_FOUND
    gone = bench.send(CancelProcess(process_instance_key=process))
    assert refusal_of(gone).code is Code.PROCESS_NOT_FOUND


def test_keys_of_other_entities_are_no_task_keys() -> None:
    bench = Bench()
    key = bench.create(Listener(ListenerEvent.CREATING, "c"))
    instance = bench.instance(key)
    others = (instance.process.key, bench.task(key).element_instance_key, bench.job(key).key)

    for other in (*others, 0, -1, 1 << 70):
        refusal = refusal_of(bench.send(AssignTask(task_key=other, assignee="ann")))
        assert refusal.code is Code.TASK_NOT_FOUND


def test_table_says_what_the_engine_does() -> None:
    for phase in PHASES:
        for state in OPEN_STATES:
            expected = state in phase.begins_in
            assert accepts(phase.command, state) is expected
    assert not accepts("complete", TaskState.COMPLETED)


def test_diagram_shows_every_transition() -> None:
    lines = diagram().splitlines()

    assert len(lines) == len(PHASES)
    for phase, line in zip(PHASES, lines, strict=True):
        assert phase.waits_in in line
        assert f"{phase.listeners} listeners" in line
        assert phase.ends_with in line
        assert ("denied" in line) is phase.deniable
    assert diagram().isascii()
