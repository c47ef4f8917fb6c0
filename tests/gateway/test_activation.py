"""Job polls: credit down the log, jobs back, and nothing taken by who has gone."""

import asyncio
import json
from typing import Any

import pytest

from signoff_gateway.polls import Wanted
from signoff_gateway.refusals import ClientGone
from signoff_schemas.codec import JobBatch
from signoff_schemas.jobs import JobPush
from signoff_schemas.results import Goodbye, Grant, Subscription, YieldJob
from signoff_schemas.values import Attributes, JobKind, ListenerEvent, TaskSnapshot
from tests.support.gateway import Stack, job, running

ASKED = {"type": "check", "timeout": 60_000, "maxJobsToActivate": 5, "requestTimeout": 5000}


def grants(stack: Stack, partition: int = 1) -> tuple[Grant, ...]:
    """What the partition was told last."""
    told = [
        each.body
        for each in stack.broker.entries
        if isinstance(each.body, Subscription) and each.partition == partition
    ]
    return told[-1].grants if told else ()


async def credit(stack: Stack, count: int, partition: int = 1) -> Subscription:
    """The first subscription that grants this much in its only slot."""

    def granted() -> Subscription | None:
        for each in reversed(stack.broker.entries):
            if isinstance(each.body, Subscription) and each.partition == partition:
                found = sum(grant.count for grant in each.body.grants)
                return each.body if each.body.grants and found == count else None
        return None

    await stack.broker.until(granted)
    found = granted()
    assert found is not None
    return found


def poll(stack: Stack, **more: Any) -> "asyncio.Task[Any]":
    return asyncio.create_task(stack.client.post("/v2/jobs/activation", json={**ASKED, **more}))


async def hanging_poll(stack: Stack) -> asyncio.StreamWriter:
    body = json.dumps(ASKED).encode()
    _, writer = await stack.raw(
        b"POST /v2/jobs/activation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
    return writer


async def test_a_poll_becomes_credit_and_is_answered_with_what_comes(stack: Stack) -> None:
    polling = poll(stack, worker="w", fetchVariable=["b", "a"])
    subscription = await credit(stack, 5)
    [grant] = subscription.grants
    assert (grant.job_type, grant.timeout_ms, grant.worker) == ("check", 60_000, "w")
    assert grant.fetch == ("a", "b")

    stack.broker.push(subscription, grant.slot, job(1, worker="w"), job(2, worker="w"))

    jobs = (await polling).json()["jobs"]
    assert [each["jobKey"] for each in jobs] == [str(job(1).job_key), str(job(2).job_key)]
    await stack.broker.until(lambda: grants(stack) == ())
    assert stack.broker.bodies(Subscription)[-1].received == 2


async def test_a_poll_that_asks_for_too_many_names_is_refused(stack: Stack) -> None:
    names = [f"{number:0500}" for number in range(150)]

    answer = await poll(stack, fetchVariable=names)

    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "The provided type, worker and fetchVariable exceed the limit of 65536 bytes together.",
    )
    assert not stack.broker.entries


async def test_polls_that_all_want_something_else_are_bounded_and_starve_nobody(
    stack: Stack,
) -> None:
    first = poll(stack, type="first")
    names = [f"{number:0500}" for number in range(120)]
    polls = [poll(stack, type=f"t{number}", fetchVariable=names) for number in range(30)]
    done, _ = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)

    refused = done.pop().result()
    assert (refused.status_code, refused.json()["title"]) == (503, "RESOURCE_EXHAUSTED")
    await stack.broker.until(lambda: any(each.job_type == "first" for each in grants(stack)))
    subscription = stack.broker.bodies(Subscription)[-1]
    assert len(subscription.model_dump_json()) < 1_100_000
    [slot] = [each.slot for each in subscription.grants if each.job_type == "first"]
    stack.broker.push(subscription, slot, job(1, job_type="first"))
    assert len((await first).json()["jobs"]) == 1
    same = poll(stack, type="t0", fetchVariable=names, requestTimeout=100)
    assert (await same).status_code == 200
    for each in polls:
        each.cancel()


async def test_a_plain_job_has_every_field(stack: Stack) -> None:
    polling = poll(stack)
    subscription = await credit(stack, 5)
    stack.broker.push(subscription, subscription.grants[0].slot, job(1))

    [shown] = (await polling).json()["jobs"]

    assert shown == {
        "jobKey": str(job(1).job_key),
        "type": "check",
        "kind": "BPMN_ELEMENT",
        "listenerEventType": "UNSPECIFIED",
        "processDefinitionId": "order",
        "processDefinitionVersion": 2,
        "processDefinitionKey": str(job(1).process.definition_key),
        "processInstanceKey": str(job(1).process_instance_key),
        "rootProcessInstanceKey": str(job(1).process_instance_key),
        "elementId": "work",
        "elementInstanceKey": str(job(1).element_instance_key),
        "customHeaders": {},
        "worker": "",
        "retries": 3,
        "deadline": 1_900_000_000_000,
        "variables": {},
        "tenantId": "<default>",
        "tags": [],
        "userTask": None,
        "businessId": None,
        "priority": 0,
        "leaseToken": None,
        "jobLeaseToken": None,
        "physicalTenantId": "default",
    }


async def test_a_listener_job_shows_the_task_as_asked_for(stack: Stack) -> None:
    attributes = Attributes(
        assignee="ann",
        candidate_users=("bob",),
        due_date="2030-01-01T10:00Z",
        follow_up_date="2030-01-02T00:00:00.120+02:00",
        priority=0,
    )
    task = TaskSnapshot(7, "", attributes, ("candidate_users", "assignee"), form_key=9)
    polling = poll(stack, withLease=True)
    subscription = await credit(stack, 5)
    listener = job(
        1,
        kind=JobKind.TASK_LISTENER,
        listener_event=ListenerEvent.ASSIGNING,
        task=task,
        headers={"own": "x"},
    )
    stack.broker.push(subscription, subscription.grants[0].slot, listener)

    [shown] = (await polling).json()["jobs"]

    assert (shown["kind"], shown["listenerEventType"]) == ("TASK_LISTENER", "ASSIGNING")
    assert shown["leaseToken"] == shown["jobLeaseToken"] == "17"
    assert shown["userTask"] == {
        "userTaskKey": "7",
        "action": "",
        "assignee": "ann",
        "candidateGroups": [],
        "candidateUsers": ["bob"],
        "changedAttributes": ["assignee", "candidateUsersList"],
        "dueDate": "2030-01-01T10:00:00.000Z",
        "followUpDate": "2030-01-01T22:00:00.120Z",
        "formKey": "9",
        "priority": None,
    }
    assert shown["customHeaders"]["own"] == "x"
    assert shown["customHeaders"]["io.camunda.zeebe:assignee"] == "ann"


async def test_an_expired_poll_is_200_with_no_job_and_takes_its_credit_back(stack: Stack) -> None:
    heartbeat = stack.gateway._subscriptions._heartbeat
    assert heartbeat is not None
    heartbeat.cancel()  # so that it is the poll's end that tells

    answer = await stack.client.post("/v2/jobs/activation", json={**ASKED, "requestTimeout": 50})

    assert (answer.status_code, answer.json()) == (200, {"jobs": []})
    await stack.broker.until(lambda: grants(stack) == ())


async def test_a_poll_that_does_not_wait_is_answered_at_once(stack: Stack) -> None:
    async with asyncio.timeout(1):
        answer = await stack.client.post(
            "/v2/jobs/activation", json={**ASKED, "requestTimeout": -1}
        )

    assert answer.json() == {"jobs": []}


async def test_polls_of_a_kind_share_a_slot_and_others_have_their_own(stack: Stack) -> None:
    polls = [poll(stack), poll(stack), poll(stack, type="other"), poll(stack, timeout=1)]
    await credit(stack, 20)
    counts = {(each.job_type, each.timeout_ms): each.count for each in grants(stack)}
    assert counts == {("check", 60_000): 10, ("other", 60_000): 5, ("check", 1): 5}

    for each in grants(stack):
        jobs = [job(number, job_type=each.job_type) for number in range(each.count)]
        stack.broker.push(stack.broker.bodies(Subscription)[-1], each.slot, *jobs)

    answers = await asyncio.gather(*polls)
    assert [len(each.json()["jobs"]) for each in answers] == [5, 5, 5, 5]
    assert not stack.broker.bodies(YieldJob)


async def test_a_poll_that_hung_up_takes_no_job(stack: Stack) -> None:
    writer = await hanging_poll(stack)
    subscription = await credit(stack, 5)

    writer.close()
    await stack.broker.until(lambda: grants(stack) == ())
    stack.broker.push(subscription, subscription.grants[0].slot, job(1))

    await stack.broker.until(lambda: stack.broker.bodies(YieldJob))
    assert stack.broker.bodies(YieldJob) == [YieldJob(job_key=job(1).job_key, lease_token="17")]


async def test_a_job_for_who_hung_up_goes_to_the_next_poll_of_its_kind(stack: Stack) -> None:
    writer = await hanging_poll(stack)
    await credit(stack, 5)
    polling = poll(stack)
    subscription = await credit(stack, 10)

    writer.close()
    await credit(stack, 5)
    stack.broker.push(subscription, subscription.grants[0].slot, job(1))

    assert len((await polling).json()["jobs"]) == 1
    assert not stack.broker.bodies(YieldJob)


async def test_a_job_that_comes_in_the_turn_of_the_hang_up_is_given_back(stack: Stack) -> None:
    hangs_up: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def receive() -> dict[str, str]:
        return await hangs_up

    subscriptions = stack.gateway._subscriptions
    polling = asyncio.create_task(subscriptions.poll(Wanted("check", 60_000), 5, 5, receive))
    subscription = await credit(stack, 5)
    name = subscription.subscriber
    push = JobPush(subscriber=name, slot=subscription.grants[0].slot, job=job(1))

    hangs_up.set_result({"type": "http.disconnect"})
    await asyncio.sleep(0)
    subscriptions.on_jobs(JobBatch(subscriber=name, items=(push,)))

    with pytest.raises(ClientGone):
        await polling
    await stack.broker.until(lambda: stack.broker.bodies(YieldJob))


async def test_a_job_that_crosses_an_answer_waits_for_the_next_poll(stack: Stack) -> None:
    polling = poll(stack)
    subscription = await credit(stack, 5)
    slot = subscription.grants[0].slot
    stack.broker.push(subscription, slot, job(1))
    await polling

    stack.broker.push(subscription, slot, job(2))
    again = await stack.client.post("/v2/jobs/activation", json=ASKED)

    assert [each["jobKey"] for each in again.json()["jobs"]] == [str(job(2).job_key)]
    assert not stack.broker.bodies(YieldJob)


async def test_and_is_given_back_if_there_is_none(stack: Stack) -> None:
    polling = poll(stack)
    subscription = await credit(stack, 5)
    slot = subscription.grants[0].slot
    stack.broker.push(subscription, slot, job(1))
    await polling

    stack.broker.push(subscription, slot, job(2))

    await stack.broker.until(lambda: stack.broker.bodies(YieldJob))
    assert stack.broker.bodies(YieldJob)[0].job_key == job(2).job_key


async def test_credit_is_renewed_when_half_of_it_is_used(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signoff_gateway.subscriptions.KEPT", 60)
    heartbeat = stack.gateway._subscriptions._heartbeat
    assert heartbeat is not None
    heartbeat.cancel()  # so that it is the polls that tell
    polling = poll(stack)
    subscription = await credit(stack, 5)
    for number in range(3):
        assert len(stack.broker.bodies(Subscription)) == 1
        stack.broker.push(subscription, subscription.grants[0].slot, job(number))
        assert len((await polling).json()["jobs"]) == 1
        polling = poll(stack)
        await stack.until(lambda: stack.gateway._subscriptions.polls)

    await stack.broker.until(lambda: len(stack.broker.bodies(Subscription)) == 2)
    assert [each.count for each in grants(stack)] == [5]


async def test_jobs_whose_answer_cannot_be_written_are_given_back(stack: Stack) -> None:
    large = {"text": "x" * 20_000_000}
    writer = await hanging_poll(stack)
    subscription = await credit(stack, 5)
    stack.broker.push(subscription, subscription.grants[0].slot, job(1, variables=large))
    await stack.broker.until(lambda: grants(stack) == ())

    writer.transport.abort()

    await stack.broker.until(lambda: stack.broker.bodies(YieldJob))
    assert stack.broker.bodies(YieldJob)[0].job_key == job(1).job_key


async def test_credit_is_split_over_the_partitions() -> None:
    async with running(partitions=3) as stack:
        polling = poll(stack, maxJobsToActivate=7)
        await stack.broker.until(lambda: all(grants(stack, partition) for partition in (1, 2, 3)))
        counts = [grants(stack, each)[0].count for each in (1, 2, 3)]
        subscription = stack.broker.bodies(Subscription)[0]
        stack.broker.push(subscription, grants(stack)[0].slot, job(1))
        await polling

    assert sorted(counts) == [2, 2, 3]


async def test_who_rings_comes_first_when_there_is_less_than_partitions() -> None:
    async with running(partitions=3) as stack:
        polling = poll(stack, maxJobsToActivate=1)
        await stack.broker.until(lambda: all(grants(stack, each) for each in (1, 2, 3)))
        silent = next(each for each in (3, 2, 1) if grants(stack, each)[0].count == 0)
        subscription = stack.broker.bodies(Subscription)[0]

        stack.broker.ring(subscription, silent, "check")
        await stack.broker.until(lambda: grants(stack, silent)[0].count == 1)

        total = sum(grants(stack, each)[0].count for each in (1, 2, 3))
        assert total == 1
        stack.broker.push(subscription, grants(stack, silent)[0].slot, job(1, partition=silent))
        assert len((await polling).json()["jobs"]) == 1


async def test_after_a_poll_there_are_heartbeats_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signoff_gateway.subscriptions.HEARTBEAT", 0.1)
    async with running() as stack:
        polling = poll(stack)
        subscription = await credit(stack, 5)
        stack.broker.push(subscription, subscription.grants[0].slot, job(1))
        await polling
        await stack.broker.until(lambda: grants(stack) == ())
        before = len(stack.broker.bodies(Subscription))

        await stack.broker.until(lambda: len(stack.broker.bodies(Subscription)) >= before + 2)

        assert grants(stack) == ()


async def test_a_stop_answers_polls_and_says_goodbye() -> None:
    async with running() as stack:
        polling = poll(stack)
        await credit(stack, 5)

        await stack.gateway.stop()

        assert (await polling).json() == {"jobs": []}
        await stack.broker.until(lambda: stack.broker.bodies(Goodbye))


async def test_a_stop_leaves_jobs_to_the_workers_that_have_them() -> None:
    async with running() as stack:
        polling = poll(stack)
        subscription = await credit(stack, 5)
        stack.broker.push(subscription, subscription.grants[0].slot, job(1))
        await polling

        await stack.gateway.stop()

        assert not stack.broker.bodies(Goodbye)
        await stack.broker.until(lambda: grants(stack) == ())


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"type": None}, "No type provided."),
        ({"type": ""}, "No type provided."),
        ({"timeout": None}, "No timeout provided."),
        ({"timeout": 0}, "The value for timeout is '0' but must be greater than 0."),
        ({"maxJobsToActivate": None}, "No maxJobsToActivate provided."),
        (
            {"maxJobsToActivate": -1},
            "The value for maxJobsToActivate is '-1' but must be greater than 0.",
        ),
        (
            {"type": None, "timeout": None, "maxJobsToActivate": None},
            "No type provided. No timeout provided. No maxJobsToActivate provided.",
        ),
        (
            {"tenantIds": ["a"]},
            (
                "Expected to handle request Activate Jobs with tenant identifier 'a', but "
                "multi-tenancy is disabled"
            ),
        ),
        ({"type": 1}, "Request property [type] cannot be parsed"),
    ],
)
async def test_a_bad_poll_is_refused(stack: Stack, change: dict[str, Any], detail: str) -> None:
    answer = await stack.client.post("/v2/jobs/activation", json={**ASKED, **change})

    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


async def test_the_default_tenant_may_be_named(stack: Stack) -> None:
    answer = await stack.client.post(
        "/v2/jobs/activation",
        json={
            **ASKED,
            "requestTimeout": -1,
            "tenantIds": ["<default>"],
            "tenantFilter": "provided",
        },
    )

    assert answer.status_code == 200
