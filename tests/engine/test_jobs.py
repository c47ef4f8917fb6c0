"""Jobs: given out under a lease, answered once, failed, timed out, returned, updated."""

import pytest

from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    CompleteTask,
    ResolveIncident,
    UpdateJob,
)
from signoff_schemas.principal import Principal
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError, YieldJob
from signoff_schemas.timers import RecurJob, ReturnJob, TimeOutJob
from signoff_schemas.values import IncidentType, JobMark, JobState, ListenerEvent
from tests.support.engine import (
    Bench,
    a_job_node,
    listeners,
    refusal_of,
    result_of,
    types_of,
)


def held_job(bench: Bench) -> int:
    """The key of a listener job that an assignment waits for."""
    task = bench.create(*listeners(ListenerEvent.ASSIGNING, "a"))
    bench.send(AssignTask(task_key=task, assignee="ann"))
    return bench.job(task).key


def test_activation_gives_a_lease_with_a_deadline() -> None:
    bench = Bench()
    key = held_job(bench)

    job = bench.activate(key, timeout_ms=5_000)

    assert job is not None
    assert job.deadline == bench.now + 5_000
    assert job.lease_token == str(len(bench.steps))
    assert bench.job(key).state is JobState.ACTIVATED
    assert bench.job(key).subscriber == "s1"


def test_job_that_waits_no_more_is_not_given_out() -> None:
    bench = Bench()
    key = held_job(bench)
    bench.activate(key)

    assert bench.activate(key) is None
    assert bench.activate(12345) is None
    assert not bench.steps[-1].recorded


def test_step_tells_which_jobs_waited_before_it() -> None:
    bench = Bench()
    key = held_job(bench)
    made = bench.steps[-1]
    moved = bench.send(UpdateJob(job_key=key, priority=7))
    bench.activate(key)
    given = bench.steps[-1]
    back = bench.fire(ReturnJob(job_key=key))
    instance = bench.job(key).process_instance_key
    canceled = bench.send(CancelProcess(process_instance_key=instance))

    waited = [key in each.touched.waited for each in (made, moved, given, back, canceled)]
    assert all(key in each.touched.jobs for each in (made, moved, given, back, canceled))
    assert waited == [False, True, True, False, True]


def test_worker_sees_what_is_asked_for_and_only_what_it_fetches() -> None:
    bench = Bench()
    task = bench.create(*listeners(ListenerEvent.COMPLETING, "c"), variables={"a": 1, "b": 1})
    bench.send(CompleteTask(task_key=task, variables={"b": 2, "c": 3}))

    some = bench.activate(bench.job(task).key, fetch=("b", "missing"))
    bench.fire(ReturnJob(job_key=bench.job(task).key))
    everything = bench.activate(bench.job(task).key)

    assert some is not None
    assert everything is not None
    assert some.variables == {"b": 2}
    assert everything.variables == {"a": 1, "b": 2, "c": 3}


def test_timed_out_job_may_still_be_completed_by_whoever_had_it() -> None:
    bench = Bench()
    key = held_job(bench)
    first = bench.activate(key, timeout_ms=10)
    assert first is not None
    bench.now += 10

    timed_out = bench.fire(TimeOutJob(job_key=key))

    assert types_of(timed_out) == ["job.timed_out"]
    assert (bench.job(key).state, bench.job(key).retries) == (JobState.ACTIVATABLE, 3)
    done = bench.send(CompleteJob(job_key=key, lease_token=first.lease_token))
    assert result_of(done) == {}
    again = bench.send(CompleteJob(job_key=key))
    assert refusal_of(again).code is Code.JOB_NOT_FOUND


def test_lease_of_an_earlier_holder_does_not_match() -> None:
    bench = Bench()
    key = held_job(bench)
    first = bench.activate(key, timeout_ms=10)
    bench.now += 10
    bench.fire(TimeOutJob(job_key=key))
    second = bench.activate(key)
    assert first is not None
    assert second is not None

    late = refusal_of(bench.send(CompleteJob(job_key=key, lease_token=first.lease_token)))

    assert (late.type, late.code) == (RejectionType.INVALID_STATE, Code.JOB_LEASE_MISMATCH)
    result_of(bench.send(CompleteJob(job_key=key, lease_token=second.lease_token)))


@pytest.mark.parametrize("early", [TimeOutJob, RecurJob])
def test_timer_that_comes_too_early_does_nothing(early: type) -> None:
    bench = Bench()
    key = held_job(bench)
    bench.activate(key, timeout_ms=1_000)

    done = bench.fire(early(job_key=key))

    assert done.events == ()
    assert not done.recorded


def test_failed_job_is_tried_again_at_once_or_after_its_back_off() -> None:
    bench = Bench()
    key = held_job(bench)

    bench.send(FailJob(job_key=key, retries=2, error_message="x"))
    at_once = bench.job(key)
    bench.send(FailJob(job_key=key, retries=1, back_off_ms=500))
    later = bench.job(key)

    assert (at_once.state, at_once.mark) == (JobState.ACTIVATABLE, JobMark.FAILED)
    assert (later.state, later.due_at) == (JobState.BACKING_OFF, bench.now + 500)
    for result in (CompleteJob, FailJob):
        refusal = refusal_of(bench.send(result(job_key=key)))
        assert (refusal.code, refusal.values["state"]) == (Code.JOB_IN_STATE, "FAILED")
    assert bench.activate(key) is None
    bench.now += 500
    assert types_of(bench.fire(RecurJob(job_key=key))) == ["job.recurred"]
    assert bench.job(key).state is JobState.ACTIVATABLE


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", "No more retries left."),
        ("broken", "broken"),
        ("x" * 10_001, "x" * 10_000 + "..."),
        ("x" * 10_000, "x" * 10_000),
    ],
)
def test_job_without_retries_raises_an_incident(message: str, expected: str) -> None:
    bench = Bench()
    key = held_job(bench)

    done = bench.send(FailJob(job_key=key, retries=-1, error_message=message))

    assert types_of(done) == ["job.failed", "incident.created"]
    incident = bench.instance(key).incident
    assert incident is not None
    assert incident.error_type is IncidentType.TASK_LISTENER_NO_RETRIES
    assert (incident.message, incident.job_key) == (expected, key)
    assert (bench.job(key).state, bench.job(key).retries) == (JobState.FAILED, -1)


def test_listener_cannot_throw_a_business_error() -> None:
    bench = Bench()
    key = held_job(bench)
    before = bench.instance(key)

    refusal = refusal_of(bench.send(ThrowJobError(job_key=key, error_code="E")))

    assert (refusal.type, refusal.code) == (RejectionType.INVALID_STATE, Code.JOB_LISTENER_ERROR)
    assert refusal.intent == "THROW_ERROR"
    assert bench.instance(key) is before


def test_business_error_of_a_service_task_is_an_incident() -> None:
    bench = Bench()
    process = bench.start(a_job_node())
    key = bench.job(process).key

    result_of(bench.send(ThrowJobError(job_key=key, error_code="E", error_message="m")))

    incident = bench.instance(key).incident
    assert incident is not None
    assert incident.error_type is IncidentType.UNHANDLED_ERROR_EVENT
    assert "code 'E' with message 'm'" in incident.message
    refusal = refusal_of(bench.send(ThrowJobError(job_key=key, error_code="E")))
    assert (refusal.code, refusal.values["state"]) == (Code.JOB_IN_STATE, "ERROR_THROWN")
    result_of(bench.send(ResolveIncident(incident_key=incident.key)))
    assert bench.job(key).state is JobState.ACTIVATABLE


def test_yielded_job_waits_again_unless_somebody_else_has_it() -> None:
    bench = Bench()
    key = held_job(bench)
    job = bench.activate(key)
    assert job is not None

    other = bench.send(YieldJob(job_key=key, lease_token="0"))
    mine = bench.send(YieldJob(job_key=key, lease_token=job.lease_token))
    again = bench.send(YieldJob(job_key=key, lease_token=job.lease_token))

    assert (types_of(other), types_of(mine), types_of(again)) == ([], ["job.yielded"], [])
    assert [step.recorded for step in (other, mine, again)] == [False, True, False]
    assert all(step.messages == () and step.outcome is None for step in (other, mine, again))
    assert (bench.job(key).state, bench.job(key).retries) == (JobState.ACTIVATABLE, 3)


def test_job_of_a_gone_subscriber_comes_back_and_its_answer_still_counts() -> None:
    bench = Bench()
    key = held_job(bench)
    job = bench.activate(key)
    assert job is not None

    assert types_of(bench.fire(ReturnJob(job_key=key))) == ["job.yielded"]
    assert types_of(bench.fire(ReturnJob(job_key=key))) == []
    result_of(bench.send(CompleteJob(job_key=key, lease_token=job.lease_token)))


def test_a_job_counts_the_tries_that_were_used_up() -> None:
    bench = Bench()
    key = held_job(bench)

    bench.send(FailJob(job_key=key, retries=2))
    bench.send(FailJob(job_key=key, retries=2))  # put off
    bench.send(UpdateJob(job_key=key, retries=7))
    bench.send(FailJob(job_key=key, retries=6))

    given = bench.activate(key)
    assert given is not None
    assert (bench.job(key).failures, given.failures) == (2, 2)


def test_update_applies_what_is_valid_even_when_the_rest_is_refused() -> None:
    bench = Bench()
    key = held_job(bench)

    done = bench.send(UpdateJob(job_key=key, retries=7, timeout_ms=1_000))

    refusal = refusal_of(done)
    assert (refusal.type, refusal.code) == (
        RejectionType.INVALID_ARGUMENT,
        Code.JOB_UPDATE_INVALID,
    )
    assert refusal.values == {"key": str(key), "timeout": "1000"}
    assert bench.job(key).retries == 7
    bench.activate(key)
    refusal = refusal_of(bench.send(UpdateJob(job_key=key, retries=0, timeout_ms=1_000)))
    assert refusal.values == {"key": str(key), "retries": "0"}
    assert bench.job(key).due_at == bench.now + 1_000


def test_a_deadline_in_the_past_takes_the_job_from_its_worker_at_once() -> None:
    bench = Bench()
    key = held_job(bench)
    bench.activate(key)

    result_of(bench.send(UpdateJob(job_key=key, timeout_ms=-5_000)))

    assert types_of(bench.fire(TimeOutJob(job_key=key))) == ["job.timed_out"]
    assert (bench.job(key).state, bench.job(key).retries) == (JobState.ACTIVATABLE, 3)


def test_a_new_priority_is_kept_and_shown_to_the_worker() -> None:
    bench = Bench()
    key = held_job(bench)

    result_of(bench.send(UpdateJob(job_key=key, priority=-7)))

    assert (bench.job(key).priority, bench.job(key).mark) == (-7, JobMark.PRIORITY_UPDATED)
    job = bench.activate(key)
    assert job is not None
    assert job.priority == -7


def test_an_update_under_another_lease_is_refused_and_under_none_applied() -> None:
    bench = Bench()
    key = held_job(bench)
    bench.activate(key)

    done = bench.send(UpdateJob(job_key=key, retries=9, lease_token="other"))

    assert refusal_of(done).code is Code.JOB_LEASE_MISMATCH
    assert bench.job(key).retries == 3
    lease = bench.job(key).lease_token
    result_of(bench.send(UpdateJob(job_key=key, retries=8, lease_token=lease)))
    result_of(bench.send(UpdateJob(job_key=key, retries=9)))


def test_unknown_job_is_not_found_whatever_is_asked_of_it() -> None:
    bench = Bench()
    for body, verb in [
        (CompleteJob(job_key=5), "complete"),
        (FailJob(job_key=5), "fail"),
        (ThrowJobError(job_key=5, error_code="E"), "throw_error"),
        (UpdateJob(job_key=5, retries=-1), "update"),
    ]:
        refusal = refusal_of(bench.send(body))
        assert (refusal.type, refusal.code) == (RejectionType.NOT_FOUND, Code.JOB_NOT_FOUND)
        assert (refusal.intent, refusal.values) == (verb.upper(), {"verb": verb, "key": "5"})


def test_other_tenants_see_no_job_and_no_task() -> None:
    bench = Bench()
    key = held_job(bench)
    stranger = Principal("eve", tenants=("other",))
    task = bench.instance(key).task
    assert task is not None

    refused = [
        bench.send(CompleteJob(job_key=key), principal=stranger),
        bench.send(AssignTask(task_key=task.key, assignee="eve"), principal=stranger),
    ]

    assert [refusal_of(done).type for done in refused] == [RejectionType.NOT_FOUND] * 2
