"""Executions over HTTP: started, shown, terminated."""

import json
import threading
from dataclasses import fields
from typing import Any

import pytest

from signoff_gateway.dialects.orkes import workflows
from signoff_gateway.dialects.orkes.compiler import compile_definition
from signoff_gateway.reads.work import DefinitionRow, ElementRow, InstanceView
from signoff_schemas.commands import CancelProcess, StartProcess
from signoff_schemas.envelope import Entry
from signoff_schemas.ids import key_of, uuid_of
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.results import CompleteJob
from tests.support.gateway import Stack, rejected
from tests.support.orkes import TASK, TASK_ID, WORKFLOW, WORKFLOW_ID, WorkReads, task

Json = dict[str, Any]
API = "/api/workflow"
JOB = key_of(1, 30)
DEFINITION = {
    "name": "flow",
    "version": 1,
    "tasks": [
        {"name": "do", "taskReferenceName": "do_ref", "type": "SIMPLE"},
        {
            "name": "which",
            "taskReferenceName": "which_ref",
            "type": "SWITCH",
            "expression": "v",
            "decisionCases": {
                "a": [{"name": "check", "taskReferenceName": "check_ref", "type": "HUMAN"}]
            },
        },
    ],
}


def element(counter: int, node_id: str, entered_at: int, **more: Any) -> ElementRow:
    """A visit to a node; over at once and done, unless said otherwise."""
    plain: Json = dict.fromkeys(each.name for each in fields(ElementRow))
    plain |= {"key": key_of(1, counter), "node_id": node_id, "entered_at": entered_at, "input": {}}
    return ElementRow(**{**plain, **more})


def done(counter: int, node_id: str, entered_at: int, **more: Any) -> ElementRow:
    return element(
        counter,
        node_id,
        entered_at,
        **{"left_at": entered_at, "output": {}, "ending": "COMPLETED", **more},
    )


ELEMENTS = (
    done(20, "__variables", 100),
    done(
        21,
        "do_ref",
        110,
        left_at=120,
        input={"in": 1},
        output={"out": 2},
        job_key=JOB,
        job_state="COMPLETED",
        job_worker="w",
    ),
    done(22, "which_ref", 120, input={"on": "a"}, output={"case": "a"}),
    element(23, "check_ref", 120, task_key=TASK),
)


def view(state: str = "ACTIVE", ending: str | None = None, **more: Any) -> InstanceView:
    facts = {"input": {"x": 1}, "variables": {"v": 2}, "workflowId": WORKFLOW_ID}
    plain: Json = {
        "key": WORKFLOW,
        "process_id": "flow",
        "process_version": 1,
        "business_id": "c-1",
        "tenant": "<default>",
        "state": state,
        "ending": ending,
        "reason": "",
        "started_at": 100,
        "ended_at": None,
        "started_by": "boss",
        "output": None,
        "variables": {"workflow": facts},
        "content": json.dumps(DEFINITION),
        "elements": ELEMENTS,
    }
    return InstanceView(**{**plain, **more})


@pytest.fixture
def views(stack: Stack, work: WorkReads) -> dict[int, InstanceView]:
    """The executions that the read side knows."""
    there: dict[int, InstanceView] = {}
    work.put(task(process_id="flow"))

    async def instance_view(key: int, tenants: object) -> InstanceView | None:
        return there.get(key)

    stack.reads.instance_view = instance_view  # type: ignore[attr-defined]
    return there


def started(_: Entry) -> Outcome:
    result: dict[str, object] = {"process_instance_key": WORKFLOW}
    return Outcome(status=OutcomeStatus.APPLIED, result=result)


async def test_a_start_is_answered_with_the_id(stack: Stack) -> None:
    stack.broker.answer = started
    body = {"name": "flow", "version": 2, "input": {"a": 1}, "correlationId": "c", "priority": 3}
    by_request = await stack.client.post(API, json={**body, "taskToDomain": {}, "createdBy": "x"})
    by_name = await stack.client.post(f"{API}/flow?version=2&correlationId=c", json={"a": 1})
    latest = await stack.client.post(f"{API}/flow")
    as_json = await stack.client.post(
        f"{API}/flow", json={}, headers={"accept": "application/json"}
    )

    for answer in (by_request, by_name, latest):
        assert answer.status_code == 200, answer.text
        assert answer.text == WORKFLOW_ID
        assert answer.headers["content-type"].startswith("text/plain")
    assert as_json.json() == WORKFLOW_ID
    commands = stack.broker.bodies(StartProcess)
    asked = StartProcess(process_id="flow", version=2, variables={"a": 1}, business_id="c")
    assert commands == [asked, asked, *[StartProcess(process_id="flow")] * 2]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"taskToDomain": {"a": "b"}}, "taskToDomain of a workflow is not supported"),
        ({"workflowDef": {"name": "x"}}, "workflowDef: WorkflowTask list cannot be empty"),
        ({"idempotencyKey": "k"}, "idempotencyStrategy FAIL is not supported"),
        ({"input": [1]}, "Validation failed"),
        ({"name": None}, "Validation failed"),
        ({"version": -1}, "Validation failed"),
        ({"correlationId": "c" * 501}, "Validation failed"),
    ],
)
async def test_a_start_that_we_could_not_do_as_told_is_refused(
    stack: Stack, more: Json, message: str
) -> None:
    answer = await stack.client.post(API, json={"name": "flow", **more})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)
    assert not stack.broker.commands


async def test_a_definition_may_come_along_if_it_is_the_registered_one(stack: Stack) -> None:
    stack.broker.answer = started
    task = {"name": "do", "taskReferenceName": "do_ref", "type": "SIMPLE"}
    given = {"name": "flow", "version": 2, "tasks": [task], "timeoutSeconds": 0}
    row = DefinitionRow(7, "flow", 2, "flow.json", json.dumps(given), 1, "boss", "<default>")

    async def definitions(*_: object, tenants: object) -> list[DefinitionRow]:
        return [row]

    stack.reads.definitions = definitions  # type: ignore[attr-defined]
    same = {**given, "description": "the same in other words", "inputTemplate": {}}
    other = {**given, "timeoutSeconds": 5}

    taken = await stack.client.post(API, json={"name": "flow", "workflowDef": same})
    refused = await stack.client.post(API, json={"name": "flow", "workflowDef": other})

    assert taken.status_code == 200
    assert (refused.status_code, len(stack.broker.commands)) == (400, 1)
    assert "is not registered like this" in refused.json()["message"]


async def test_a_definition_that_comes_along_is_not_compiled_in_the_loop_of_all(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    task = {"name": "do", "taskReferenceName": "do_ref", "type": "SIMPLE"}
    given = {"name": "flow", "version": 1, "tasks": [task], "timeoutSeconds": 0}

    def compiled(definition: Any) -> Any:
        threads.append(threading.get_ident())
        return compile_definition(definition)

    async def definitions(*_: object, tenants: object) -> list[DefinitionRow]:
        text = json.dumps(given)
        return [DefinitionRow(7, "flow", 1, "flow.json", text, 1, "boss", "<default>")]

    monkeypatch.setattr(workflows, "compile_definition", compiled)
    stack.reads.definitions = definitions  # type: ignore[attr-defined]
    stack.broker.answer = started
    answer = await stack.client.post(API, json={"name": "flow", "workflowDef": given})

    assert answer.status_code == 200, answer.text
    assert len(threads) == 2
    assert threading.get_ident() not in threads


async def test_an_unknown_definition_is_not_found(stack: Stack) -> None:
    stack.broker.answer = lambda _: rejected(
        RejectionType.NOT_FOUND, Code.DEFINITION_NOT_FOUND, process_id="flow", version="2"
    )
    answer = await stack.client.post(f"{API}/flow?version=2")
    assert answer.status_code == 404
    assert answer.json()["message"] == "No such workflow definition found: flow:2"


async def test_an_idempotency_key_in_the_body_counts_like_the_header(stack: Stack) -> None:
    stack.broker.answer = started
    body = {"name": "flow", "idempotencyKey": "k", "idempotencyStrategy": "RETURN_EXISTING"}
    for _ in range(2):
        assert (await stack.client.post(API, json=body)).text == WORKFLOW_ID
    assert (await stack.client.post(API, json={**body, "name": "g"})).status_code == 200
    first, second, third = (each.id for each in stack.broker.commands)
    assert first == second != third


async def test_an_execution_is_shown_with_its_tasks(
    stack: Stack, views: dict[int, InstanceView]
) -> None:
    views[WORKFLOW] = view()
    answer = await stack.client.get(f"{API}/{WORKFLOW_ID}")
    shown = answer.json()

    assert answer.status_code == 200
    assert (shown["workflowId"], shown["workflowName"], shown["workflowVersion"]) == (
        WORKFLOW_ID,
        "flow",
        1,
    )
    assert (shown["status"], shown["correlationId"], shown["createdBy"]) == (
        "RUNNING",
        "c-1",
        "boss",
    )
    assert (shown["input"], shown["variables"], shown["output"]) == ({"x": 1}, {"v": 2}, {})
    assert (shown["startTime"], shown["endTime"], shown["updateTime"]) == (100, 0, 120)
    assert shown["workflowDefinition"] == DEFINITION
    assert "reasonForIncompletion" not in shown
    first, second, third = shown["tasks"]
    assert [each["seq"] for each in shown["tasks"]] == [1, 2, 3]
    assert (first["taskType"], first["status"], first["taskId"]) == (
        "do",
        "COMPLETED",
        uuid_of(JOB),
    )
    assert (first["inputData"], first["outputData"]) == ({"in": 1}, {"out": 2})
    assert (second["taskType"], second["status"]) == ("SWITCH", "COMPLETED")
    assert second["inputData"] == {"v": "a"}
    assert second["outputData"] == {"evaluationResult": ["a"], "selectedCase": "a"}
    assert (third["taskType"], third["status"], third["taskId"]) == (
        "HUMAN",
        "IN_PROGRESS",
        TASK_ID,
    )
    assert "__humanTaskProcessContext" in third["inputData"]


@pytest.mark.parametrize(
    ("state", "ending", "status"),
    [
        ("TERMINATING", "FAILED", "RUNNING"),
        ("COMPLETED", None, "COMPLETED"),
        ("TERMINATED", None, "TERMINATED"),
        ("TERMINATED", "TERMINATED", "TERMINATED"),
        ("TERMINATED", "FAILED", "FAILED"),
        ("TERMINATED", "TIMED_OUT", "TIMED_OUT"),
    ],
)
async def test_the_status_tells_how_it_ended(
    stack: Stack,
    views: dict[int, InstanceView],
    state: str,
    ending: str | None,
    status: str,
) -> None:
    views[WORKFLOW] = view(state, ending, output={"o": 1}, reason="why", ended_at=500)
    whole = (await stack.client.get(f"{API}/{WORKFLOW_ID}?includeTasks=false")).json()
    brief = (await stack.client.get(f"{API}/{WORKFLOW_ID}/status?includeOutput=true")).json()

    assert (whole["status"], whole["tasks"], whole["endTime"]) == (status, [], 500)
    assert whole["reasonForIncompletion"] == "why"
    assert brief == {
        "workflowId": WORKFLOW_ID,
        "correlationId": "c-1",
        "status": status,
        "output": {"o": 1},
    }


@pytest.mark.parametrize(
    ("stands", "status"),
    [
        ({"job_state": "ACTIVATABLE"}, "SCHEDULED"),
        ({"job_state": "ACTIVATED"}, "IN_PROGRESS"),
        ({"job_state": "BACKING_OFF"}, "SCHEDULED"),
        ({"job_state": "CANCELED", "left_at": 5, "ending": "FAILED"}, "FAILED"),
        ({"job_state": "CANCELED", "left_at": 5, "ending": "TERMINATED"}, "CANCELED"),
        ({"job_state": "CANCELED", "left_at": 5, "ending": "TIMED_OUT"}, "TIMED_OUT"),
    ],
)
async def test_a_worker_s_task_tells_where_it_stands(
    stack: Stack, views: dict[int, InstanceView], stands: Json, status: str
) -> None:
    row = element(1, "do_ref", 1, job_key=JOB, **stands)
    views[WORKFLOW] = view(elements=(row,))
    shown = (await stack.client.get(f"{API}/{WORKFLOW_ID}")).json()
    assert shown["tasks"][0]["status"] == status
    has_failed = status in {"FAILED", "TIMED_OUT"}
    assert shown["failedReferenceTaskNames"] == (["do_ref"] if has_failed else [])
    assert shown["failedTaskNames"] == (["do"] if has_failed else [])


async def test_a_person_s_task_tells_how_often_it_was_tried_before(
    stack: Stack, work: WorkReads, views: dict[int, InstanceView]
) -> None:
    late = key_of(1, 40)
    work.put(task(process_id="flow", key=late))
    first = done(23, "check_ref", 120, task_key=late, ending="TIMED_OUT")
    views[WORKFLOW] = view(elements=(first, element(24, "check_ref", 180, task_key=TASK)))

    shown = (await stack.client.get(f"{API}/{WORKFLOW_ID}")).json()

    assert [each["retryCount"] for each in shown["tasks"]] == [0, 1]


async def test_an_instance_of_the_other_dialect_is_shown_too(
    stack: Stack, views: dict[int, InstanceView]
) -> None:
    views[WORKFLOW] = view(variables={"a": 1}, content="<xml/>", elements=())
    shown = (await stack.client.get(f"{API}/{WORKFLOW_ID}")).json()
    assert (shown["input"], shown["tasks"]) == ({"a": 1}, [])
    assert "workflowDefinition" not in shown


@pytest.mark.parametrize("name", ["%00", "a%00b", "n" * 501])
async def test_a_name_that_cannot_be_is_refused(stack: Stack, name: str) -> None:
    answer = await stack.client.get(f"{API}/running/{name}")
    assert answer.status_code == 400
    assert "No workflow can have this name" in answer.json()["message"]


@pytest.mark.parametrize("path", ["", "/status", "/tasks"])
@pytest.mark.parametrize("identifier", [uuid_of(key_of(1, 999)), "nonsense", "%00"])
async def test_an_unknown_execution_is_not_found(
    stack: Stack, views: dict[int, InstanceView], path: str, identifier: str
) -> None:
    answer = await stack.client.get(f"{API}/{identifier}{path}")
    assert answer.status_code == 404
    assert answer.json()["message"].startswith("No such workflow found by id: ")


async def test_termination_carries_its_reason(stack: Stack, views: dict[int, InstanceView]) -> None:
    answer = await stack.client.delete(f"{API}/{WORKFLOW_ID}?reason=enough")
    assert (answer.status_code, answer.content) == (200, b"")
    assert stack.broker.bodies(CancelProcess) == [
        CancelProcess(process_instance_key=WORKFLOW, reason="enough")
    ]
    assert (await stack.client.delete(f"{API}/nonsense")).status_code == 404


@pytest.mark.parametrize(
    ("known", "status"),
    [(None, 404), (view("COMPLETED"), 409), (view("TERMINATED", "FAILED"), 200)],
)
async def test_what_is_over_cannot_be_terminated_again(
    stack: Stack, views: dict[int, InstanceView], known: InstanceView | None, status: int
) -> None:
    stack.broker.answer = lambda _: rejected(
        RejectionType.NOT_FOUND, Code.PROCESS_NOT_FOUND, key="1"
    )
    if known is not None:
        views[WORKFLOW] = known
    assert (await stack.client.delete(f"{API}/{WORKFLOW_ID}")).status_code == status


async def test_many_are_terminated_one_by_one(stack: Stack, views: dict[int, InstanceView]) -> None:
    other = key_of(1, 999)
    stack.broker.answer = lambda entry: (
        rejected(RejectionType.NOT_FOUND, Code.PROCESS_NOT_FOUND, key="1")
        if entry.body.process_instance_key == other  # type: ignore[union-attr]
        else Outcome(status=OutcomeStatus.APPLIED)
    )
    ids = [WORKFLOW_ID, uuid_of(other), "nonsense", WORKFLOW_ID]
    answer = await stack.client.post(f"{API}/bulk/terminate?reason=r", json=ids)

    assert answer.json()["bulkSuccessfulResults"] == [WORKFLOW_ID]
    assert set(answer.json()["bulkErrorResults"]) == {uuid_of(other), "nonsense"}


async def test_a_task_is_updated_by_its_name(stack: Stack, views: dict[int, InstanceView]) -> None:
    views[WORKFLOW] = view()
    done = await stack.client.post(f"/api/tasks/{WORKFLOW_ID}/do_ref/COMPLETED", json={"o": 1})
    sync = await stack.client.post(f"/api/tasks/{WORKFLOW_ID}/do_ref/COMPLETED/sync", json={})
    missing = await stack.client.post(f"/api/tasks/{WORKFLOW_ID}/other/COMPLETED", json={})
    wrong = await stack.client.post(f"/api/tasks/{WORKFLOW_ID}/do_ref/DONE", json={})

    assert (done.status_code, done.text) == (200, uuid_of(JOB))
    assert sync.json()["workflowId"] == WORKFLOW_ID
    assert (missing.status_code, wrong.status_code) == (404, 400)
    assert stack.broker.bodies(CompleteJob) == [
        CompleteJob(job_key=JOB, variables={"o": 1}),
        CompleteJob(job_key=JOB),
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "pause"), ("PUT", "resume"), ("POST", "retry"), ("POST", "rerun")],
)
async def test_what_is_not_supported_is_told_plainly(stack: Stack, method: str, path: str) -> None:
    answer = await stack.client.request(method, f"{API}/{WORKFLOW_ID}/{path}", json={})
    assert answer.status_code == 400
    assert answer.json()["message"].endswith("is not supported")
