"""Rules of nodes in graphs with a frame: tries, pauses, deadlines, and who ends what."""

from typing import Any

import pytest

from signoff_schemas.commands import CancelProcess, CompleteTask, UpdateJob, UpdateTask
from signoff_schemas.documents import RULES, PutDocument
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError
from signoff_schemas.timers import RecurJob, TimeOutJob, TimeOutNode
from signoff_schemas.values import JobState, ListenerEvent, ProcessState, TaskState
from signoff_schemas.work import Ending, TaskRule, TimeoutPolicy
from tests.support.engine import Bench, listeners, result_of, types_of
from tests.support.frames import elements, human, obj, process, run, work

END, RETRY, ALERT = TimeoutPolicy.END_PROCESS, TimeoutPolicy.RETRY, TimeoutPolicy.ALERT_ONLY


def rule(bench: Bench, **given: Any) -> None:
    result_of(bench.send(PutDocument(kind=RULES, id="r", rule=TaskRule(**given))))


def fail(bench: Bench, key: int, **given: Any) -> int:
    """A worker takes the instance's job and fails; gives the job's key."""
    job = bench.activate(bench.job(key).key)
    assert job is not None
    values: dict[str, Any] = {"retries": None, "error_message": "broken", **given}
    assert bench.send(FailJob(job_key=job.job_key, **values)).outcome is not None
    return job.job_key


def late(bench: Bench, key: int, after_ms: int) -> None:
    bench.now += after_ms
    bench.fire(TimeOutNode(process_instance_key=key))


def test_job_is_tried_as_often_as_its_rule_says() -> None:
    bench = Bench()
    rule(bench, retries=2, retry_delay_seconds=5)
    key = run(bench, work("do", rule="r"))

    for _ in range(2):
        job_key = fail(bench, key)
        assert bench.job(key).state is JobState.BACKING_OFF
        bench.now += 4_999
        bench.fire(RecurJob(job_key=job_key))
        assert bench.job(key).state is JobState.BACKING_OFF
        bench.now += 1
        bench.fire(RecurJob(job_key=job_key))
        assert bench.job(key).state is JobState.ACTIVATABLE
    fail(bench, key)

    done = process(bench, key)
    assert (done.state, done.ending) == (ProcessState.TERMINATED, Ending.FAILED)
    assert done.reason == "broken"
    assert elements(bench)["do"].ending is Ending.FAILED
    assert key not in bench.world.instances


def test_node_may_say_itself_how_often() -> None:
    bench = Bench()
    rule(bench, retries=5)
    key = run(bench, work("do", rule="r", retries="0"))
    fail(bench, key)
    assert process(bench, key).ending is Ending.FAILED


@pytest.mark.parametrize("how", ["no retries", "error"])
def test_final_failure_ends_the_instance_at_once(how: str) -> None:
    bench = Bench()
    key = run(bench, work("do"))
    if how == "no retries":
        fail(bench, key, retries=0, error_message="never")
    else:
        bench.send(ThrowJobError(job_key=bench.job(key).key, error_code="E", error_message="never"))
    assert process(bench, key).ending is Ending.FAILED
    assert "never" in process(bench, key).reason
    assert not [step for step in bench.steps if "incident.created" in types_of(step)]


def test_worker_that_does_not_respond_has_failed() -> None:
    bench = Bench()
    rule(bench, retries=1, retry_delay_seconds=0, response_timeout_seconds=3)
    key = run(bench, work("do", rule="r"))
    job = bench.activate(bench.job(key).key, timeout_ms=60_000)
    assert job is not None
    assert job.deadline == bench.now + 3_000

    bench.now += 3_000
    bench.fire(TimeOutJob(job_key=job.job_key))
    assert bench.job(key).retries == 1
    job = bench.activate(job.job_key)
    assert job is not None
    bench.now += 3_000
    bench.fire(TimeOutJob(job_key=job.job_key))
    assert process(bench, key).ending is Ending.FAILED
    assert process(bench, key).reason == "The worker did not respond in time."


def test_what_a_failure_left_is_seen_by_the_next_worker_only() -> None:
    bench = Bench()
    rule(bench, retry_delay_seconds=0)
    key = run(bench, work("do", given={"a": 1}, rule="r"))
    fail(bench, key, variables={"note": "half"})

    job = bench.activate(bench.job(key).key)
    assert job is not None
    assert job.variables == {"a": 1, "note": "half"}
    bench.send(CompleteJob(job_key=job.job_key, variables={"b": 2}))
    assert elements(bench)["do"].input == {"a": 1}
    assert process(bench, key).output == {"b": 2}


def test_task_that_is_late_ends_its_instance() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10)
    key = run(bench, human("review", rule="r"))
    task = bench.task(key).key
    late(bench, key, 9_999)
    assert bench.task(key).state is TaskState.CREATED
    late(bench, key, 1)

    done = process(bench, key)
    assert (done.ending, done.reason) == (Ending.TIMED_OUT, "'review' was not done in time.")
    assert elements(bench)["review"].ending is Ending.TIMED_OUT
    touched = bench.steps[-1].touched.tasks[task]
    assert (touched.state, touched.timed_out) == (TaskState.CANCELED, True)
    assert done.due_at is None


def test_late_instance_waits_for_canceling_listeners() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10)
    hooks = listeners(ListenerEvent.CANCELING, "bye")
    key = run(bench, human("review", rule="r", listeners=hooks))
    late(bench, key, 10_000)
    assert bench.instance(key).process.state is ProcessState.TERMINATING
    assert bench.instance(key).process.due_at is None
    bench.send(CompleteJob(job_key=bench.job(key).key))
    assert process(bench, key).ending is Ending.TIMED_OUT


def test_late_task_is_given_again() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10, timeout_policy=RETRY, retries=1)
    key = run(bench, human("review", "after", given={"a": 1}, rule="r"), human("after"))
    first = bench.task(key)
    late(bench, key, 10_000)
    second = bench.task(key)
    assert second.key != first.key
    assert second.element_instance_key != first.element_instance_key
    assert bench.instance(key).process.due_at == bench.now + 10_000
    visits = [each for step in bench.steps for each in step.touched.elements.values()]
    assert [each.ending for each in visits if each.key == first.element_instance_key] == [
        None,
        Ending.TIMED_OUT,
    ]

    late(bench, key, 10_000)
    assert process(bench, key).ending is Ending.TIMED_OUT


def test_late_task_is_given_again_after_its_canceling_listeners() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10, timeout_policy=RETRY, retries=1)
    hooks = listeners(ListenerEvent.CANCELING, "bye")
    key = run(bench, human("review", rule="r", listeners=hooks))
    first = bench.task(key).key
    late(bench, key, 10_000)
    late(bench, key, 10_000)
    assert bench.task(key).key == first
    bench.send(CompleteJob(job_key=bench.job(key).key))
    assert bench.task(key).key != first
    bench.send(CancelProcess(process_instance_key=key))
    bench.send(CompleteJob(job_key=bench.job(key).key))
    assert process(bench, key).ending is Ending.TERMINATED


def test_late_instance_ends_while_canceling_listeners_of_a_late_task_run() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10, timeout_policy=RETRY, retries=9)
    hooks = listeners(ListenerEvent.CANCELING, "bye")
    key = run(bench, human("review", rule="r", listeners=hooks), timeout_seconds=15)
    late(bench, key, 10_000)
    assert bench.task(key).state is TaskState.CANCELING
    assert bench.instance(key).process.due_at == bench.now + 5_000

    late(bench, key, 5_000)

    done = process(bench, key)
    assert (done.state, done.ending) == (ProcessState.TERMINATING, Ending.TIMED_OUT)
    assert done.reason == "The process was not done in time."
    bench.send(CompleteJob(job_key=bench.job(key).key))
    assert process(bench, key).state is ProcessState.TERMINATED


def test_late_job_is_given_again_as_often_as_it_has_tries() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10, timeout_policy=RETRY, retries=2, retry_delay_seconds=0)
    key = run(bench, work("do", rule="r"))
    fail(bench, key)
    assert (bench.job(key).retries, bench.job(key).failures) == (2, 1)
    late(bench, key, 10_000)
    assert (bench.job(key).retries, bench.job(key).failures) == (1, 2)
    late(bench, key, 10_000)
    assert process(bench, key).ending is Ending.TIMED_OUT


def test_tries_that_were_used_up_are_counted_whoever_gives_more() -> None:
    bench = Bench()
    given: dict[str, Any] = {"timeout_seconds": 10, "timeout_policy": RETRY}
    rule(bench, retries=2, retry_delay_seconds=0, **given)
    key = run(bench, work("do", rule="r"))
    fail(bench, key)
    bench.send(UpdateJob(job_key=bench.job(key).key, retries=5))
    late(bench, key, 10_000)
    assert (bench.job(key).retries, bench.job(key).failures) == (4, 2)
    rule(bench, retries=9, **given)
    late(bench, key, 10_000)
    assert (bench.job(key).retries, bench.job(key).failures) == (3, 3)


def test_tries_of_a_listener_are_not_those_of_its_task() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10, timeout_policy=RETRY, retries=0)
    hooks = listeners(ListenerEvent.UPDATING, "check")
    key = run(bench, human("review", rule="r", listeners=hooks))
    bench.send(UpdateTask(task_key=bench.task(key).key, changes={"priority": 1}))
    assert bench.job(key).retries > 1
    late(bench, key, 10_000)
    assert process(bench, key).ending is Ending.TIMED_OUT


def test_late_node_may_be_left_alone() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10, timeout_policy=ALERT)
    key = run(bench, human("review", rule="r"))
    assert bench.instance(key).process.due_at is None
    late(bench, key, 100_000)
    assert bench.task(key).state is TaskState.CREATED


def test_late_instance_ends_whatever_the_rule() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10, timeout_policy=RETRY, retries=9)
    key = run(bench, human("review", rule="r"), timeout_seconds=15, output=obj({"a": 1}))
    late(bench, key, 10_000)
    assert bench.instance(key).process.due_at == 1_015_000
    late(bench, key, 5_000)
    done = process(bench, key)
    assert (done.ending, done.reason) == (Ending.TIMED_OUT, "The process was not done in time.")
    assert done.output == {"a": 1}


def test_time_is_counted_anew_at_each_node() -> None:
    bench = Bench()
    rule(bench, timeout_seconds=10)
    key = run(bench, human("one", "two", rule="r"), human("two"))
    bench.now += 9_000
    bench.send(CompleteTask(task_key=bench.task(key).key))
    late(bench, key, 9_000)
    assert bench.instance(key).process.node_id == "two"
    assert bench.instance(key).process.due_at is None
