"""Commands that come again, too late, or are withdrawn: never a second effect."""

import pytest

from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    CompleteTask,
    CreateUserTask,
    SetVariables,
    UpdateTask,
    Withdraw,
)
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import OutcomeStatus, Reply, Waiting
from signoff_schemas.results import CompleteJob
from signoff_schemas.values import Listener, ListenerEvent, TaskState
from tests.support.engine import (
    Bench,
    a_task_node,
    listeners,
    refusal_of,
    replies_of,
    result_of,
    types_of,
)

HOUR = 3600 * 1000


def test_repeated_creation_gets_the_first_outcome() -> None:
    bench = Bench()
    create = bench.entry(CreateUserTask(node=a_task_node()), fingerprint="f")
    first = bench.submit(create)

    again = bench.submit(create.model_copy(update={"request_id": "other"}))

    assert result_of(first)
    reply = replies_of(again)["other"]
    assert isinstance(reply, Reply)
    assert reply.outcome == first.outcome
    assert (again.events, again.recorded) == ((), False)
    assert len(bench.world.instances) == 1


def test_repeated_refusal_is_the_same_refusal() -> None:
    bench = Bench()
    missing = bench.entry(AssignTask(task_key=1, assignee="a"))
    first = bench.submit(missing)

    again = bench.submit(missing)

    assert first.recorded
    assert not again.recorded
    assert refusal_of(again) == refusal_of(first)


def test_another_body_under_the_same_id_conflicts() -> None:
    bench = Bench()
    create = bench.entry(CreateUserTask(node=a_task_node()), fingerprint="f")
    bench.submit(create)

    other = bench.submit(create.model_copy(update={"fingerprint": "g"}))

    refusal = refusal_of(other)
    assert (refusal.type, refusal.code) == (RejectionType.CONFLICTING_REUSE, Code.COMMAND_REUSED)
    assert not other.recorded
    assert isinstance(replies_of(bench.submit(create))[create.request_id], Reply)


def test_repeated_waiting_command_joins_and_everyone_hears_the_end() -> None:
    bench = Bench()
    task = bench.create(*listeners(ListenerEvent.ASSIGNING, "a"))
    assign = bench.entry(AssignTask(task_key=task, assignee="ann"))
    bench.submit(assign)

    joined = bench.submit(assign.model_copy(update={"request_id": "second"}))
    same_request = bench.submit(assign)
    last = bench.send(CompleteJob(job_key=bench.job(task).key))

    assert types_of(joined) == ["user_task.waiter_joined"]
    waiting = replies_of(joined)["second"]
    assert isinstance(waiting, Waiting)
    assert waiting.job_type == "a"
    assert (types_of(same_request), same_request.recorded) == ([], False)
    answers = replies_of(last)
    assert {assign.request_id, "second"} <= answers.keys()
    after = bench.submit(assign)
    assert isinstance(replies_of(after)[assign.request_id], Reply)


def test_ninth_waiter_is_refused_but_not_for_ever() -> None:
    bench = Bench()
    task = bench.create(*listeners(ListenerEvent.ASSIGNING, "a"))
    assign = bench.entry(AssignTask(task_key=task, assignee="ann"))
    bench.submit(assign)
    for number in range(7):
        bench.submit(assign.model_copy(update={"request_id": f"w{number}"}))

    ninth = bench.submit(assign.model_copy(update={"request_id": "w9"}))

    refusal = refusal_of(ninth)
    assert (refusal.type, refusal.code) == (
        RejectionType.RESOURCE_EXHAUSTED,
        Code.TOO_MANY_WAITERS,
    )
    assert (ninth.recorded, ninth.outcome) == (False, None)
    last = bench.send(CompleteJob(job_key=bench.job(task).key))
    assert len(replies_of(last)) == 9
    reply = replies_of(bench.submit(assign.model_copy(update={"request_id": "w9"})))["w9"]
    assert isinstance(reply, Reply)
    assert reply.outcome.status is OutcomeStatus.APPLIED


def test_command_that_is_too_old_has_no_effect() -> None:
    bench = Bench()
    task = bench.create()
    bench.now += 100 * HOUR

    def update_issued(before: int) -> object:
        issued_at = bench.now - before
        return bench.send(UpdateTask(task_key=task, changes={"priority": 1}), issued_at=issued_at)

    late = update_issued(23 * HOUR + 1)
    assert refusal_of(late).code is Code.COMMAND_EXPIRED  # type: ignore[arg-type]
    assert bench.task(task).attributes.priority == 50
    update_issued(23 * HOUR)
    assert bench.task(task).attributes.priority == 1


def test_withdrawn_before_it_came_it_never_has_an_effect() -> None:
    bench = Bench()
    task = bench.create()
    late = bench.entry(AssignTask(task_key=task, assignee="ann"), fingerprint="f")

    withdrawal = bench.send(Withdraw(target=late.id))
    met = bench.submit(late)

    assert result_of(withdrawal) == {"status": "WITHDRAWN"}
    assert withdrawal.answers == late.id
    assert withdrawal.answered is not None
    assert withdrawal.answered.status is OutcomeStatus.WITHDRAWN
    reply = replies_of(met)[late.request_id]
    assert isinstance(reply, Reply)
    assert reply.outcome.status is OutcomeStatus.WITHDRAWN
    assert bench.task(task).attributes.assignee == ""


def test_withdrawal_of_a_settled_command_tells_how_it_ended() -> None:
    bench = Bench()
    task = bench.create()
    applied = bench.entry(AssignTask(task_key=task, assignee="ann"))
    refused = bench.entry(AssignTask(task_key=1, assignee="ann"))
    bench.submit(applied)
    bench.submit(refused)

    told = [result_of(bench.send(Withdraw(target=each.id))) for each in (applied, refused)]

    assert told == [{"status": "APPLIED"}, {"status": "REJECTED"}]
    assert bench.steps[-1].answers == ""
    assert bench.task(task).attributes.assignee == "ann"


@pytest.mark.parametrize("event", ["assigning", "updating", "completing", "variables"])
def test_withdrawal_of_a_waiting_command_ends_it_like_a_denial(event: str) -> None:
    bench = Bench()
    task = bench.create(*(Listener(each, "l") for each in list(ListenerEvent)[1:4]))
    commands = {
        "assigning": AssignTask(task_key=task, assignee="ann"),
        "updating": UpdateTask(task_key=task, changes={"priority": 1}),
        "completing": CompleteTask(task_key=task, variables={"x": 1}),
        "variables": SetVariables(scope_key=bench.task(task).element_instance_key),
    }
    before = bench.task(task)
    held = bench.entry(commands[event])
    bench.submit(held)
    job = bench.job(task).key

    done = bench.send(Withdraw(target=held.id))

    assert types_of(done) == ["job.canceled", "user_task.denied"]
    assert result_of(done) == {"status": "WITHDRAWN"}
    reply = replies_of(done)[held.request_id]
    assert isinstance(reply, Reply)
    assert reply.outcome.status is OutcomeStatus.WITHDRAWN
    assert reply.outcome.rejection is not None
    assert reply.outcome.rejection.code is Code.TRANSITION_WITHDRAWN
    assert bench.task(task) == before
    assert refusal_of(bench.send(CompleteJob(job_key=job))).code is Code.JOB_NOT_FOUND
    again = bench.send(Withdraw(target=held.id))
    assert result_of(again) == {"status": "WITHDRAWN"}


def test_withdrawal_of_a_command_that_waits_on_an_incident_resolves_it() -> None:
    bench = Bench()
    task = bench.create(Listener(ListenerEvent.COMPLETING, "=missing"))
    held = bench.entry(CompleteTask(task_key=task))
    bench.submit(held)

    done = bench.send(Withdraw(target=held.id))

    assert types_of(done) == ["incident.resolved", "user_task.denied"]
    assert bench.task(task).state is TaskState.CREATED


def test_creation_and_cancellation_are_settled_while_their_listeners_run() -> None:
    bench = Bench()
    hooks = (Listener(ListenerEvent.CREATING, "c"), Listener(ListenerEvent.CANCELING, "k"))
    create = bench.entry(CreateUserTask(node=a_task_node(listeners=hooks)))
    process = result_of(bench.submit(create))["process_instance_key"]
    cancel = bench.entry(CancelProcess(process_instance_key=process))
    bench.submit(cancel)

    for settled in (create, cancel):
        assert result_of(bench.send(Withdraw(target=settled.id))) == {"status": "APPLIED"}
    assert bench.instance(process).job is not None


def test_command_nobody_waits_for_is_applied_without_an_answer() -> None:
    bench = Bench()
    task = bench.create(*listeners(ListenerEvent.ASSIGNING, "a"))

    held = bench.send(AssignTask(task_key=task, assignee="ann"), inbox=None)
    done = bench.send(CompleteJob(job_key=bench.job(task).key), inbox=None)

    assert (held.messages, done.messages) == ((), ())
    assert done.answers
    assert bench.task(task).attributes.assignee == "ann"


@pytest.mark.parametrize("identifier", ["", "\0", "\ud800", "x" * 601])
def test_unstorable_id_is_refused_and_not_recorded(identifier: str) -> None:
    bench = Bench()
    task = bench.create()

    done = bench.send(UpdateTask(task_key=task), id=identifier)

    assert refusal_of(done).code is Code.VALUE_UNSTORABLE
    assert not done.recorded
    assert identifier not in bench.world.known
