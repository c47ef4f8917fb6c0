"""Claims: of many one wins, and task listeners have their say."""

import asyncio

import pytest
from camunda_orchestration_sdk import CamundaAsyncClient, models
from camunda_orchestration_sdk.semantic_types import GlobalListenerId

from tests.system.jobs import answering, corrected, denied, take
from tests.system.orkes.office import Office

pytestmark = pytest.mark.system

DEMO = {"userType": "CONDUCTOR_USER", "user": "demo"}
JANE = {"userType": "CONDUCTOR_USER", "user": "jane"}


async def test_of_twenty_claims_by_different_users_one_wins(office: Office, annex: Office) -> None:
    users = [f"{office.prefix}user{number}" for number in range(20)]
    await office.people(*users)
    task = await office.task()

    answers = await asyncio.gather(
        *(
            (office, annex)[number % 2].post(f"/human/tasks/{task}/claim", user=user)
            for number, user in enumerate(users)
        )
    )

    assert sorted(each.status_code for each in answers) == [200, *[400] * 19]
    [number] = [number for number, each in enumerate(answers) if each.status_code == 200]
    claimant = {"userType": "CONDUCTOR_USER", "user": users[number]}
    assert answers[number].json()["claimant"] == claimant
    shown = await annex.get(task)
    log = shown["input"]["__humanTaskProcessContext"]["humanTaskActionLogs"]
    assert (shown["state"], shown["claimant"]) == ("IN_PROGRESS", claimant)
    assert [line["action"] for line in log] == ["ASSIGNMENTS_COMPLETED", "CLAIM"]
    refusals = {each.json()["message"] for each in answers if each.status_code == 400}
    assert len(refusals) == 1


def change_of(job: models.ActivatedJobResult) -> tuple[str, str, str | None]:
    """What a listener's job says of the change: event, action, and who is to have the task."""
    properties = job.user_task
    assert properties is not None
    return job.listener_event_type, properties.action, properties.assignee


async def listened(office: Office, camunda: CamundaAsyncClient, job_type: str) -> str:
    """A Conductor task whose assignments ask a listener of this type."""
    task = await office.task(JANE)
    event = models.GlobalTaskListenerEventTypeEnum
    request = models.CreateGlobalTaskListenerRequest(
        id=GlobalListenerId(job_type), type_=job_type, event_types=[event.ASSIGNING]
    )
    await camunda.create_global_task_listener(data=request)
    return task


async def test_a_listener_denies_corrects_and_allows_claims(
    office: Office, camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    task = await listened(office, camunda, unique)
    before = await office.get(task)
    claim, release = f"/human/tasks/{task}/claim", f"/human/tasks/{task}/release"
    override = f"{claim}?overrideAssignment=true"
    answers = iter([denied("not on Sundays"), corrected(assignee="bob"), None, None, None])
    try:
        async with answering(worker, unique, lambda _job: next(answers)) as jobs:
            refused = await office.post(override)
            assert (refused.status_code, refused.json()["status"]) == (409, 409)
            assert "not on Sundays" in refused.json()["message"]
            assert await office.get(task) == before
            given = await office.done(override)
            bob = {"userType": "CONDUCTOR_USER", "user": "bob"}
            assert (given["state"], given["claimant"]) == ("IN_PROGRESS", bob)
            await office.done(release)
            claimed = await office.done(override)
            assert claimed["claimant"] == DEMO
            await office.done(release)
        said = [(job.kind, *change_of(job)) for job in jobs]
        assert said == [
            ("TASK_LISTENER", "ASSIGNING", action, assignee)
            for action, assignee in (
                ("claim", "demo"),
                ("claim", "demo"),
                ("release", "jane"),
                ("claim", "demo"),
                ("release", "jane"),
            )
        ]
    finally:
        await camunda.delete_global_task_listener(unique)


async def test_a_claim_whose_listener_does_not_answer_is_told_504_and_settles_later(
    office: Office, camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    task = await listened(office, camunda, unique)
    try:
        answer = await office.post(f"/human/tasks/{task}/claim?overrideAssignment=true")
    finally:
        await camunda.delete_global_task_listener(unique)
    told = answer.json()
    assert (answer.status_code, told["status"], told["retryable"]) == (504, 504, False)
    command = told["commandId"]
    assert command in told["message"]
    assert answer.headers["signoff-command-id"] == command
    assert (await office.get(task))["state"] == "ASSIGNED"
    outcome = f"/v2/commands/{command}"
    assert (await office.client.get(outcome)).json()["status"] == "WAITING"

    job = await take(worker, unique)
    await worker.complete_job(job.job_key, data=models.JobCompletionRequest())

    assert (await office.client.get(outcome)).json()["status"] == "APPLIED"
    shown = await office.get(task)
    assert (shown["state"], shown["claimant"]) == ("IN_PROGRESS", DEMO)
