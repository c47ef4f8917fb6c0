"""What callers need grants for, and when that is asked."""

import pytest

from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    Command,
    CompleteTask,
    Deploy,
    Resource,
    SetVariables,
    StartProcess,
    UpdateTask,
)
from signoff_schemas.principal import ADMIN, Grant, Principal
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.templates import Items, Object, Reference, Template, Value
from tests.support.engine import Bench, a_task_node, refusal_of
from tests.support.frames import framed, human

PROCESS, TASK = "PROCESS_DEFINITION", "USER_TASK"


def commands(bench: Bench, process: int) -> dict[str, Command]:
    task = bench.instance(process).task
    assert task is not None
    return {
        "assign": AssignTask(task_key=task.key, assignee="x"),
        "unassign": AssignTask(task_key=task.key, assignee=""),
        "claim": ClaimTask(task_key=task.key, assignee="x"),
        "update": UpdateTask(task_key=task.key, changes={"priority": 7}),
        "complete": CompleteTask(task_key=task.key),
        "variables": SetVariables(scope_key=process, variables={"a": 1}),
        "cancel": CancelProcess(process_instance_key=process),
        "start": StartProcess(process_id="p"),
    }


OF_TASKS = {"assign", "unassign", "claim", "update", "complete"}


@pytest.mark.parametrize(
    ("kind", "target", "verb", "allowed"),
    [
        (PROCESS, "p", "UPDATE_USER_TASK", OF_TASKS),
        (PROCESS, "*", "UPDATE_USER_TASK", OF_TASKS),
        (PROCESS, "other", "UPDATE_USER_TASK", set()),
        (PROCESS, "p", "COMPLETE_USER_TASK", {"complete"}),
        (PROCESS, "p", "UPDATE_PROCESS_INSTANCE", {"variables"}),
        (PROCESS, "p", "CANCEL_PROCESS_INSTANCE", {"cancel"}),
        (PROCESS, "p", "CREATE_PROCESS_INSTANCE", {"start"}),
        (PROCESS, "p", "READ_USER_TASK", set()),
        (TASK, "*", "UPDATE", OF_TASKS),
        (TASK, "*", "CLAIM", {"claim"}),
        (TASK, "*", "COMPLETE", {"complete"}),
        (TASK, "1", "UPDATE", set()),
    ],
)
def test_each_command_takes_a_grant(kind: str, target: str, verb: str, allowed: set[str]) -> None:
    caller = Principal("jane", grants=(Grant(kind, target, (verb,)),))
    found: set[str] = set()
    for name in commands(bench := Bench(), bench.start(a_task_node())):
        bench = Bench()
        command = commands(bench, bench.start(a_task_node()))[name]
        outcome = bench.send(command, principal=caller).outcome
        assert outcome is not None
        if outcome.rejection is None:
            found.add(name)
        else:
            assert outcome.rejection.code is Code.FORBIDDEN, name

    assert found == allowed


def test_who_has_a_task_may_give_it_back_by_the_right_to_claim() -> None:
    bench = Bench()
    process = bench.start(a_task_node())
    task = bench.instance(process).task
    assert task is not None
    jane = Principal("jane", grants=(Grant(TASK, str(task.key), ("CLAIM",)),))
    john = Principal("john", grants=jane.grants)
    bench.send(ClaimTask(task_key=task.key, assignee="jane"), principal=jane)
    back = AssignTask(task_key=task.key, assignee="")

    assert refusal_of(bench.send(back, principal=john)).code is Code.FORBIDDEN
    assert bench.send(back, principal=jane).outcome.rejection is None  # type: ignore[union-attr]


def test_it_is_asked_after_what_is_there_and_before_its_state() -> None:
    bench = Bench()
    process = bench.start(a_task_node())
    task = bench.instance(process).task
    assert task is not None
    nobody = Principal("nobody")
    stranger = Principal("stranger", tenants=("other",))

    unknown = refusal_of(bench.send(CompleteTask(task_key=task.key + 50), principal=nobody))
    foreign = refusal_of(bench.send(CompleteTask(task_key=task.key), principal=stranger))
    refused = refusal_of(bench.send(ClaimTask(task_key=task.key, assignee=""), principal=nobody))

    assert unknown.type is foreign.type is RejectionType.NOT_FOUND
    assert (refused.type, refused.code) == (RejectionType.FORBIDDEN, Code.FORBIDDEN)
    assert refused.values == {
        "operation": "UPDATE_USER_TASK",
        "resource": PROCESS,
        "target": "p",
    }
    admin = Principal("root", roles=(ADMIN,))
    assert bench.send(CompleteTask(task_key=task.key), principal=admin).outcome.rejection is None  # type: ignore[union-attr]


def policies() -> dict[str, Template]:
    """Whom the triggers of these start: ``q``, what an instance tells, and nobody."""
    on_claim = {"on": "CLAIMED", "process_id": "q"}
    told = Reference(path=("whole", "input", "name"))
    templated = Object(members={"on": Value(value="CLAIMED"), "process_id": told})
    return {
        "literal": Value(value={"triggers": [on_claim]}),
        "named": Object(members={"triggers": Items(items=(Value(value=on_claim),))}),
        "list": Object(members={"triggers": Value(value=[on_claim])}),
        "templated": Object(members={"triggers": Items(items=(templated,))}),
        "unknown": Object(members={"triggers": told}),
        "whole": told,
        "none": Object(members={"assignments": Items(items=())}),
    }


@pytest.mark.parametrize(
    ("startable", "allowed"),
    [
        ((), {"none"}),
        (("p",), {"none"}),
        (("q",), {"none", "literal", "named", "list"}),
        (("*",), set(policies())),
    ],
)
def test_triggers_start_only_what_their_author_may(
    startable: tuple[str, ...], allowed: set[str]
) -> None:
    starts = (Grant(PROCESS, name, ("CREATE_PROCESS_INSTANCE",)) for name in startable)
    author = Principal("ann", grants=(Grant("RESOURCE", "*", ("CREATE",)), *starts))
    found: set[str] = set()
    for name, policy in policies().items():
        graph = framed(human("review", policy=policy))
        resource = Resource(name="f", digest="", processes=(graph,))
        outcome = Bench().send(Deploy(resources=(resource,)), principal=author).outcome
        assert outcome is not None
        if outcome.rejection is None:
            found.add(name)
        else:
            assert outcome.rejection.code is Code.FORBIDDEN, name
            assert outcome.rejection.values["operation"] == "CREATE_PROCESS_INSTANCE"

    assert found == allowed
