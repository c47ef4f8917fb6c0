"""Listener workers as users run them: the client's own job worker, and ours with each sample."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from camunda_orchestration_sdk import CamundaAsyncClient, models
from camunda_orchestration_sdk.errors import ConflictError
from camunda_orchestration_sdk.runtime.eventual import ConsistencyOptions
from camunda_orchestration_sdk.runtime.job_worker import (
    ConnectedJobContext,
    JobFailure,
    WorkerConfig,
)

from tests.support.processes import Process, until
from tests.system.conftest import Product
from tests.system.jobs import corrected, denied
from tests.system.modelling import bpmn, create, deploy, open_task, service_task, start, task_of
from tests.system.modelling import user_task as user_task_element

pytestmark = pytest.mark.system

TOP = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def sample(product: Product, folder: Path, module: str) -> AsyncIterator[Process]:
    """`signoff worker workers/samples/…` as a process."""
    settings = {
        "SIGNOFF_GATEWAY_URL": product.back,
        "PYTHONPATH": str(TOP / "workers" / "samples"),
    }
    process = Process(["signoff", "worker", f"{module}:listeners"], settings, folder / "worker.log")
    process.start()
    try:
        await until(lambda: "worker_started" in process.written(), 90, process.written)
        yield process
        assert process.runs, process.written()
    finally:
        await process.stop()
    assert "worker_stopped" in process.written()


@asynccontextmanager
async def working(client: CamundaAsyncClient) -> AsyncIterator[None]:
    """Run the client's workers beside the test."""
    running = asyncio.create_task(client.run_workers())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def config(job_type: str) -> WorkerConfig:
    return WorkerConfig(job_type=job_type, job_timeout_milliseconds=10_000)


async def test_the_clients_own_worker_corrects_and_denies(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    async def judge(job: ConnectedJobContext) -> models.JobCompletionRequest:
        assert job.user_task is not None
        assert job.user_task.priority is not None
        return denied("panic") if job.user_task.priority > 90 else corrected(priority=80)

    task = await open_task(camunda, unique, ("updating", unique))
    key = task.user_task_key
    worker.create_job_worker(config(unique), judge)

    async with working(worker):
        await camunda.update_user_task(
            key, data=models.UserTaskUpdateRequest(changeset=models.Changeset(priority=85))
        )
        with pytest.raises(ConflictError, match="panic"):
            await camunda.update_user_task(
                key, data=models.UserTaskUpdateRequest(changeset=models.Changeset(priority=95))
            )

    assert (await camunda.get_user_task(key)).priority == 80


async def test_the_clients_own_worker_does_service_tasks_again_when_it_failed(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, unique: str
) -> None:
    attempts: list[int] = []

    async def work(job: ConnectedJobContext) -> dict[str, object]:
        attempts.append(job.retries)
        if len(attempts) < 2:
            raise JobFailure("not yet", retries=job.retries - 1)
        return {"sum": 7}

    process = bpmn(unique, service_task(unique), user_task_element())
    [deployed] = await deploy(camunda, model_bpmn=process)
    assert deployed.process_definition is not None
    worker.create_job_worker(config(unique), work)
    async with working(worker):
        instance = await create(camunda, deployed.process_definition.process_definition_key)
        query = models.UserTaskSearchQuery(
            filter_=models.UserTaskSearchQueryFilter(
                process_instance_key=instance.process_instance_key
            )
        )
        patience = ConsistencyOptions(wait_up_to_ms=20_000, poll_interval_ms=50)
        found = await camunda.search_user_tasks(data=query, consistency=patience)

    assert attempts == [3, 2]
    values = await camunda.search_user_task_effective_variables(found.items[0].user_task_key)
    assert [(each.name, each.value) for each in values.items] == [("sum", "7")]


async def test_sample_quota_check(
    product: Product, camunda: CamundaAsyncClient, tmp_path: Path, unique: str
) -> None:
    person = f"{unique}-ann"
    assign = models.UserTaskAssignmentRequest(assignee=person)
    tasks = [await open_task(camunda, unique, ("assigning", "check-quota")) for _ in range(4)]

    async with sample(product, tmp_path, "quota_check"):
        for task in tasks[:3]:
            await camunda.assign_user_task(task.user_task_key, data=assign)
        with pytest.raises(ConflictError, match=f"{person} has 3 tasks already"):
            await camunda.assign_user_task(tasks[3].user_task_key, data=assign)

    assert (await camunda.get_user_task(tasks[3].user_task_key)).assignee is None


async def test_sample_due_date_correction(
    product: Product, camunda: CamundaAsyncClient, tmp_path: Path, unique: str
) -> None:
    saturday = dt.datetime(2031, 5, 3, 12, tzinfo=dt.UTC)
    task = await open_task(camunda, unique, ("updating", "move-due-date"))
    request = models.UserTaskUpdateRequest(changeset=models.Changeset(due_date=saturday))

    async with sample(product, tmp_path, "due_date_correction"):
        await camunda.update_user_task(task.user_task_key, data=request)

    moved = await camunda.get_user_task(task.user_task_key)
    assert moved.due_date == dt.datetime(2031, 5, 5, 12, tzinfo=dt.UTC)


async def test_sample_approval(
    product: Product, camunda: CamundaAsyncClient, tmp_path: Path, unique: str
) -> None:
    element = user_task_element(("completing", "four-eyes"))
    instance = await start(camunda, unique, element, requester="ann", other="x")
    task = await task_of(camunda, instance.process_instance_key)
    key = task.user_task_key
    decided = models.UserTaskCompletionRequest(
        variables=models.UserTaskCompletionRequestVariables.from_dict({"approved": False})
    )

    async with sample(product, tmp_path, "approval"):
        await camunda.assign_user_task(key, data=models.UserTaskAssignmentRequest(assignee="ann"))
        with pytest.raises(ConflictError, match="ann asked for it and cannot approve it"):
            await camunda.complete_user_task(key, data=decided)
        await camunda.assign_user_task(key, data=models.UserTaskAssignmentRequest(assignee="bob"))
        with pytest.raises(ConflictError, match="say whether it is approved"):
            await camunda.complete_user_task(key)
        await camunda.complete_user_task(key, data=decided)

    assert (await camunda.get_user_task(key)).state == "COMPLETED"
