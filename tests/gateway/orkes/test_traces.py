"""The golden traces (orkes.md 8): claims, releases and completions on the real product."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from signoff_broker.postgres.migrate import migrate
from signoff_broker.postgres.ownership import Broker as Member
from signoff_broker.postgres.ownership import PostgresOwnership
from signoff_broker.wiring import Broker
from signoff_gateway.gateway import GatewayValues
from signoff_gateway.reads.postgres import PostgresReads
from signoff_process.log.memory import MemoryLog
from tests.support.backends import Databases
from tests.support.gateway import Stack, running

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="module")]

Json = dict[str, Any]
READ = ("documents", "definitions", "instance_view", "search_work", "work_task_at", "work_tasks")
ME = {"userType": "CONDUCTOR_USER", "user": "demo"}
JANE = {"userType": "CONDUCTOR_USER", "user": "jane"}
STAFF = {"userType": "CONDUCTOR_GROUP", "user": "staff"}
ABC = {"userType": "EXTERNAL_GROUP", "user": "abc"}
ABC_USER = {"userType": "EXTERNAL_USER", "user": "abc"}
FORM = {
    "name": "loan form",
    "jsonSchema": {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
    },
    "templateUI": {"type": "VerticalLayout"},
}


class Office:
    """What people do."""

    def __init__(self, stack: Stack) -> None:
        self.client = stack.client

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.client.post(f"/api{path}", json=body)

    async def task(self, *assignees: Json, **more: Any) -> str:
        """The id of a new task, assigned to these one after the other."""
        chain = [{"assignee": each, "slaMinutes": 0} for each in assignees]
        human = {"displayName": "Check it", "assignments": chain, **more}
        name = f"w{uuid4().hex}"
        workflow = {
            "name": name,
            "version": 1,
            "tasks": [
                {
                    "name": "check",
                    "taskReferenceName": "check_ref",
                    "type": "HUMAN",
                    "inputParameters": {"amount": 5, "__humanTaskDefinition": human},
                }
            ],
        }
        assert (await self.post("/metadata/workflow", workflow)).status_code == 200
        started = await self.post(f"/workflow/{name}", {})
        found = await self.post(
            "/human/tasks/search", {"workflowIds": [started.text.strip('"')], "size": 1}
        )
        [task] = found.json()["results"]
        return str(task["taskId"])

    async def get(self, task: str) -> Json:
        return dict((await self.client.get(f"/api/human/tasks/{task}")).json())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(databases: Databases) -> AsyncIterator[Office]:
    """One for all: each test has tasks and forms of its own."""
    dsn = await databases.fresh(migrate)
    ownership = PostgresOwnership(dsn, Member(str(uuid4()), "broker-1", 1, "0.1.0"))
    await ownership.ensure_partitions(2, 0)
    reads = await PostgresReads.open(dsn)

    def broker_of(log: MemoryLog) -> Broker:
        return Broker(log, ownership, heartbeat_seconds=0.05)

    async with running(GatewayValues(), partitions=2, broker_of=broker_of) as stack:
        for name in READ:
            setattr(stack.reads, name, getattr(reads, name))
        yield Office(stack)
    await reads.close()
    await ownership.close()
    await databases.give_back(dsn)


def standing(entry: Json) -> Json:
    """Who is to do it, who does it, and where it stands in its chain."""
    context = entry["input"]["__humanTaskProcessContext"]
    assert context["state"] == entry["state"]
    return {
        "state": entry["state"],
        "assignee": entry.get("assignee"),
        "claimant": entry.get("claimant"),
        "index": context.get("assigneeIndex"),
        "completed": context["assignmentsCompleted"],
        "configured": [each["assignee"] for each in entry["humanTaskDef"]["assignments"]],
        "log": [
            (each["action"], each["state"], each.get("assignee"), each["actedBy"])
            for each in context["humanTaskActionLogs"]
        ],
    }


BY_ME = "CONDUCTOR_USER:demo"
BY_ABC = "EXTERNAL_USER:abc"


@pytest.mark.parametrize(
    ("configured", "call", "assignee", "claimant", "by"),
    [
        pytest.param(ME, "claim", ME, ME, BY_ME, id="G1"),
        pytest.param(JANE, "claim?overrideAssignment=true", ME, ME, BY_ME, id="G2"),
        pytest.param(STAFF, "claim?overrideAssignment=true", ME, ME, BY_ME, id="G3"),
        pytest.param(None, "claim", None, ME, BY_ME, id="G4"),
        pytest.param(ABC, "externalUser/abc", ABC, ABC_USER, BY_ABC, id="G5"),
        pytest.param(
            ABC, "externalUser/abc?overrideAssignment=true", ABC_USER, ABC_USER, BY_ABC, id="G6"
        ),
    ],
)
async def test_claims(
    office: Office,
    configured: Json | None,
    call: str,
    assignee: Json | None,
    claimant: Json,
    by: str,
) -> None:
    task = await office.task(*([] if configured is None else [configured]))
    before = await office.get(task)
    answer = await office.post(f"/human/tasks/{task}/{call}")
    assert answer.status_code == 200, answer.text
    claimed = answer.json()
    first = "ASSIGNMENT" if configured else "ASSIGNMENTS_COMPLETED"
    assert standing(claimed) == {
        "state": "IN_PROGRESS",
        "assignee": assignee,
        "claimant": claimant,
        "index": 0 if configured else None,
        "completed": configured is None,
        "configured": [configured] if configured else [],
        "log": [
            (first, "ASSIGNED", configured, "system"),
            ("CLAIM", "IN_PROGRESS", assignee, by),
        ],
    }
    assert claimed["updatedOn"] == before["updatedOn"]
    context = claimed["input"]["__humanTaskProcessContext"]
    line = context["humanTaskActionLogs"][-1]
    assert context["lastUpdated"] == line["stateStart"]
    assert line["claimant"] == claimant
    # What is read afterwards is the same, but for the time that is no longer the one before.
    read = await office.get(task)
    assert read == {**claimed, "updatedOn": context["lastUpdated"]}


async def test_release_and_complete(office: Office) -> None:
    """G7, G8: a release goes back to the assignment, a completion leaves no line."""
    task = await office.task(ME)
    path = f"/human/tasks/{task}"
    await office.post(f"{path}/claim")
    released = await office.post(f"{path}/release")
    assert (released.status_code, released.content) == (200, b"")
    shown = standing(await office.get(task))
    assert (shown["state"], shown["assignee"], shown["claimant"]) == ("ASSIGNED", ME, None)
    tail = [("RELEASE", "PENDING", ME, "demo"), ("ASSIGNMENT", "ASSIGNED", ME, "system")]
    assert shown["log"][-2:] == tail

    await office.post(f"{path}/claim")
    await office.post(f"{path}/update", {"a": 1, "b": 1})
    await office.post(f"{path}/update?complete=true", {"b": 2})
    done = await office.get(task)
    shown = standing(done)
    assert (shown["state"], shown["assignee"], shown["claimant"]) == ("COMPLETED", ME, ME)
    assert shown["log"][-1][0] == "CLAIM"
    assert done["output"] == {"a": 1, "b": 2}


async def test_completion_of_an_open_task(office: Office) -> None:
    """G9."""
    task = await office.task()
    assert (await office.post(f"/human/tasks/{task}/update?complete=true")).status_code == 200
    done = await office.get(task)
    shown = standing(done)
    assert (shown["state"], shown["assignee"], shown["claimant"]) == ("COMPLETED", None, None)
    assert shown["log"] == [("ASSIGNMENTS_COMPLETED", "ASSIGNED", None, "system")]
    assert done["output"] == {}


async def test_skip_and_reassign(office: Office) -> None:
    task = await office.task(JANE, ABC)
    path = f"/human/tasks/{task}"
    assert (await office.post(f"{path}/skip?reason=away")).status_code == 200
    entry = await office.get(task)
    assert standing(entry)["assignee"] == ABC
    context = entry["input"]["__humanTaskProcessContext"]
    assert (context["assigneeIndex"], context["skippedAssigneeIndexes"]) == (1, [0])
    assert (await office.post(f"{path}/skip")).status_code == 200
    assert (await office.post(f"{path}/skip")).status_code == 400
    assert (standing(await office.get(task)))["assignee"] is None

    chain = [{"assignee": STAFF, "slaMinutes": 5}, {"assignee": JANE}]
    assert (await office.post(f"{path}/reassign", chain)).status_code == 200
    entry = await office.get(task)
    context = entry["input"]["__humanTaskProcessContext"]
    assert (context["assigneeIndex"], context["skippedAssigneeIndexes"]) == (0, [])
    assert entry["humanTaskDef"]["assignments"] == chain
    assert entry["input"]["__humanTaskDefinition"]["assignments"] == chain


async def claimed_twice(office: Office, task: str) -> httpx.Response:
    await office.post(f"/human/tasks/{task}/claim")
    return await office.post(f"/human/tasks/{task}/claim?overrideAssignment=true")


async def of_others(office: Office, task: str) -> httpx.Response:
    return await office.post(f"/human/tasks/{task}/externalUser/bob")


async def not_claimed(office: Office, task: str) -> httpx.Response:
    return await office.post(f"/human/tasks/{task}/release")


async def ended(office: Office, task: str) -> httpx.Response:
    await office.post(f"/human/tasks/{task}/update?complete=true")
    return await office.post(f"/human/tasks/{task}/update", {"a": 1})


async def deleted(office: Office, task: str) -> httpx.Response:
    gone = await office.client.delete(f"/api/human/tasks/delete/{task}")
    assert (gone.status_code, (await office.get(task))["state"]) == (200, "DELETED")
    return await office.post(f"/human/tasks/{task}/claim")


@pytest.mark.parametrize("attempt", [claimed_twice, of_others, not_claimed, ended, deleted])
async def test_what_cannot_be_is_a_bad_request(
    office: Office, attempt: Callable[[Office, str], Awaitable[httpx.Response]]
) -> None:
    answer = await attempt(office, await office.task(ME))
    assert (answer.status_code, answer.json()["status"]) == (400, 400)


async def test_one_of_many_claims_wins(office: Office) -> None:
    task = await office.task(ABC)
    users = [f"user{number}" for number in range(20)]
    answers = await asyncio.gather(
        *(office.post(f"/human/tasks/{task}/externalUser/{each}") for each in users)
    )
    assert sorted(each.status_code for each in answers) == [200, *[400] * 19]
    [won] = [each.json() for each in answers if each.status_code == 200]
    assert (await office.get(task))["claimant"] == won["claimant"]


async def test_a_form_goes_with_its_task(office: Office) -> None:
    form = {**FORM, "name": "the form of a task"}
    assert (await office.post("/human/template", form)).status_code == 200
    task = await office.task(ME, userFormTemplate={"name": form["name"], "version": 0})
    path = f"/human/tasks/{task}"
    entry = (await office.post(f"{path}/claim?withTemplate=true")).json()
    template = entry["humanTaskDef"]["fullTemplate"]
    assert {name: template[name] for name in form} == form
    refused = await office.post(f"{path}/update?complete=true", {"ok": "yes"})
    assert (refused.status_code, refused.json()["validationErrors"][0]["path"]) == (400, "ok")
    assert (await office.post(f"{path}/update?complete=true", {})).status_code == 400
    assert (await office.post(f"{path}/update?complete=true", {"ok": True})).status_code == 200


async def test_versions_of_a_form(office: Office) -> None:
    async def saved(query: str = "", **more: object) -> tuple[int, int, int]:
        answer = await office.post(f"/human/template{query}", {**FORM, **more})
        form = answer.json()
        return form["version"], form["createTime"], form["updateTime"]

    first = await saved()
    second = await saved("?newVersion=true")
    again = await saved(version=1)
    assert [first[0], second[0], again[0]] == [1, 2, 1]
    assert again[1] == first[1]
    assert again[2] >= second[1]
    listed = (await office.client.get("/api/human/template?name=loan form")).json()
    assert [each["version"] for each in listed] == [2, 1]
    tags = "/api/human/template/loan form/tags"
    assert (await office.client.put(tags, json=[{"key": "k", "value": "v"}])).status_code == 200
    assert (await office.client.get(tags)).json() == [{"key": "k", "value": "v"}]
    statuses = [
        (await office.client.delete(f"/api/human/template/loan form{version}")).status_code
        for version in ("/2", "/2", "", "")
    ]
    assert statuses == [200, 500, 200, 500]
    assert (await office.client.get(tags)).json() == []
