"""Assignments of a minute expire once, and claimed ones never, while brokers are killed."""

import asyncio
import json
import time
from typing import Any

import aiohttp

from tests.support.load import FAULTS_OF_A_STACK, Report, some_moment
from tests.support.processes import until
from tests.support.stack import LocalStack

pytestmark = FAULTS_OF_A_STACK

TASKS = 12
SLA_SECONDS = 60
LATE_SECONDS = 30.0
PATIENCE_SECONDS = 30.0
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


async def surely(
    session: aiohttp.ClientSession, method: str, path: str, body: object = None
) -> Any:
    """What is said in the end; a busy machine may need longer than this stack is patient for."""
    said = 0, ""

    async def told() -> bool:
        nonlocal said
        async with session.request(method, f"/api{path}", json=body) as answer:
            said = answer.status, await answer.text()
        return said[0] not in {503, 504}

    await until(told, PATIENCE_SECONDS, lambda: f"{method} {path}: {said}")
    assert said[0] == 200, said
    return said[1]


async def start(session: aiohttp.ClientSession) -> str:
    """A new workflow's task."""
    workflow = await surely(session, "POST", "/workflow/expiring", {})
    shown = json.loads(await surely(session, "GET", f"/workflow/{workflow}"))
    return str(shown["tasks"][0]["taskId"])


async def claim(session: aiohttp.ClientSession, task: str) -> None:
    """For the one whose turn it is; a try that was told nothing may have been the one."""

    async def claimed() -> bool:
        async with session.post(f"/api/human/tasks/{task}/externalUser/ann"):
            return "CLAIM" in await log_of(session, task)

    await until(claimed, PATIENCE_SECONDS, "it is claimed")


async def log_of(session: aiohttp.ClientSession, task: str) -> list[str]:
    """What was done to a task, as it shows it."""
    shown = json.loads(await surely(session, "GET", f"/human/tasks/{task}"))
    context = shown["input"]["__humanTaskProcessContext"]
    return [line["action"] for line in context["humanTaskActionLogs"]]


async def test_an_assignment_expires_once_though_brokers_are_killed(
    stack: LocalStack, report: Report
) -> None:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(stack.gateways[0], timeout=timeout) as session:
        await surely(session, "POST", "/metadata/workflow?overwrite=true", WORKFLOW)
        tasks = [await start(session) for _ in range(TASKS)]
        due = time.monotonic() + SLA_SECONDS
        claimed, waiting = tasks[::4], [each for each in tasks if each not in tasks[::4]]
        for task in claimed:
            await claim(session, task)

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
