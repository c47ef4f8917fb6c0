"""Nobody is left guessing: held requests, outcomes, withdrawal, repetition under a key."""

import asyncio
from typing import Any

import httpx
import pytest
from camunda_orchestration_sdk import CamundaAsyncClient, models

from tests.system.conftest import REQUEST_TIMEOUT
from tests.system.jobs import denied, take
from tests.system.modelling import open_task

pytestmark = pytest.mark.system

UPDATE = {"changeset": {"priority": 3}}


async def outcome(http: httpx.AsyncClient, command: str) -> dict[str, Any]:
    answer = await http.get(f"/v2/commands/{command}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def unanswered(http: httpx.AsyncClient, task: models.UserTaskResult) -> str:
    """An update that ends in 504; returns its command id."""
    answer = await http.patch(f"/v2/user-tasks/{task.user_task_key}", json=UPDATE)
    problem = answer.json()
    assert (answer.status_code, problem["title"]) == (504, "DEADLINE_EXCEEDED")
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["commandId"] == answer.headers["Signoff-Command-Id"]
    return str(problem["commandId"])


async def test_after_a_504_the_outcome_can_be_asked_for(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, http: httpx.AsyncClient, unique: str
) -> None:
    tasks = [await open_task(camunda, unique, ("updating", unique)) for _ in range(2)]
    began = asyncio.get_running_loop().time()

    commands = await asyncio.gather(*(unanswered(http, task) for task in tasks))

    took = asyncio.get_running_loop().time() - began
    assert REQUEST_TIMEOUT - 0.5 < took < REQUEST_TIMEOUT + 10
    for command, task in zip(commands, tasks, strict=True):
        assert (await outcome(http, command))["status"] == "WAITING"
        assert (await camunda.get_user_task(task.user_task_key)).state == "UPDATING"
    by_task = {
        job.element_instance_key: job for job in [await take(worker, unique) for _ in range(2)]
    }
    accepted, refused = (by_task[task.element_instance_key] for task in tasks)
    await worker.complete_job(accepted.job_key)
    await worker.complete_job(refused.job_key, data=denied("too late"))
    applied, rejected = [await outcome(http, command) for command in commands]
    assert applied["status"] == "APPLIED"
    assert rejected["status"] == "REJECTED"
    assert "Reason to deny: 'too late'" in str(rejected)
    priorities = [(await camunda.get_user_task(task.user_task_key)).priority for task in tasks]
    assert priorities == [3, 50]


async def test_a_waiting_command_can_be_withdrawn(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, http: httpx.AsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique, ("updating", unique))
    path = f"/v2/user-tasks/{task.user_task_key}"
    key = {"Idempotency-Key": unique}
    first = await http.patch(path, json=UPDATE, headers=key)
    waiting = first.headers["Signoff-Command-Id"]
    job = await take(worker, unique)
    held = asyncio.create_task(http.patch(path, json=UPDATE, headers=key))

    withdrawn = await http.post(f"/v2/commands/{waiting}/withdrawal")

    assert (first.status_code, withdrawn.status_code) == (504, 200)
    assert (await held).status_code == 409
    assert (await outcome(http, waiting))["status"] == "WITHDRAWN"
    late = await http.post(f"/v2/jobs/{job.job_key}/completion")
    assert late.status_code == 404
    assert (await camunda.get_user_task(task.user_task_key)).to_dict() == task.to_dict()


async def test_a_command_that_never_came_can_be_settled(http: httpx.AsyncClient) -> None:
    never = "c1-0192d4e8-5b1c-7000-8000-0123456789ab"

    before = await outcome(http, never)
    await http.post(f"/v2/commands/{never}/withdrawal")
    after = await outcome(http, never)

    assert (before["status"], after["status"]) == ("PENDING", "WITHDRAWN")


async def test_a_repetition_gets_the_first_outcome_and_has_no_second_effect(
    http: httpx.AsyncClient, unique: str
) -> None:
    key, body = {"Idempotency-Key": unique}, {"name": unique}

    first = await http.post("/v2/user-tasks", json=body, headers=key)
    answers = await asyncio.gather(
        *(http.post("/v2/user-tasks", json=body, headers=key) for _ in range(5))
    )

    assert {answer.text for answer in answers} == {first.text}
    assert {answer.status_code for answer in answers} == {first.status_code} == {201}
    other = await http.post("/v2/user-tasks", json={"name": "another"}, headers=key)
    assert other.status_code == 422
    search = await http.post("/v2/user-tasks/search", json={"filter": {"name": unique}})
    assert search.json()["page"]["totalItems"] == 1


async def test_a_repeated_refusal_is_the_same_refusal(
    camunda: CamundaAsyncClient, http: httpx.AsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique)
    path = f"/v2/user-tasks/{task.user_task_key}/assignment"
    await http.post(path, json={"assignee": "ann"})
    body, key = {"assignee": "bob", "allowOverride": False}, {"Idempotency-Key": unique}

    first = await http.post(path, json=body, headers=key)
    await http.request("DELETE", f"/v2/user-tasks/{task.user_task_key}/assignee")
    second = await http.post(path, json=body, headers=key)

    assert first.status_code == second.status_code == 409
    assert first.json() == second.json()
    assert (await http.post(path, json=body)).status_code == 204


async def test_a_repetition_joins_the_wait(
    camunda: CamundaAsyncClient, worker: CamundaAsyncClient, http: httpx.AsyncClient, unique: str
) -> None:
    task = await open_task(camunda, unique, ("updating", unique))
    path, key = f"/v2/user-tasks/{task.user_task_key}", {"Idempotency-Key": unique}
    held = [asyncio.create_task(http.patch(path, json=UPDATE, headers=key)) for _ in range(4)]
    job = await take(worker, unique)

    await worker.complete_job(job.job_key)

    assert [(await each).status_code for each in held] == [204] * 4
