"""Processes: from node to node in one step, with variables where they belong."""

import pytest

from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    Command,
    CompleteTask,
    SetVariables,
    StartProcess,
    UpdateTask,
)
from signoff_schemas.graph import Mapping
from signoff_schemas.principal import Principal
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.results import CompleteJob, FailJob
from signoff_schemas.values import JobKind, JobResult, Listener, ListenerEvent, TaskState
from tests.support.engine import (
    Bench,
    a_job_node,
    a_task_node,
    listeners,
    refusal_of,
    result_of,
    types_of,
)

EVERY_EVENT = tuple(Listener(event, f"on-{event}") for event in ListenerEvent)


def values(bench: Bench, process: int, scope: int) -> dict[str, object]:
    instance = bench.instance(process)
    return {name: each.value for name, each in instance.variables.get(scope, {}).items()}


def open_task(bench: Bench, process: int) -> int:
    task = bench.instance(process).task
    assert task is not None
    return task.key


def test_sequence_runs_to_its_end_in_the_steps_that_move_it() -> None:
    bench = Bench()
    process = bench.start(a_job_node(id="one"), a_task_node(), a_job_node(id="two"))

    job = bench.job(process)
    assert (job.kind, job.element_id, job.listener_event) == (JobKind.SERVICE_TASK, "one", None)
    bench.send(CompleteJob(job_key=job.key, variables={"x": 1}))
    bench.send(CompleteTask(task_key=open_task(bench, process), variables={"y": 2}))
    assert values(bench, process, process) == {"x": 1, "y": 2}
    done = bench.send(CompleteJob(job_key=bench.job(process).key))

    assert types_of(done) == ["job.completed", "element.left", "process_instance.completed"]
    assert bench.world.instances == {}
    assert bench.world.index == {}


def test_result_of_a_service_job_is_ignored_but_for_its_variables() -> None:
    bench = Bench()
    process = bench.start(a_job_node(), a_task_node())

    done = bench.send(
        CompleteJob(job_key=bench.job(process).key, result=JobResult(denied=True), variables={})
    )

    assert result_of(done) == {}
    assert open_task(bench, process)


def test_input_mappings_make_local_variables_and_output_mappings_share_them() -> None:
    bench = Bench()
    node = a_task_node(
        inputs=(Mapping("=amount + 1", "local"),), outputs=(Mapping("=answer", "decision"),)
    )
    process = bench.start(node, a_job_node(), amount=1)
    scope = bench.instance(process).process.element_instance_key
    assert values(bench, process, scope) == {"local": 2}

    bench.send(CompleteTask(task_key=open_task(bench, process), variables={"answer": "yes"}))

    assert values(bench, process, process) == {"amount": 1, "decision": "yes"}
    assert values(bench, process, scope) == {}


def test_completion_variables_go_to_the_scope_that_knows_their_name() -> None:
    bench = Bench()
    node = a_task_node(inputs=(Mapping("=1", "mine"),))
    process = bench.start(node, a_job_node(), shared=1)

    done = bench.send(
        CompleteTask(
            task_key=open_task(bench, process), variables={"mine": 2, "shared": 2, "new": 2}
        )
    )

    assert types_of(done).count("variable.set") == 3
    assert values(bench, process, process) == {"shared": 2, "new": 2}


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), ([1], [True]), ({"a": 0}, {})])
def test_equal_values_are_no_change_and_other_json_is(one: object, other: object) -> None:
    bench = Bench()
    process = bench.start(a_task_node(), v=one)

    same = bench.send(SetVariables(scope_key=process, variables={"v": one}))
    changed = bench.send(SetVariables(scope_key=process, variables={"v": other}))

    assert (types_of(same), types_of(changed)) == ([], ["variable.set"])
    assert same.recorded


def test_variables_of_a_failed_job_are_local_to_its_element() -> None:
    bench = Bench()
    process = bench.start(a_job_node(), shared=1)
    job = bench.job(process)

    bench.send(FailJob(job_key=job.key, retries=1, variables={"shared": 2, "tried": "a"}))

    pushed = bench.activate(job.key)
    assert pushed is not None
    assert pushed.variables == {"shared": 2, "tried": "a"}
    assert values(bench, process, process) == {"shared": 1}
    bench.send(CompleteJob(job_key=job.key))
    assert not bench.world.instances


def test_setting_variables_of_a_task_waits_for_its_listeners() -> None:
    bench = Bench()
    process = bench.start(a_task_node(listeners=listeners(ListenerEvent.UPDATING, "u")), a=1)
    scope = bench.instance(process).process.element_instance_key

    bench.send(SetVariables(scope_key=scope, variables={"a": 2, "b": 2}))
    pending = values(bench, process, process)
    bench.send(CompleteJob(job_key=bench.job(process).key))
    shared = values(bench, process, process)
    bench.send(SetVariables(scope_key=scope, variables={"a": 3}, local=True))
    bench.send(CompleteJob(job_key=bench.job(process).key))

    assert (pending, shared) == ({"a": 1}, {"a": 2, "b": 2})
    assert values(bench, process, process) == {"a": 2, "b": 2}
    assert values(bench, process, scope) == {"a": 3}


def test_variables_of_a_process_are_set_at_once_and_of_unknown_scopes_not() -> None:
    bench = Bench()
    process = bench.start(a_task_node(listeners=EVERY_EVENT))
    task = open_task(bench, process)

    result_of(bench.send(SetVariables(scope_key=process, variables={"a": 1})))

    assert values(bench, process, process) == {"a": 1}
    for key in (task, bench.job(task).key, 77):
        refusal = refusal_of(bench.send(SetVariables(scope_key=key, variables={"a": 1})))
        assert (refusal.type, refusal.code) == (RejectionType.NOT_FOUND, Code.SCOPE_NOT_FOUND)


def test_another_tenant_may_neither_set_variables_nor_cancel_nor_start() -> None:
    bench = Bench()
    process = bench.start(a_task_node())
    stranger = Principal("eve", tenants=("other",))

    for body, operation in [
        (SetVariables(scope_key=process, variables={"a": 1}), "set_variables"),
        (CancelProcess(process_instance_key=process), "cancel"),
        (StartProcess(process_id="p"), "start"),
    ]:
        refusal = refusal_of(bench.send(body, principal=stranger))
        assert refusal.type is RejectionType.FORBIDDEN
        assert refusal.values == {"operation": operation, "tenant": "<default>"}


def test_start_says_what_was_started_and_finds_versions() -> None:
    bench = Bench()
    bench.start(a_task_node(id="v1"))
    bench.start(a_task_node(id="v2"))
    first = next(iter(bench.world.settings.definitions))

    by_version = result_of(bench.send(StartProcess(process_id="p", version=1)))
    by_key = result_of(bench.send(StartProcess(definition_key=first)))
    latest = result_of(bench.send(StartProcess(process_id="p")))

    assert (by_version["version"], by_key["version"], latest["version"]) == (1, 1, 2)
    assert by_key["process_id"] == "p"
    assert by_key["definition_key"] == first
    assert by_key["process_instance_key"] in bench.world.instances
    for wrong, named in [
        (StartProcess(process_id="q"), {"process_id": "q", "version": "-1"}),
        (StartProcess(process_id="p", version=9), {"process_id": "p", "version": "9"}),
        (StartProcess(definition_key=9), {"key": "9"}),
    ]:
        refusal = refusal_of(bench.send(wrong))
        assert (refusal.code, refusal.values) == (Code.DEFINITION_NOT_FOUND, named)


@pytest.mark.parametrize(
    ("command", "transition", "intent"),
    [
        (lambda task, _scope: AssignTask(task_key=task, assignee="a"), "assignment", "ASSIGN"),
        (lambda task, _scope: ClaimTask(task_key=task, assignee="a"), "assignment", "CLAIM"),
        (lambda task, _scope: UpdateTask(task_key=task), "update", "UPDATE"),
        (lambda task, _scope: CompleteTask(task_key=task), "completion", "COMPLETE"),
        (lambda _task, scope: SetVariables(scope_key=scope), "variables", "UPDATE"),
    ],
)
def test_cancel_answers_whoever_waits_and_does_not_wait_itself(
    command: object, transition: str, intent: str
) -> None:
    bench = Bench()
    task = bench.create(*(each for each in EVERY_EVENT if each.event is not ListenerEvent.CREATING))
    scope, process = bench.task(task).element_instance_key, bench.instance(task).process.key
    asked: Command = command(task, scope)  # type: ignore[operator]
    held = bench.entry(asked)
    bench.submit(held)
    listener_job = bench.job(task).key

    done = bench.send(CancelProcess(process_instance_key=process))

    assert result_of(done) == {}
    assert done.answers == held.id
    assert done.answered is not None
    refusal = done.answered.rejection
    assert refusal is not None
    assert (refusal.code, refusal.intent) == (Code.TRANSITION_CANCELED, intent)
    assert refusal.values == {"transition": transition}
    gone = refusal_of(bench.send(CompleteJob(job_key=listener_job)))
    assert gone.code is Code.JOB_NOT_FOUND
    assert bench.task(task).state is TaskState.CANCELING
    bench.send(CompleteJob(job_key=bench.job(task).key))
    assert bench.world.find(process) is None


def test_cancel_at_a_service_task_takes_its_job_away() -> None:
    bench = Bench()
    process = bench.start(a_job_node())
    job = bench.job(process).key

    done = bench.send(CancelProcess(process_instance_key=process))

    assert types_of(done)[1] == "job.canceled"
    assert refusal_of(bench.send(CompleteJob(job_key=job))).code is Code.JOB_NOT_FOUND
