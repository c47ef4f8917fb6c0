"""Every read of both dialects once with something to show: the tests' client looks at its shape.

Over the real broker and a real database, so that what is shown is what is really there.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from signoff_broker.postgres.migrate import migrate
from signoff_broker.postgres.ownership import Broker as Member
from signoff_broker.postgres.ownership import PostgresOwnership
from signoff_broker.wiring import Broker
from signoff_gateway.gateway import GatewayValues
from signoff_gateway.reads import Reads
from signoff_gateway.reads.postgres import PostgresReads
from signoff_process.log.memory import MemoryLog
from tests.gateway.test_settings_commands import BPMN
from tests.support.backends import Databases
from tests.support.gateway import ScriptedReads, Stack, running

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="module")]

Json = dict[str, Any]
SCRIPTED = {"cluster", "command", "close"}
FORM = b'{"id": "ask", "components": []}'
LISTENER = {"id": "late", "type": "late", "eventTypes": ["canceling"], "retries": 1}
LOAN: Json = {
    "name": "loan",
    "version": 1,
    "tasks": [
        {"name": "score", "taskReferenceName": "score_ref", "type": "SIMPLE"},
        {"name": "check", "taskReferenceName": "check_ref", "type": "HUMAN"},
    ],
}


@dataclass
class World:
    """What clients have done, and the keys of what came of it."""

    stack: Stack
    task: str = ""
    job: str = ""
    incident: str = ""
    loan: str = ""
    score: str = ""
    human: str = ""

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.stack.client.request(method, path, json=body, **more)
        assert answer.is_success, answer.text
        kind = answer.headers.get("content-type", "")
        return answer.json() if kind.startswith("application/json") else answer.text

    async def fill(self) -> None:
        """An open task with a form and variables, a listener's incident, a workflow half done."""
        files = [("resources", ("f.form", FORM)), ("resources", ("order.bpmn", BPMN))]
        deployed = await self.stack.client.post("/v2/deployments", files=files)
        assert deployed.status_code == 200, deployed.text
        await self.call("POST", "/v2/global-task-listeners", LISTENER)
        started = {"processDefinitionId": "order", "variables": {"amount": 1}}
        await self.call("POST", "/v2/process-instances", started)
        created: Json = {"name": "Ask", "formId": "ask", "variables": {"amount": 1}}
        created["listeners"] = [{"eventType": "updating", "type": "check", "retries": 1}]
        made = await self.call("POST", "/v1/user-tasks", created)
        self.task = made["userTaskKey"]
        await self._get_stuck()
        await self.call("POST", "/api/metadata/workflow", LOAN)
        self.loan = await self.call("POST", "/api/workflow/loan", {"who": "Ann"})
        [score] = await self.call("GET", "/api/tasks/poll/batch/score?timeout=9000")
        self.score = score["taskId"]
        done = {"taskId": self.score, "workflowInstanceId": self.loan, "status": "COMPLETED"}
        await self.call("POST", "/api/tasks", done)
        shown = await self.call("GET", f"/api/workflow/{self.loan}")
        self.human = shown["tasks"][-1]["taskId"]

    async def _get_stuck(self) -> None:
        """A listener of the task gives up: an incident."""
        path = f"/v2/user-tasks/{self.task}"
        waiting = await self.stack.client.patch(path, json={"changeset": {"priority": 9}})
        assert waiting.status_code == 504
        asked = {"type": "check", "timeout": 60_000, "maxJobsToActivate": 1}
        [job] = (await self.call("POST", "/v2/jobs/activation", asked))["jobs"]
        self.job = job["jobKey"]
        failure = {"retries": 0, "errorMessage": "no"}
        await self.call("POST", f"/v2/jobs/{self.job}/failure", failure)
        found = await self.call("POST", "/v2/incidents/search", {})
        self.incident = found["items"][0]["incidentKey"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(databases: Databases) -> AsyncIterator[World]:
    """What no test changes."""
    dsn = await databases.fresh(migrate)
    ownership = PostgresOwnership(dsn, Member(str(uuid4()), "broker-1", 1, "0.1.0"))
    await ownership.ensure_partitions(1, 0)
    reads = await PostgresReads.open(dsn)

    def broker_of(log: MemoryLog) -> Broker:
        return Broker(log, ownership, heartbeat_seconds=0.05)

    shown = ScriptedReads()
    for name in vars(Reads).keys() - SCRIPTED:
        if not name.startswith("_"):
            setattr(shown, name, getattr(reads, name))
    values = GatewayValues(request_timeout=1.0)
    async with running(values, broker_of=broker_of, reads=shown) as stack:
        made = World(stack)
        await made.fill()
        yield made
    await reads.close()
    await ownership.close()
    await databases.give_back(dsn)


async def test_lookups_and_searches_of_the_first_dialect(world: World) -> None:
    task = await world.call("GET", f"/v2/user-tasks/{world.task}")
    assert (task["state"], task["formKey"] is None) == ("UPDATING", False)
    incident = await world.call("GET", f"/v2/incidents/{world.incident}")
    assert incident["jobKey"] == world.job
    assert (await world.call("GET", f"/v2/forms/{task['formKey']}"))["formId"] == "ask"
    instance, element = task["processInstanceKey"], task["elementInstanceKey"]
    shown = await world.call("GET", f"/v2/process-instances/{instance}")
    assert shown["hasIncident"]

    for path in (
        "user-tasks/search",
        "jobs/search",
        "incidents/search",
        "process-instances/search",
        "global-task-listeners/search",
        "variables/search",
        f"element-instances/{element}/incidents/search",
        f"process-instances/{instance}/incidents/search",
    ):
        found = await world.call("POST", f"/v2/{path}", {})
        assert found["items"], path
        assert found["page"]["totalItems"] == len(found["items"])
    gone = f"/v2/process-instances/{int(instance) + 999}/incidents/search"
    missing = await world.stack.client.post(gone, json={})
    assert (missing.status_code, missing.json()["title"]) == (404, "NOT_FOUND")
    variable = (await world.call("POST", "/v2/variables/search", {}))["items"][0]
    whole = await world.call("GET", f"/v2/variables/{variable['variableKey']}")
    assert whole["value"] == variable["value"]


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_reads_of_a_task_under_both_prefixes(world: World, version: str) -> None:
    path = f"/{version}/user-tasks/{world.task}"

    assert (await world.call("GET", path))["userTaskKey"] == world.task
    assert (await world.call("GET", f"{path}/form"))["schema"] == FORM.decode()
    for name in ("variables", "effective-variables"):
        found = await world.call("POST", f"{path}/{name}/search", {})
        assert [each["name"] for each in found["items"]] == ["amount"]
    found = await world.call("POST", f"/{version}/user-tasks/search", {"filter": {"name": "Ask"}})
    assert [each["userTaskKey"] for each in found["items"]] == [world.task]


async def test_tasks_of_a_workflow(world: World) -> None:
    page = await world.call("GET", f"/api/workflow/{world.loan}/tasks?count=1&start=1")
    score = await world.call("GET", f"/api/tasks/{world.score}")
    human = await world.call("GET", f"/api/tasks/{world.human}")
    conductor = await world.call("GET", f"/api/human/tasks/{world.human}/conductorTask")

    assert (page["totalHits"], page["results"]) == (2, [human])
    assert (score["status"], score["referenceTaskName"]) == ("COMPLETED", "score_ref")
    assert (conductor["taskId"], conductor["status"]) == (world.human, "IN_PROGRESS")
