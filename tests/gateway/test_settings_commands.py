"""Deployments, process instances and global listeners."""

from typing import Any

import pytest

from signoff_schemas.commands import (
    CreateGlobalListener,
    DeleteGlobalListener,
    Deploy,
    StartProcess,
    UpdateGlobalListener,
)
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.values import GlobalListener, ListenerEvent
from tests.support.gateway import APPLIED, Stack, rejected

BAD_TAG = (
    "The provided tag '{}' is not valid. Tags must start with a letter (a-z, A-Z), followed by "
    "alphanumerics, underscores, minuses, colons, or periods. It must not be blank and must be "
    "100 characters or less."
)
LISTENERS = "/v2/global-task-listeners"
BPMN = b"""<?xml version="1.0"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="t">
  <bpmn:process id="order" name="Order" isExecutable="true">
    <bpmn:startEvent id="s"/><bpmn:sequenceFlow id="f1" sourceRef="s" targetRef="t"/>
    <bpmn:userTask id="t"><bpmn:extensionElements><zeebe:userTask/></bpmn:extensionElements>
    </bpmn:userTask>
    <bpmn:sequenceFlow id="f2" sourceRef="t" targetRef="e"/><bpmn:endEvent id="e"/>
  </bpmn:process>
</bpmn:definitions>"""


def applied(**result: object) -> Outcome:
    return Outcome(status=OutcomeStatus.APPLIED, result=result)


async def test_files_are_deployed_together(stack: Stack) -> None:
    stack.broker.answer = lambda _: applied(
        deployment_key=10,
        processes=[
            {
                "process_id": "order",
                "definition_key": 11,
                "version": 2,
                "resource_name": "order.bpmn",
            }
        ],
        forms=[{"form_id": "f", "form_key": 12, "version": 1, "resource_name": "f.form"}],
        resources=[{"name": "blob", "key": 13, "version": 4}],
    )
    files = [
        ("resources", ("order.bpmn", BPMN)),
        ("resources", ("f.form", b'{"id":"f"}')),
        ("resources", ("blob", BPMN)),
    ]

    answer = await stack.client.post("/v2/deployments", files=files, data={"tenantId": "<default>"})

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["deploymentKey"], body["tenantId"]) == ("10", "<default>")
    kinds = ("processDefinition", "decisionDefinition", "decisionRequirements", "form", "resource")
    assert [set(each) for each in body["deployments"]] == [set(kinds)] * 3
    process, form, stored = body["deployments"]
    assert process["processDefinition"] == {
        "processDefinitionId": "order",
        "processDefinitionKey": "11",
        "processDefinitionVersion": 2,
        "resourceName": "order.bpmn",
        "tenantId": "<default>",
    }
    assert form["form"] == {
        "formId": "f",
        "formKey": "12",
        "version": 1,
        "resourceName": "f.form",
        "tenantId": "<default>",
    }
    assert stored["resource"] == {
        "resourceId": "blob",
        "resourceKey": "13",
        "version": 4,
        "resourceName": "blob",
        "tenantId": "<default>",
    }
    [entry] = stack.broker.commands
    assert entry.partition == 1
    assert isinstance(entry.body, Deploy)
    assert [each.name for each in entry.body.resources] == ["order.bpmn", "f.form", "blob"]
    assert entry.body.resources[0].processes[0].process_id == "order"


async def test_no_files_and_broken_files_are_refused(stack: Stack) -> None:
    empty = await stack.client.post("/v2/deployments", files=[("other", ("a.bpmn", BPMN))])
    broken = await stack.client.post(
        "/v2/deployments", files=[("resources", ("a.bpmn", b"<nothing"))]
    )

    for answer in (empty, broken):
        assert (answer.status_code, answer.json()["title"]) == (400, "INVALID_ARGUMENT")
    assert not stack.broker.entries


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"--x--\r\n", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="re',
            400,
        ),
        ("multipart/form-data; boundary=x", b"rubbish", 400),
    ],
)
async def test_what_is_no_form_is_refused(
    stack: Stack, content_type: str, body: bytes, status: int
) -> None:
    answer = await stack.client.post(
        "/v2/deployments", content=body, headers={"content-type": content_type}
    )

    assert answer.status_code == status
    assert set(answer.json()) == {"type", "title", "status", "detail", "instance"}


@pytest.mark.parametrize("tenant", [b"other", b"\xff"])
async def test_another_tenant_or_none_that_can_be_read_is_refused(
    stack: Stack, tenant: bytes
) -> None:
    files = [("resources", ("a.bpmn", BPMN))]

    answer = await stack.client.post("/v2/deployments", files=files, data={"tenantId": tenant})

    assert (answer.status_code, answer.json()["title"]) == (400, "INVALID_ARGUMENT")
    assert "but multi-tenancy is disabled" in answer.json()["detail"]
    assert not stack.broker.entries


async def test_an_instance_is_started(stack: Stack) -> None:
    stack.broker.answer = lambda _: applied(
        process_instance_key=20, definition_key=11, process_id="order", version=2
    )

    answer = await stack.client.post(
        "/v2/process-instances",
        json={
            "processDefinitionKey": "11",
            "variables": {"x": 1},
            "tags": ["a"],
            "tenantId": "<default>",
        },
    )

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "processDefinitionId": "order",
            "processDefinitionKey": "11",
            "processDefinitionVersion": 2,
            "processInstanceKey": "20",
            "tenantId": "<default>",
            "variables": {},
            "tags": ["a"],
            "businessId": None,
        },
    )
    assert stack.broker.commands[0].body == StartProcess(
        definition_key=11, variables={"x": 1}, tags=("a",)
    )


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "At least one of [processDefinitionId, processDefinitionKey] is required."),
        (
            {"processDefinitionId": "a", "tags": ["a b", "ok", "1c"]},
            f"{BAD_TAG.format('a b')}. {BAD_TAG.format('1c')}.",
        ),
        ({"processDefinitionId": "a", "tags": [""]}, f"{BAD_TAG.format('')}."),
        (
            {"processDefinitionId": "a", "tags": ["a" * 101]},
            f"{BAD_TAG.format('a' * 101)}.",
        ),
        (
            {"processDefinitionId": "a", "tags": [f"t{number}" for number in range(11)]},
            (
                "The provided number of tags '11' is not supported. "
                "Ensure to not add more than 10 tags.."
            ),
        ),
        (
            {"processDefinitionId": "a", "processDefinitionKey": "1"},
            "Only one of [processDefinitionId, processDefinitionKey] is allowed.",
        ),
        (
            {"processDefinitionId": "a", "awaitCompletion": True},
            "The property awaitCompletion is not supported.",
        ),
        (
            {"processDefinitionId": "a", "startInstructions": [{"elementId": "x"}]},
            "The property startInstructions is not supported.",
        ),
        (
            {"processDefinitionId": "a", "tenantId": "b"},
            (
                "Expected to handle request Create Process Instance with tenant "
                "identifier 'b', but "
                "multi-tenancy is disabled"
            ),
        ),
        (
            {"processDefinitionKey": "abc"},
            (
                "The provided processDefinitionKey 'abc' is not a valid key. Expected a numeric "
                "value. Did you pass an entity id instead of an entity key?."
            ),
        ),
    ],
)
async def test_an_instance_that_cannot_be_started_is_refused(
    stack: Stack, body: dict[str, Any], detail: str
) -> None:
    answer = await stack.client.post("/v2/process-instances", json=body)

    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


async def test_a_global_listener_is_created_replaced_and_deleted(stack: Stack) -> None:
    stack.broker.answer = lambda _: APPLIED
    body = {"id": "a@b", "type": "audit", "eventTypes": ["CREATING", "completing"]}

    created = await stack.client.post(LISTENERS, json=body)
    replaced = await stack.client.put(
        f"{LISTENERS}/a%40b",
        json={"type": "audit", "eventTypes": ["all"], "retries": 1, "afterNonGlobal": True},
    )
    deleted = await stack.client.delete(f"{LISTENERS}/a%40b")

    events = (ListenerEvent.CREATING, ListenerEvent.COMPLETING)
    assert [created.status_code, replaced.status_code, deleted.status_code] == [201, 200, 204]
    assert created.json() == {
        "id": "a@b",
        "type": "audit",
        "eventTypes": ["creating", "completing"],
        "retries": 3,
        "afterNonGlobal": False,
        "priority": 50,
        "source": "API",
    }
    assert [each.body for each in stack.broker.commands] == [
        CreateGlobalListener(listener=GlobalListener("a@b", "audit", events)),
        UpdateGlobalListener(
            listener=GlobalListener("a@b", "audit", tuple(ListenerEvent), 1, after_own=True)
        ),
        DeleteGlobalListener(id="a@b"),
    ]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"id": None}, "No id provided."),
        ({"type": ""}, "No type provided."),
        ({"eventTypes": []}, "No eventTypes provided."),
        (
            {"id": "a b"},
            (
                "The provided id contains illegal characters. It must match the pattern "
                "'^[a-zA-Z0-9_~@.+-]+$'."
            ),
        ),
        ({"type": "x" * 257}, "The provided type exceeds the limit of 256 characters."),
        (
            {"eventTypes": ["ending"]},
            (
                "Unexpected value 'ending' for enum field 'eventTypes'. Use any of the following "
                "values: [all, creating, assigning, updating, completing, canceling]"
            ),
        ),
        (
            {"id": None, "type": None, "eventTypes": None},
            "No id provided. No type provided. No eventTypes provided.",
        ),
    ],
)
async def test_a_bad_global_listener_is_refused(
    stack: Stack, change: dict[str, Any], detail: str
) -> None:
    body = {"id": "a", "type": "audit", "eventTypes": ["all"], **change}

    answer = await stack.client.post(LISTENERS, json=body)

    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


async def test_a_global_listener_that_is_there_or_is_not(stack: Stack) -> None:
    stack.reads.listeners["a"] = GlobalListener("a", "audit", (ListenerEvent.CREATING,))
    stack.broker.answer = lambda _: rejected(
        RejectionType.ALREADY_EXISTS, Code.LISTENER_EXISTS, "CREATE", id="a"
    )

    there = await stack.client.get(f"{LISTENERS}/a")
    missing = await stack.client.get(f"{LISTENERS}/b")
    taken = await stack.client.post(
        LISTENERS, json={"id": "a", "type": "audit", "eventTypes": ["all"]}
    )

    assert there.json()["eventTypes"] == ["creating"]
    assert (missing.status_code, "'b'" in missing.json()["detail"]) == (404, True)
    assert (taken.status_code, taken.json()["title"]) == (409, "ALREADY_EXISTS")
