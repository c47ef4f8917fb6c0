"""Listeners: in order, one at a time, pinned; agreeing, correcting, denying."""

import pytest

from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    CompleteTask,
    CreateGlobalListener,
    DeleteGlobalListener,
    SetVariables,
    UpdateTask,
)
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import OutcomeStatus, Waiting
from signoff_schemas.results import CompleteJob
from signoff_schemas.values import (
    Attributes,
    GlobalListener,
    JobResult,
    Listener,
    ListenerEvent,
    TaskState,
)
from signoff_schemas.work import Person
from tests.support.engine import Bench, listeners, refusal_of, replies_of, types_of

ASSIGNING, COMPLETING, CREATING = (
    ListenerEvent.ASSIGNING,
    ListenerEvent.COMPLETING,
    ListenerEvent.CREATING,
)


def agree(bench: Bench, key: int, **corrections: object) -> str:
    """Complete the open listener job; gives its type."""
    job = bench.job(key)
    bench.send(CompleteJob(job_key=job.key, result=JobResult(corrections=corrections)))
    return job.job_type


def test_caller_is_held_until_the_last_listener_agreed() -> None:
    bench = Bench()
    key = bench.create(*listeners(ASSIGNING, "a1", "a2"))
    assign = bench.entry(AssignTask(task_key=key, assignee="ann"))

    held = bench.submit(assign)
    agree(bench, key)
    assert bench.task(key).attributes.assignee == ""
    agree(bench, key)

    waiting = replies_of(held)[assign.request_id]
    assert isinstance(waiting, Waiting)
    assert waiting.job_type == "a1"
    assert held.outcome is None
    last = bench.steps[-1]
    assert last.answers == assign.id
    assert last.answered is not None
    assert last.answered.status is OutcomeStatus.APPLIED
    assert replies_of(last)[assign.request_id].command_id == assign.id
    assert bench.task(key).attributes.assignee == "ann"


def test_listeners_run_global_before_own_global_after_by_priority_then_id() -> None:
    bench = Bench()
    for name, after, priority in [
        ("b", False, 50),
        ("a", False, 50),
        ("high", False, 90),
        ("z", True, 10),
        ("y", True, 20),
    ]:
        bench.send(
            CreateGlobalListener(
                listener=GlobalListener(
                    id=name, job_type=name, events=(ASSIGNING,), after_own=after, priority=priority
                )
            )
        )
    key = bench.create(*listeners(ASSIGNING, "own1", "own1", "own2"))
    bench.send(AssignTask(task_key=key, assignee="ann"))

    order = []
    while bench.task(key).state is TaskState.ASSIGNING:
        order.append(agree(bench, key))

    assert order == ["high", "a", "b", "own1", "own1", "own2", "y", "z"]


def test_running_transition_keeps_the_listeners_it_began_with() -> None:
    bench = Bench()
    early = GlobalListener(id="early", job_type="early", events=(ASSIGNING,), after_own=True)
    bench.send(CreateGlobalListener(listener=early))
    key = bench.create(*listeners(ASSIGNING, "own"))
    bench.send(AssignTask(task_key=key, assignee="ann"))

    bench.send(DeleteGlobalListener(id="early"))
    late = GlobalListener(id="late", job_type="late", events=(ASSIGNING,), after_own=True)
    bench.send(CreateGlobalListener(listener=late))
    first = [agree(bench, key), agree(bench, key)]
    bench.send(AssignTask(task_key=key, assignee="bob"))
    second = [agree(bench, key), agree(bench, key)]

    assert first == ["own", "early"]
    assert second == ["own", "late"]


def test_update_without_changes_still_asks_its_listeners() -> None:
    bench = Bench()
    key = bench.create(*listeners(ListenerEvent.UPDATING, "u"))

    bench.send(UpdateTask(task_key=key, action="look"))

    snapshot = bench.job(key).task
    assert snapshot is not None
    assert (snapshot.action, snapshot.changed) == ("look", ())
    assert bench.task(key).state is TaskState.UPDATING


def test_creating_listener_may_assign_when_the_model_does_not() -> None:
    bench = Bench()
    key = bench.create(*listeners(CREATING, "c"), *listeners(ASSIGNING, "a"))

    agree(bench, key, assignee="ann")

    assert bench.task(key).state is TaskState.CREATED
    assert bench.task(key).attributes.assignee == "ann"


def test_modelled_assignment_that_is_denied_leaves_the_task_unassigned() -> None:
    bench = Bench()
    key = bench.create(*listeners(ASSIGNING, "a"), assignee="kim")
    assert bench.task(key).state is TaskState.ASSIGNING

    done = bench.send(
        CompleteJob(job_key=bench.job(key).key, result=JobResult(denied=True, denied_reason="no"))
    )

    assert types_of(done) == ["job.completed", "user_task.denied"]
    assert done.answers == ""
    assert bench.task(key).state is TaskState.CREATED
    assert bench.task(key).attributes.assignee == ""


@pytest.mark.parametrize(
    ("event", "command", "transition", "intent"),
    [
        (ASSIGNING, AssignTask, "assignment", "ASSIGN"),
        (ASSIGNING, ClaimTask, "assignment", "ASSIGN"),
        (ListenerEvent.UPDATING, UpdateTask, "update", "UPDATE"),
        (COMPLETING, CompleteTask, "completion", "COMPLETE"),
    ],
)
def test_denial_refuses_the_held_command_and_undoes_corrections(
    event: ListenerEvent, command: type, transition: str, intent: str
) -> None:
    bench = Bench()
    key = bench.create(*listeners(event, "l1", "l2"))
    given = {"assignee": "ann"} if event is ASSIGNING else {}
    held = bench.entry(command(task_key=key, **given))
    bench.submit(held)
    agree(bench, key, priority=99)

    done = bench.send(
        CompleteJob(job_key=bench.job(key).key, result=JobResult(denied=True, denied_reason="no"))
    )

    assert done.outcome is not None
    assert done.outcome.status is OutcomeStatus.APPLIED
    assert done.answers == held.id
    assert done.answered is not None
    refusal = done.answered.rejection
    assert refusal is not None
    assert (refusal.type, refusal.code, refusal.intent) == (
        RejectionType.INVALID_STATE,
        Code.TRANSITION_DENIED,
        intent,
    )
    assert refusal.values == {"transition": transition, "key": str(key), "reason": "no"}
    assert bench.task(key).attributes == Attributes()
    assert bench.task(key).state is TaskState.CREATED


def test_denied_variables_name_the_element_instance() -> None:
    bench = Bench()
    key = bench.create(*listeners(ListenerEvent.UPDATING, "u"))
    scope = bench.task(key).element_instance_key
    bench.send(SetVariables(scope_key=scope, variables={"x": 1}))

    done = bench.send(CompleteJob(job_key=bench.job(key).key, result=JobResult(denied=True)))

    assert done.answered is not None
    assert done.answered.rejection is not None
    assert done.answered.rejection.values == {
        "transition": "variables",
        "key": str(scope),
        "reason": "",
    }
    assert bench.instance(key).variables == {}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"variables": {"x": 1}}, Code.JOB_LISTENER_VARIABLES),
        ({"result": JobResult(denied=True)}, Code.JOB_DENIAL_UNSUPPORTED),
        (
            {"result": JobResult(denied=True, corrections={"priority": 1})},
            Code.JOB_DENIAL_UNSUPPORTED,
        ),
        ({"result": JobResult(corrections={"assignee": "x"})}, Code.JOB_ASSIGNEE_MODELLED),
        ({"result": JobResult(corrections={"name": "x"})}, Code.JOB_UNKNOWN_CORRECTION),
        ({"result": JobResult(corrections={"priority": 101})}, Code.JOB_INVALID_CORRECTION),
        ({"result": JobResult(corrections={"priority": True})}, Code.JOB_INVALID_CORRECTION),
        ({"result": JobResult(corrections={"due_date": "soon"})}, Code.JOB_INVALID_CORRECTION),
        ({"result": JobResult(corrections={"candidate_users": [1]})}, Code.JOB_INVALID_CORRECTION),
        ({"result": JobResult(corrections={"candidate_users": "u"})}, Code.JOB_INVALID_CORRECTION),
    ],
)
def test_unsuited_answer_of_a_creating_listener_changes_nothing(
    answer: dict[str, object], code: Code
) -> None:
    bench = Bench()
    key = bench.create(*listeners(CREATING, "c"), assignee="kim")
    before = bench.instance(key)

    done = bench.send(CompleteJob.model_validate({"job_key": bench.job(key).key, **answer}))

    assert refusal_of(done).code is code
    assert refusal_of(done).type is RejectionType.INVALID_ARGUMENT
    assert done.events == ()
    assert bench.instance(key) is before


def test_denial_with_corrections_is_refused() -> None:
    bench = Bench()
    key = bench.create(*listeners(ASSIGNING, "a"))
    bench.send(AssignTask(task_key=key, assignee="ann"))
    result = JobResult(denied=True, corrections={"priority": 3})

    done = bench.send(CompleteJob(job_key=bench.job(key).key, result=result))

    assert refusal_of(done).code is Code.JOB_DENIED_WITH_CORRECTIONS


def test_null_corrections_leave_values_alone_and_a_denial_may_carry_them() -> None:
    bench = Bench()
    key = bench.create(*listeners(ASSIGNING, "a"))
    bench.send(AssignTask(task_key=key, assignee="ann"))
    result = JobResult(denied=True, denied_reason="no", corrections={"priority": None})

    done = bench.send(CompleteJob(job_key=bench.job(key).key, result=result))

    assert types_of(done) == ["job.completed", "user_task.denied"]


def test_corrections_clear_and_replace() -> None:
    bench = Bench()
    key = bench.create(
        *listeners(ASSIGNING, "a"),
        candidate_users="u1,u2",
        candidate_groups="g1",
        due_date="2026-01-01T00:00:00Z",
    )
    bench.send(AssignTask(task_key=key, assignee="ann"))

    agree(bench, key, assignee="", candidate_users=[], candidate_groups=["g2"], due_date="")

    assert bench.task(key).attributes == Attributes(candidate_groups=("g2",))


def test_correction_to_the_same_value_is_no_event() -> None:
    bench = Bench()
    key = bench.create(*listeners(ASSIGNING, "a"))
    bench.send(AssignTask(task_key=key, assignee="ann"))

    agree(bench, key, assignee="ann", priority=50, candidate_users=[])

    assert types_of(bench.steps[-1]) == ["job.completed", "user_task.assigned"]


def test_transition_is_refused_when_too_many_callers_wait_for_its_listener() -> None:
    bench = Bench()
    key = bench.create(*listeners(ASSIGNING, "slow"))
    bench.world.exhausted = {"slow"}
    assign = bench.entry(AssignTask(task_key=key, assignee="ann"))

    done = bench.submit(assign)

    refusal = refusal_of(done)
    assert refusal.type is RejectionType.RESOURCE_EXHAUSTED
    assert refusal.values == {"type": "slow"}
    assert not done.recorded
    assert done.outcome is None
    bench.world.exhausted = ()
    assert isinstance(replies_of(bench.submit(assign))[assign.request_id], Waiting)


def test_cancel_is_never_refused_for_waiting_callers() -> None:
    bench = Bench()
    key = bench.create(Listener(ListenerEvent.CANCELING, "slow"))
    bench.world.exhausted = {"slow"}

    bench.send(CancelProcess(process_instance_key=bench.instance(key).process.key))

    assert bench.task(key).state is TaskState.CANCELING


def test_claimant_is_who_claimed() -> None:
    bench = Bench()
    key = bench.create()

    bench.send(ClaimTask(task_key=key, assignee="ann"))
    claimed = bench.task(key).work
    bench.send(AssignTask(task_key=key, assignee="bob"))

    assert claimed is not None
    assert claimed.claimant == Person("ann")
    assigned = bench.task(key).work
    assert assigned is not None
    assert (assigned.assignee, assigned.claimant) == (Person("bob"), None)
