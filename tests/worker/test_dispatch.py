"""Handlers, their answers, and how they fail: no broker needed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from signoff_worker import (
    Fail,
    Failure,
    JobEnvironment,
    ListenerJob,
    Listeners,
    Outcome,
    Retry,
    RetryPolicy,
    complete,
    correct,
    deny,
)
from signoff_worker.dispatch import run_handler
from workers.samples.approval import four_eyes
from workers.samples.due_date_correction import move_due_date
from workers.samples.quota_check import check_quota

SATURDAY = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
POLICY = RetryPolicy(first=timedelta(seconds=2))


def a_job(event: str = "updating", retries: int = 3) -> ListenerJob:
    return ListenerJob(key="1", type="check", event=event, retries=retries)


async def failed(listeners: Listeners, job: ListenerJob) -> Failure:
    answer = await run_handler(listeners.registrations, job, POLICY)
    assert isinstance(answer, Failure)
    return answer


async def test_sample_quota_denies_the_fourth_task() -> None:
    environment = JobEnvironment("assigning")

    answers = [
        await environment.run(check_quota, assignee="ann", task_key=str(number))
        for number in (1, 2, 3, 4, 2)
    ]

    assert answers == [complete()] * 3 + [deny("ann has 3 tasks already"), complete()]


async def test_sample_due_date_moves_to_monday() -> None:
    environment = JobEnvironment()

    assert await environment.run(move_due_date, due_date=SATURDAY) == correct(
        due_date=SATURDAY + timedelta(days=2)
    )
    assert await environment.run(move_due_date, due_date=SATURDAY - timedelta(days=1)) == complete()


async def test_sample_approval_wants_a_second_person_and_a_decision() -> None:
    environment = JobEnvironment("completing")
    decided = {"requester": "ann", "approved": True}

    own = await environment.run(four_eyes, assignee="ann", variables=decided)
    undecided = await environment.run(four_eyes, assignee="bob", variables={"requester": "ann"})

    assert own == deny("ann asked for it and cannot approve it")
    assert undecided == deny("say whether it is approved")
    assert await environment.run(four_eyes, assignee="bob", variables=decided) == complete()
    with pytest.raises(Fail):
        await environment.run(four_eyes, assignee="bob")


async def test_an_exception_uses_up_a_retry_and_pauses_longer_each_time() -> None:
    listeners = Listeners()

    @listeners.on("updating", job_type="check")
    async def broken(_job: ListenerJob) -> Outcome:
        raise RuntimeError("no database")

    assert await failed(listeners, a_job(retries=3)) == Failure(
        2, "RuntimeError: no database", timedelta(seconds=2)
    )
    assert await failed(listeners, a_job(retries=2)) == Failure(
        1, "RuntimeError: no database", timedelta(seconds=4)
    )


async def test_retry_and_fail_say_later_and_never() -> None:
    listeners = Listeners()

    @listeners.on("updating", job_type="check")
    async def moody(job: ListenerJob) -> Outcome:
        if job.retries > 1:
            raise Retry("busy", after=timedelta(minutes=5))
        raise Fail("never")

    assert await failed(listeners, a_job(retries=2)) == Failure(1, "busy", timedelta(minutes=5))
    assert await failed(listeners, a_job(retries=1)) == Failure(0, "never")


async def test_a_job_of_an_event_without_a_handler_becomes_an_incident() -> None:
    listeners = Listeners()

    @listeners.on("updating", job_type="check")
    async def accept(_job: ListenerJob) -> None:
        return None

    assert (await failed(listeners, a_job("completing"))).retries == 0
    assert await run_handler(listeners.registrations, a_job(), POLICY) == complete()


@pytest.mark.parametrize(
    ("event", "outcome"),
    [("creating", deny("no")), ("updating", complete({"a": 1})), ("", correct(priority=1))],
)
async def test_environment_refuses_what_the_product_refuses(event: str, outcome: Outcome) -> None:
    async def answer(_job: ListenerJob) -> Outcome:
        return outcome

    with pytest.raises(ValueError, match=r"listener|service"):
        await JobEnvironment(event).run(answer)


@pytest.mark.parametrize("answer", [deny, False, "denied", {"denied": True}, 0])
async def test_an_answer_that_is_no_outcome_lets_nothing_through(answer: Any) -> None:
    listeners = Listeners()

    @listeners.on("updating", job_type="check")
    async def mistaken(_job: ListenerJob) -> Any:
        return answer

    refused = await failed(listeners, a_job(retries=3))

    kind = type(answer).__name__
    told = f"the handler returned {kind}, not complete(), correct(…) or deny(…)"
    assert (refused.retries, refused.message) == (2, f"TypeError: {told}")
    with pytest.raises(TypeError, match="not complete"):
        await JobEnvironment().run(mistaken)


def test_a_handler_that_cannot_be_awaited_is_refused_where_it_is_declared() -> None:
    class Checks:
        async def __call__(self, _job: ListenerJob) -> None:
            return None

    def forgotten(_job: ListenerJob) -> Outcome:
        return complete()

    register: Any = Listeners().on("updating", job_type="check")

    register(Checks())
    with pytest.raises(TypeError, match="'check' must be an async function"):
        register(forgotten)


def test_corrections_that_cannot_be_are_refused_where_they_are_made() -> None:
    with pytest.raises(ValueError, match="time zone"):
        correct(due_date=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match=r"0\.\.100"):
        correct(priority=101)
    nothing: Any = None
    with pytest.raises(ValueError, match=r"0\.\.100"):
        correct(priority=nothing)
    with pytest.raises(TypeError, match="list of names"):
        correct(candidate_users="ann")
    with pytest.raises(ValueError, match="not among"):
        Listeners().on("updated", job_type="x")
