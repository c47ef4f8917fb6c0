"""Definitions, workers and people together: the gateway, the real broker and a real database."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from signoff_broker.postgres.migrate import migrate
from signoff_broker.postgres.ownership import Broker as Member
from signoff_broker.postgres.ownership import PostgresOwnership
from signoff_broker.wiring import Broker
from signoff_gateway.gateway import GatewayValues
from signoff_gateway.reads.postgres import PostgresReads
from signoff_process.log.memory import MemoryLog
from tests.conftest import FreshDatabase
from tests.support.gateway import Stack, running

pytestmark = pytest.mark.postgres

Json = dict[str, Any]
READ = (
    "definitions",
    "documents",
    "instance_view",
    "job",
    "search",
    "work_task_at",
    "work_tasks",
)
LOAN: Json = {
    "name": "loan",
    "version": 1,
    "timeoutSeconds": 0,
    "variables": {"currency": "EUR"},
    "tasks": [
        {
            "name": "score",
            "taskReferenceName": "score_ref",
            "type": "SIMPLE",
            "inputParameters": {"who": "${workflow.input.who}", "id": "${workflow.workflowId}"},
        },
        {
            "name": "keep",
            "taskReferenceName": "keep_ref",
            "type": "SET_VARIABLE",
            "inputParameters": {"score": "${score_ref.output.score}"},
        },
        {
            "name": "which",
            "taskReferenceName": "which_ref",
            "type": "SWITCH",
            "evaluatorType": "value-param",
            "expression": "good",
            "inputParameters": {"good": "${score_ref.output.good}"},
            "decisionCases": {
                "true": [
                    {
                        "name": "approval",
                        "taskReferenceName": "approve_ref",
                        "type": "HUMAN",
                        "inputParameters": {
                            "text": "${workflow.variables.score} ${workflow.variables.currency}",
                            "__humanTaskDefinition": {
                                "displayName": "Approve it",
                                "assignee": {"userType": "CONDUCTOR_USER", "user": "demo"},
                            },
                        },
                    }
                ]
            },
            "defaultCase": [
                {
                    "name": "stop",
                    "taskReferenceName": "stop_ref",
                    "type": "TERMINATE",
                    "inputParameters": {
                        "terminationStatus": "FAILED",
                        "terminationReason": "only ${score_ref.output.score}",
                        "workflowOutput": {"by": "${which_ref.output.selectedCase}"},
                    },
                }
            ],
        },
        {
            "name": "pay",
            "taskReferenceName": "pay_ref",
            "type": "SIMPLE",
            "inputParameters": {"ok": "${approve_ref.output.ok}"},
        },
    ],
    "outputParameters": {"paid": "${pay_ref.output.paid}", "score": "${workflow.variables.score}"},
}


class World:
    """What a client of Conductor does."""

    def __init__(self, stack: Stack) -> None:
        self.client = stack.client

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.client.request(method, f"/api{path}", json=body)
        assert answer.status_code == 200, answer.text
        kind = answer.headers.get("content-type", "")
        return answer.json() if kind.startswith("application/json") else answer.text

    async def start(self, **given: Any) -> str:
        return str(await self.call("POST", "/workflow/loan?correlationId=c", given))

    async def task(self, kind: str) -> Json:
        [task] = await self.call("GET", f"/tasks/poll/batch/{kind}?workerid=w&count=1&timeout=9000")
        return dict(task)

    async def say(self, task: Json, status: str, output: Json | None = None, **more: Any) -> None:
        named = {name: task[name] for name in ("taskId", "workflowInstanceId")}
        body = {**named, "status": status, "outputData": output or {}, **more}
        await self.call("POST", "/tasks/update-v2", body)

    async def workflow(self, identifier: str) -> Json:
        return dict(await self.call("GET", f"/workflow/{identifier}"))


@pytest.fixture
async def world(fresh_database: FreshDatabase) -> AsyncIterator[World]:
    dsn = await fresh_database(migrate)
    ownership = PostgresOwnership(dsn, Member(str(uuid4()), "broker-1", 1, "0.1.0"))
    await ownership.ensure_partitions(2, 0)
    reads = await PostgresReads.open(dsn)

    def broker_of(log: MemoryLog) -> Broker:
        return Broker(log, ownership, heartbeat_seconds=0.05)

    async with running(GatewayValues(), partitions=2, broker_of=broker_of) as stack:
        for name in READ:
            setattr(stack.reads, name, getattr(reads, name))
        made = World(stack)
        await made.call("POST", "/metadata/workflow", LOAN)
        yield made
    await reads.close()
    await ownership.close()


def states(shown: Json) -> dict[str, str]:
    return {each["referenceTaskName"]: each["status"] for each in shown["tasks"]}


async def test_a_workflow_goes_through_workers_and_people_to_its_output(world: World) -> None:
    identifier = await world.start(who="Ann")
    task = await world.task("score")
    assert task["inputData"] == {"who": "Ann", "id": identifier}
    await world.say(task, "COMPLETED", {"score": 7, "good": True})

    shown = await world.workflow(identifier)
    assert (shown["status"], shown["variables"]) == ("RUNNING", {"currency": "EUR", "score": 7})
    human = shown["tasks"][-1]
    assert human["inputData"]["text"] == "7 EUR"
    claimed = await world.call("POST", f"/human/tasks/{human['taskId']}/claim")
    assert claimed["state"] == "IN_PROGRESS"
    await world.call("POST", f"/tasks/{identifier}/approve_ref/COMPLETED", {"ok": True})
    task = await world.task("pay")
    assert task["inputData"] == {"ok": True}
    await world.say(task, "COMPLETED", {"paid": 100})

    shown = await world.workflow(identifier)
    assert (shown["status"], shown["output"]) == ("COMPLETED", {"paid": 100, "score": 7})
    assert states(shown) == dict.fromkeys(
        ("score_ref", "keep_ref", "which_ref", "approve_ref", "pay_ref"), "COMPLETED"
    )
    again = await world.client.delete(f"/api/workflow/{identifier}")
    assert again.status_code == 409


async def test_the_other_branch_terminates_with_reason_and_output(world: World) -> None:
    identifier = await world.start(who="Bob")
    await world.say(await world.task("score"), "COMPLETED", {"score": 1, "good": False})

    shown = await world.workflow(identifier)
    assert (shown["status"], shown["reasonForIncompletion"]) == ("FAILED", "only 1")
    assert shown["output"] == {"by": "false"}
    assert shown["tasks"][-1]["inputData"]["terminationStatus"] == "FAILED"


async def test_a_failed_task_comes_again_as_its_definition_says(world: World) -> None:
    rule = {"name": "score", "retryCount": 1, "retryDelaySeconds": 0, "responseTimeoutSeconds": 30}
    await world.call("POST", "/metadata/taskdefs", [rule])
    identifier = await world.start(who="Eve")
    task = await world.task("score")
    assert (task["responseTimeoutSeconds"], task["retryCount"]) == (30, 0)
    await world.say(task, "FAILED", reasonForIncompletion="oops")

    again = await world.task("score")
    assert (again["taskId"], again["retryCount"]) == (task["taskId"], 1)
    shown = await world.workflow(identifier)
    assert shown["tasks"][0]["retryCount"] == 1
    await world.say(again, "IN_PROGRESS", {"half": 1})
    again = await world.task("score")
    assert again["outputData"] == {"half": 1}
    assert again["retryCount"] == 1  # being put off is no failure
    await world.say(again, "FAILED", reasonForIncompletion="oops again")

    shown = await world.workflow(identifier)
    assert (shown["status"], shown["reasonForIncompletion"]) == ("FAILED", "oops again")
    assert states(shown) == {"score_ref": "FAILED"}
    assert shown["failedReferenceTaskNames"] == ["score_ref"]


async def test_a_terminal_error_ends_the_workflow_at_once(world: World) -> None:
    identifier = await world.start(who="Eve")
    await world.say(
        await world.task("score"), "FAILED_WITH_TERMINAL_ERROR", reasonForIncompletion="broken"
    )
    shown = await world.workflow(identifier)
    assert (shown["status"], shown["reasonForIncompletion"]) == ("FAILED", "broken")


async def test_termination_ends_what_is_open(world: World) -> None:
    identifier, other = [await world.start(who="Ann") for _ in range(2)]
    assert set(await world.call("GET", "/workflow/running/loan")) == {identifier, other}
    await world.call("DELETE", f"/workflow/{identifier}?reason=enough")

    shown = await world.workflow(identifier)
    assert (shown["status"], shown["reasonForIncompletion"]) == ("TERMINATED", "enough")
    assert states(shown) == {"score_ref": "CANCELED"}
    assert await world.call("GET", "/workflow/running/loan") == [other]
    found = await world.call(
        "GET", f"/workflow/search?query=workflowType='loan' AND workflowId={identifier}"
    )
    assert [each["status"] for each in found["results"]] == ["TERMINATED"]


async def test_a_workflow_says_that_nobody_was_left_to_do_its_task(world: World) -> None:
    alone = {"assignee": {"userType": "CONDUCTOR_USER", "user": "ann"}}
    human = {"assignments": [alone], "assignmentCompletionStrategy": "TERMINATE"}
    asked = {
        "name": "ask",
        "taskReferenceName": "ask_ref",
        "type": "HUMAN",
        "inputParameters": {"__humanTaskDefinition": human},
    }
    await world.call(
        "POST", "/metadata/workflow", {"name": "chain", "version": 1, "tasks": [asked]}
    )
    started = await world.client.post("/api/workflow/chain", json={})
    (task,) = (await world.workflow(started.text))["tasks"]
    await world.call("POST", f"/human/tasks/{task['taskId']}/skip")

    shown = await world.workflow(started.text)
    found = await world.call("GET", f"/workflow/search?query=workflowId={started.text}")

    said = "Task terminated as no more assignments pending and completion strategy is TERMINATE"
    assert (shown["status"], shown["reasonForIncompletion"]) == ("FAILED", said)
    assert [each["reasonForIncompletion"] for each in found["results"]] == [said]
    assert states(shown) == {"ask_ref": "CANCELED"}


async def test_a_new_definition_is_for_what_starts_afterwards(world: World) -> None:
    before = await world.start(who="Ann")
    quick = {**LOAN, "tasks": LOAN["tasks"][:1], "outputParameters": {}}
    refused = await world.client.post("/api/metadata/workflow", json=quick)
    assert refused.status_code == 409
    await world.call("POST", "/metadata/workflow?overwrite=true", quick)
    after = await world.start(who="Ann")

    for _ in range(2):
        await world.say(await world.task("score"), "COMPLETED", {"score": 7, "good": True})

    assert (await world.workflow(before))["status"] == "RUNNING"
    shown = await world.workflow(after)
    assert (shown["status"], shown["output"]) == ("COMPLETED", {"score": 7, "good": True})
    await world.call("DELETE", "/metadata/workflow/loan/1")
    gone = await world.client.post("/api/workflow/loan", json={})
    assert gone.status_code == 404


async def test_a_worker_of_this_dialect_may_be_a_task_listener(world: World) -> None:
    listener = {"id": "g", "type": "veto", "eventTypes": ["assigning"], "retries": 1}
    made = await world.client.post("/v2/global-task-listeners", json=listener)
    assert made.status_code == 201, made.text
    identifier = await world.start(who="Ann")
    await world.say(await world.task("score"), "COMPLETED", {"score": 7, "good": True})
    await world.say(await world.task("veto"), "COMPLETED")  # of the first assignment
    human = (await world.workflow(identifier))["tasks"][-1]["taskId"]

    claiming = asyncio.create_task(world.client.post(f"/api/human/tasks/{human}/claim"))
    task = await world.task("veto")
    assert task["inputData"]["userTask"]["action"] == "claim"
    await world.say(task, "COMPLETED", {"denied": True, "deniedReason": "not on Sundays"})

    denied = await claiming
    assert denied.status_code == 409
    assert "not on Sundays" in denied.json()["message"]


async def test_workflows_and_forms_may_be_called_as_parts_of_the_api_are(world: World) -> None:
    form = {"name": "bulk", "jsonSchema": {"type": "object"}, "templateUI": {}}
    await world.call("POST", "/human/template", form)
    await world.call("POST", "/metadata/workflow", {**LOAN, "name": "search"})

    assert (await world.call("GET", "/human/template/bulk/1"))["name"] == "bulk"
    assert (await world.call("GET", "/metadata/workflow/search"))["name"] == "search"
    identifier = await world.call("POST", "/workflow/search", {"who": "Ann"})
    assert (await world.workflow(identifier))["workflowName"] == "search"


@pytest.mark.parametrize("minutes", [7, "7"])
async def test_the_time_of_an_assignment_may_come_as_digits(
    world: World, minutes: int | str
) -> None:
    demo = {"userType": "CONDUCTOR_USER", "user": "demo"}
    chain = [{"assignee": demo, "slaMinutes": "${workflow.input.minutes}"}]
    task = {
        "name": "check",
        "taskReferenceName": "check_ref",
        "type": "HUMAN",
        "inputParameters": {"__humanTaskDefinition": {"assignments": chain}},
    }
    await world.call(
        "POST",
        "/metadata/workflow?overwrite=true",
        LOAN | {"tasks": [task], "outputParameters": {}},
    )

    found = await world.workflow(await world.start(minutes=minutes))

    [shown] = found["tasks"]
    human = await world.call("GET", f"/human/tasks/{shown['taskId']}")
    assert human["humanTaskDef"]["assignments"] == [{"assignee": demo, "slaMinutes": 7}]
