"""The gateway and the real broker, on memory adapters: the ways of a task from end to end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from signoff_broker.memory.ownership import MemoryOwnership
from signoff_broker.memory.store import MemoryDatabase, Partition
from signoff_broker.wiring import Broker
from signoff_gateway.gateway import GatewayValues
from signoff_process.log.memory import MemoryLog
from tests.support.gateway import Stack, running


class RealBroker:
    """A broker that has every partition of a memory log."""

    def __init__(self, log: MemoryLog) -> None:
        database = MemoryDatabase({each: Partition() for each in range(1, log.partitions + 1)})
        self._broker = Broker(log, MemoryOwnership(database, "b-1"), heartbeat_seconds=0.05)

    async def start(self) -> None:
        await self._broker.start()

    async def stop(self) -> None:
        await self._broker.stop()


@pytest.fixture
async def real() -> AsyncIterator[Stack]:
    values = GatewayValues(request_timeout=1.0)
    async with running(values, partitions=2, broker_of=RealBroker) as made:
        yield made


async def created(stack: Stack, *events: str) -> str:
    listeners = [{"eventType": each, "type": each} for each in events]
    answer = await stack.client.post("/v2/user-tasks", json={"listeners": listeners})
    assert answer.status_code == 201, answer.text
    return f"/v2/user-tasks/{answer.json()['userTaskKey']}"


async def activated(stack: Stack, job_type: str) -> dict[str, Any]:
    asked = {"type": job_type, "timeout": 60_000, "maxJobsToActivate": 1, "requestTimeout": 5000}
    answer = await stack.client.post("/v2/jobs/activation", json=asked)
    [job] = answer.json()["jobs"]
    return job


async def completed(stack: Stack, job: dict[str, Any], **result: object) -> int:
    path = f"/v2/jobs/{job['jobKey']}/completion"
    body = {"result": {"type": "userTask", **result}}
    return (await stack.client.post(path, json=body)).status_code


async def test_a_held_update_is_corrected_and_answered(real: Stack) -> None:
    task = await created(real, "updating")
    asking = asyncio.create_task(
        real.client.patch(task, json={"changeset": {"priority": 80, "candidateUsers": ["x"]}})
    )

    job = await activated(real, "updating")

    assert job["userTask"]["changedAttributes"] == ["candidateUsersList", "priority"]
    assert await completed(real, job, corrections={"priority": 81}) == 204
    assert (await asking).status_code == 204
    assert await completed(real, job) == 404


async def test_a_denied_completion_tells_the_reason(real: Stack) -> None:
    task = await created(real, "completing")
    asking = asyncio.create_task(
        real.client.post(f"{task}/completion", json={"variables": {"ok": True}})
    )

    job = await activated(real, "completing")

    assert job["variables"] == {"ok": True}
    assert await completed(real, job, denied=True, deniedReason="not yet") == 204
    denied = await asking
    assert denied.status_code == 409
    assert denied.json()["detail"].endswith("Reason to deny: 'not yet'")


async def test_after_a_504_the_command_can_be_withdrawn(real: Stack) -> None:
    task = await created(real, "completing")
    late = await real.client.post(f"{task}/completion")
    assert late.status_code == 504
    busy = await real.client.patch(task, json={"action": "x"})
    assert (busy.status_code, busy.json()["title"]) == (409, "INVALID_STATE")

    path = f"/v2/commands/{late.json()['commandId']}/withdrawal"
    withdrawn = await real.client.post(path)

    assert withdrawn.json()["status"] == "WITHDRAWN"
    assert (await real.client.patch(task, json={"action": "x"})).status_code == 204


async def test_the_same_idempotency_key_creates_once(real: Stack) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = [
        await real.client.post("/v2/user-tasks", json={"name": "a"}, headers=headers)
        for _ in range(2)
    ]
    other = await real.client.post("/v2/user-tasks", json={"name": "b"}, headers=headers)

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert first.headers["signoff-command-id"] == again.headers["signoff-command-id"]
    assert (other.status_code, other.json()["title"]) == (422, "CONFLICTING_REUSE")


async def test_a_duplicate_of_a_held_command_joins_its_wait(real: Stack) -> None:
    task = await created(real, "completing")
    headers = {"Idempotency-Key": "once"}
    asking = [
        asyncio.create_task(real.client.post(f"{task}/completion", headers=headers))
        for _ in range(2)
    ]
    await real.until(lambda: real.gateway._pending.waits == 2)

    assert await completed(real, await activated(real, "completing")) == 204

    assert [(await each).status_code for each in asking] == [204, 204]
