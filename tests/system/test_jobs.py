"""Jobs and incidents through the published client."""

import asyncio
import time

import pytest
from camunda_orchestration_sdk import CamundaAsyncClient, models
from camunda_orchestration_sdk.errors import BadRequestError, NotFoundError
from camunda_orchestration_sdk.semantic_types import GlobalListenerId

from tests.system.conftest import REQUEST_TIMEOUT
from tests.system.jobs import answering, during, poll, take
from tests.system.modelling import bpmn, create, deploy, open_task, service_task, start, user_task

pytestmark = pytest.mark.system


def change(priority: int) -> models.UserTaskUpdateRequest:
    return models.UserTaskUpdateRequest(changeset=models.Changeset(priority=priority))


async def incidents_of(camunda: CamundaAsyncClient, instance: str) -> list[models.IncidentResult]:
    query = models.IncidentSearchQuery(
        filter_=models.IncidentSearchQueryFilter(process_instance_key=instance)
    )
    return (await camunda.search_incidents(data=query)).items


async def jobs_of(camunda: CamundaAsyncClient, job_type: str) -> list[models.JobSearchResult]:
    query = models.JobSearchQuery(filter_=models.JobSearchQueryFilter(type_=job_type))
    return (await camunda.search_jobs(data=query)).items


async def test_a_long_poll_gets_a_job_that_comes_later_and_its_variables(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    waiting = asyncio.create_task(take(worker, unique))
    process = bpmn(unique, service_task(unique), user_task())
    [deployed] = await deploy(camunda, model_bpmn=process)
    assert deployed.process_definition is not None
    key = deployed.process_definition.process_definition_key
    instance = await create(camunda, key, order={"amount": 12.5})

    job = await waiting
    variables = models.JobCompletionRequestVariables.from_dict({"paid": True})
    completion = models.JobCompletionRequest(variables=variables)
    await worker.complete_job(job.job_key, data=completion)

    assert (job.type_, job.kind, job.retries) == (unique, "BPMN_ELEMENT", 3)
    assert job.process_instance_key == instance.process_instance_key
    assert job.variables.to_dict() == {"order": {"amount": 12.5}}
    with pytest.raises(NotFoundError):
        await worker.complete_job(job.job_key, data=completion)
    [found] = await jobs_of(camunda, unique)
    assert found.state == "COMPLETED"


async def test_only_the_variables_that_were_asked_for_are_fetched(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    await start(camunda, unique, service_task(unique), wanted=1, other=2)
    request = models.JobActivationRequest(
        type_=unique, timeout=60_000, max_jobs_to_activate=1, fetch_variable=["wanted"]
    )

    [job] = (await worker.activate_jobs(data=request)).jobs

    assert job.variables.to_dict() == {"wanted": 1}


async def test_a_poll_that_hung_up_takes_no_job(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    for _ in range(3):
        abandoned = asyncio.create_task(take(worker, unique))
        await asyncio.sleep(0.3)
        abandoned.cancel()
        await asyncio.wait([abandoned])

    await start(camunda, unique, service_task(unique))

    assert (await take(worker, unique)).type_ == unique


async def test_a_poll_that_may_not_wait_is_answered_at_once(
    worker: CamundaAsyncClient, unique: str
) -> None:
    began = time.monotonic()

    assert await poll(worker, unique, wait_ms=-1) == []
    assert time.monotonic() - began < REQUEST_TIMEOUT / 2


async def test_of_many_polls_each_job_reaches_one(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    polls = [asyncio.create_task(take(client, unique)) for client in (camunda, worker) * 4]
    [deployed] = await deploy(camunda, model_bpmn=bpmn(unique, service_task(unique)))
    assert deployed.process_definition is not None
    key = deployed.process_definition.process_definition_key

    await asyncio.gather(*(create(camunda, key) for _ in polls))

    jobs = await asyncio.gather(*polls)
    assert len({job.job_key for job in jobs}) == len(polls)


async def test_a_job_that_timed_out_is_handed_out_again(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    await start(camunda, unique, service_task(unique))

    first = await take(worker, unique, timeout_ms=300)
    second = await take(worker, unique)

    assert second.job_key == first.job_key
    assert second.retries == first.retries


async def test_a_failed_job_comes_back_after_its_back_off(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    await start(camunda, unique, service_task(unique))
    first = await take(worker, unique)
    failure = models.JobFailRequest(retries=2, retry_back_off=1_000, error_message="not now")

    began = time.monotonic()
    await worker.fail_job(first.job_key, data=failure)
    second = await take(worker, unique)

    assert time.monotonic() - began >= 0.9
    assert (second.job_key, second.retries) == (first.job_key, 2)


async def test_a_service_task_without_retries_waits_for_its_incident(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    instance = (await start(camunda, unique, service_task(unique))).process_instance_key
    job = await take(worker, unique)

    await worker.fail_job(
        job.job_key, data=models.JobFailRequest(retries=0, error_message="out of paper")
    )

    [incident] = await incidents_of(camunda, instance)
    assert (incident.error_type, incident.error_message) == ("JOB_NO_RETRIES", "out of paper")
    assert incident.job_key == job.job_key
    assert await poll(worker, unique, wait_ms=-1) == []
    changeset = models.JobChangeset(retries=1)
    await camunda.update_job(job.job_key, data=models.JobUpdateRequest(changeset=changeset))
    await camunda.resolve_incident(incident.incident_key)
    again = await take(worker, unique)
    assert again.job_key == job.job_key
    assert (await camunda.get_incident(incident.incident_key)).state == "RESOLVED"
    with pytest.raises(NotFoundError):
        await camunda.resolve_incident(incident.incident_key)


async def test_a_resolved_listener_incident_answers_the_request_that_waited(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique, ("updating", unique))

    async def repair() -> None:
        job = await take(worker, unique)
        await worker.fail_job(job.job_key, data=models.JobFailRequest(retries=0))
        [incident] = await incidents_of(worker, task.process_instance_key)
        assert incident.error_type == "TASK_LISTENER_NO_RETRIES"
        assert incident.error_message == "No more retries left."
        changeset = models.JobChangeset(retries=1)
        await worker.update_job(job.job_key, data=models.JobUpdateRequest(changeset=changeset))
        await worker.resolve_incident(incident.incident_key)
        again = await take(worker, unique)
        assert again.job_key == job.job_key
        await worker.complete_job(again.job_key)

    await during(camunda.update_user_task(task.user_task_key, data=change(3)), repair())

    assert (await camunda.get_user_task(task.user_task_key)).priority == 3


async def test_a_job_gets_another_priority_and_is_taken_from_its_worker(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    await start(camunda, unique, service_task(unique))
    job = await take(worker, unique)

    urgent = models.JobChangeset(priority=70)
    await camunda.update_job(job.job_key, data=models.JobUpdateRequest(changeset=urgent))
    [found] = await jobs_of(camunda, unique)
    over = models.JobChangeset(timeout=-1)
    await camunda.update_job(job.job_key, data=models.JobUpdateRequest(changeset=over))
    again = await take(worker, unique)

    assert (job.priority, found.state, found.priority) == (0, "PRIORITY_UPDATED", 70)
    assert (again.job_key, again.priority, again.retries) == (job.job_key, 70, 3)


async def test_an_error_that_nothing_catches_is_an_incident(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    instance = (await start(camunda, unique, service_task(unique))).process_instance_key
    job = await take(worker, unique)
    error = models.JobErrorRequest(error_code="42", error_message="no such customer")

    await worker.throw_job_error(job.job_key, data=error)

    [incident] = await incidents_of(camunda, instance)
    assert incident.error_type == "UNHANDLED_ERROR_EVENT"
    assert "42" in incident.error_message


async def test_a_listener_may_not_answer_with_variables_and_keeps_its_job(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique, ("updating", unique))
    variables = models.JobCompletionRequestVariables.from_dict({"more": 1})

    async def misbehave() -> None:
        job = await take(worker, unique)
        with pytest.raises(BadRequestError, match="variables payload provided is not yet"):
            await worker.complete_job(
                job.job_key, data=models.JobCompletionRequest(variables=variables)
            )
        await worker.complete_job(job.job_key)

    await during(camunda.update_user_task(task.user_task_key, data=change(4)), misbehave())


async def test_global_listeners_come_and_go(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    """A global listener meets every task: this one leaves alone what is not of this test."""
    event = models.GlobalTaskListenerEventTypeEnum
    created = await camunda.create_global_task_listener(
        data=models.CreateGlobalTaskListenerRequest(
            id=GlobalListenerId(unique),
            type_=f"{unique}-all",
            event_types=[event.ASSIGNING],
            priority=70,
        )
    )
    assert (created.id, created.priority, created.retries) == (unique, 70, 3)
    own = await open_task(worker, unique, ("assigning", f"{unique}-own"))
    order: list[str] = []
    assign = models.UserTaskAssignmentRequest(assignee="ann")

    async with (
        answering(worker, f"{unique}-all", lambda _job: order.append("all")),
        answering(worker, f"{unique}-own", lambda _job: order.append("own")),
    ):
        await camunda.assign_user_task(own.user_task_key, data=assign)
        changed = models.UpdateGlobalTaskListenerRequest(
            type_=f"{unique}-all", event_types=[event.ASSIGNING], after_non_global=True
        )
        await camunda.update_global_task_listener(unique, data=changed)
        await worker.assign_user_task(own.user_task_key, data=assign)
        await camunda.delete_global_task_listener(unique)
        await worker.assign_user_task(own.user_task_key, data=assign)

    assert order == ["all", "own", "own", "all", "own"]
    with pytest.raises(NotFoundError):
        await camunda.get_global_task_listener(unique)
    listed = await camunda.search_global_task_listeners()
    assert unique not in [each.id for each in listed.items]
