"""Assignments of a minute expire once, and claimed ones never, while brokers are killed."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from tests.support.load import Report, some_moment
from tests.support.processes import until
from tests.support.stack import LocalStack

pytestmark = [pytest.mark.faults, pytest.mark.system, pytest.mark.kafka, pytest.mark.postgres]

TASKS = 12
SLA_SECONDS = 60
LATE_SECONDS = 15.0
WORKFLOW: dict[str, Any] = {
    "name": "expiring",
    "version": 1,
    "tasks": [
        {
            "name": "expire",
            "taskReferenceName": "expire_ref",
            "type": "HUMAN",
            "inputParameters": {
                "__humanTaskDefinition": {
                    "assignments": [
                        {"assignee": {"userType": "EXTERNAL_USER", "user": "ann"}, "slaMinutes": 1},
                        {"assignee": {"userType": "EXTERNAL_USER", "user": "bob"}},
                    ]
                }
            },
        }
    ],
}


async def start(session: aiohttp.ClientSession) -> str:
    """A new workflow's task."""
    async with session.post("/api/workflow/expiring", json={}) as answer:
        workflow = await answer.text()
    async with session.get(f"/api/workflow/{workflow}") as answer:
        return str((await answer.json())["tasks"][0]["taskId"])


async def log_of(session: aiohttp.ClientSession, task: str) -> list[str]:
    """What was done to a task, as it shows it."""
    async with session.get(f"/api/human/tasks/{task}") as answer:
        context = (await answer.json())["input"]["__humanTaskProcessContext"]
    return [line["action"] for line in context["humanTaskActionLogs"]]


@pytest.mark.timeout(240)
async def test_an_assignment_expires_once_though_brokers_are_killed(
    stack: LocalStack, report: Report
) -> None:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(
        stack.gateways[0], timeout=timeout, raise_for_status=True
    ) as session:
        await session.post("/api/metadata/workflow?overwrite=true", json=WORKFLOW)
        tasks = [await start(session) for _ in range(TASKS)]
        due = time.monotonic() + SLA_SECONDS
        claimed, waiting = tasks[::4], [each for each in tasks if each not in tasks[::4]]
        for task in claimed:
            await session.post(f"/api/human/tasks/{task}/externalUser/ann")

        killed = 0
        while killed == 0 or time.monotonic() < due:
            await some_moment()
            owner = await stack.owner(1 + killed % 2)
            dead = stack.kill(owner)
            await stack.back(owner, dead)
            await stack.ready()
            killed += 1

        async def expired() -> bool:
            logs = await asyncio.gather(*(log_of(session, each) for each in waiting))
            return all("ASSIGNMENT_EXPIRED" in log for log in logs)

        late = await until(expired, LATE_SECONDS, "the assignments expire")
        logs = [await log_of(session, each) for each in waiting]
        kept = [await log_of(session, each) for each in claimed]
    report(f"{killed} brokers killed in a minute; all expired {late:.1f} s after the last was back")
    assert logs == [["ASSIGNMENT", "ASSIGNMENT_EXPIRED", "ASSIGNMENT"]] * len(waiting)
    assert kept == [["ASSIGNMENT", "CLAIM"]] * len(claimed)
