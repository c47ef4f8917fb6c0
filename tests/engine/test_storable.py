"""What cannot be stored is refused by the engine itself, whoever wrote it to the log."""

import pytest

from signoff_schemas.commands import (
    AssignTask,
    CompleteTask,
    CreateGlobalListener,
    CreateUserTask,
    DeleteGlobalListener,
    Deploy,
    Resource,
    SetVariables,
    StartProcess,
    UpdateJob,
    UpdateTask,
    Withdraw,
)
from signoff_schemas.graph import ProcessGraph
from signoff_schemas.limits import unstorable_text
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError
from signoff_schemas.values import GlobalListener, JobResult, Listener, ListenerEvent
from tests.support.engine import Bench, a_job_node, a_task_node, process_of, refusal_of, result_of

NUL = "a\0b"
LONG = "x" * 501


def a_process(**given: object) -> Deploy:
    graph: ProcessGraph = process_of(a_job_node(**given))
    return Deploy(resources=(Resource(name="p", digest="d", processes=(graph,)),))


def a_listener(**given: object) -> CreateGlobalListener:
    values = {"id": "g", "job_type": "t", "events": (ListenerEvent.CREATING,), **given}
    return CreateGlobalListener(listener=GlobalListener(**values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (UpdateTask(task_key=1, changes={"assignee": "x"}), "changes.assignee"),
        (UpdateTask(task_key=1, changes={"name": "x"}), "changes.name"),
        (UpdateTask(task_key=1, changes={"priority": 101}), "changes.priority"),
        (UpdateTask(task_key=1, changes={"priority": "1"}), "changes.priority"),
        (UpdateTask(task_key=1, changes={"due_date": "tomorrow"}), "changes.due_date"),
        (UpdateTask(task_key=1, changes={"due_date": "2026-02-30T00:00Z"}), "changes.due_date"),
        (UpdateTask(task_key=1, changes={"candidate_users": [LONG]}), "changes.candidate_users"),
        (
            UpdateTask(task_key=1, changes={"candidate_users": ["u"] * 10_001}),
            "changes.candidate_users",
        ),
        (UpdateTask(task_key=1, action="x" * 10_001), "action"),
        (AssignTask(task_key=1, assignee=NUL), "assignee"),
        (AssignTask(task_key=1, assignee=LONG), "assignee"),
        (CompleteTask(task_key=1, variables={"a": "\ud800"}), "variables"),
        (CompleteTask(task_key=1, variables={"a": {"b\0": 1}}), "variables"),
        (CompleteTask(task_key=1, variables={"a": [1 << 63]}), "variables"),
        (CompleteTask(task_key=1, variables={"a": float("nan")}), "variables"),
        (CompleteTask(task_key=1, variables={"a": float("inf")}), "variables"),
        (CompleteTask(task_key=1, variables={LONG: 1}), "variables"),
        (CompleteTask(task_key=1, variables={f"v{n}": 1 for n in range(1_001)}), "variables"),
        (SetVariables(scope_key=1, variables={"a": "x" * (4 * 1024 * 1024 + 1)}), "variables"),
        (StartProcess(process_id="p", business_id=NUL), "business_id"),
        (StartProcess(process_id="p", tags=(LONG,)), "tags"),
        (CreateUserTask(node=a_task_node(assignee=NUL)), "node"),
        (CreateUserTask(node=a_task_node(headers={"a": NUL})), "node"),
        (UpdateJob(job_key=1, retries=1 << 31), "retries"),
        (UpdateJob(job_key=1, timeout_ms=1 << 60), "timeout"),
        (UpdateJob(job_key=1, priority=1 << 31), "priority"),
        (FailJob(job_key=1, back_off_ms=1 << 60), "back_off"),
        (FailJob(job_key=1, error_message=NUL), "error_message"),
        (FailJob(job_key=1, retries=-(1 << 40)), "retries"),
        (ThrowJobError(job_key=1, error_code=LONG), "error_code"),
        (CompleteJob(job_key=1, result=JobResult(denied_reason=NUL)), "denied_reason"),
        (a_process(name=NUL), "resources"),
        (a_process(id=LONG), "resources"),
        (Deploy(resources=(Resource(name=NUL, digest="d"),)), "resources"),
        (a_listener(job_type=LONG), "job_type"),
        (a_listener(priority=1 << 40), "priority"),
        (DeleteGlobalListener(id=NUL), "id"),
        (Withdraw(target=LONG), "target"),
    ],
)
def test_unstorable_value_is_refused_by_its_field(body: object, field: str) -> None:
    bench = Bench()

    done = bench.send(body)  # type: ignore[arg-type]

    refusal = refusal_of(done)
    assert (refusal.type, refusal.code) == (
        RejectionType.INVALID_ARGUMENT,
        Code.VALUE_UNSTORABLE,
    )
    assert refusal.values == {"field": field}
    assert (done.events, done.recorded) == ((), True)


def test_ten_thousand_candidates_are_fine() -> None:
    bench = Bench()
    task = bench.create()
    users = [f"user-{number}" for number in range(10_000)]

    result_of(bench.send(UpdateTask(task_key=task, changes={"candidate_users": users})))

    assert bench.task(task).attributes.candidate_users == tuple(users)


def test_what_is_just_within_the_limits_is_fine() -> None:
    bench = Bench()
    task = bench.create()
    value: object = "\U0001f600"
    for _ in range(98):
        value = [value]

    variables: dict[str, object] = {
        "n" * 500: value,
        "max": (1 << 63) - 1,
        "min": -(1 << 63),
        "f": 1e308,
    }
    result_of(bench.send(CompleteTask(task_key=task, variables=variables)))


def test_refusal_can_itself_be_stored() -> None:
    bench = Bench()
    task = bench.create(Listener(ListenerEvent.CREATING, "c"))
    job = bench.job(task).key

    unknown: dict[str, object] = {"\0\ud800" + LONG: 1}
    invalid: dict[str, object] = {"assignee": "\0\ud800" + LONG}
    for corrections in (unknown, invalid):
        done = bench.send(CompleteJob(job_key=job, result=JobResult(corrections=corrections)))
        for value in refusal_of(done).values.values():
            assert unstorable_text(value, 200) is None
