"""Commands on user tasks: what goes down the log, and the words of every refused body."""

import json
from typing import Any

import pytest

from signoff_schemas.commands import (
    AssignTask,
    ClaimTask,
    CompleteTask,
    CreateUserTask,
    SetVariables,
    UpdateTask,
)
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.values import Listener, ListenerEvent
from tests.support.gateway import TASK, Stack

PATH = f"/v2/user-tasks/{TASK}"
NO_UPDATE = (
    'No update data provided. Provide at least an "action" or a non-null value for a supported '
    'attribute in the "changeset".'
)
NOT_A_DATE = "cannot be parsed as a date according to RFC 3339, section 5.6"


async def test_update_sends_what_was_named_and_is_answered_204(stack: Stack) -> None:
    changeset = {
        "dueDate": "2031-05-06T09:08:09+02:00",
        "followUpDate": "",
        "candidateUsers": [],
        "candidateGroups": ["a", "b"],
        "priority": 80,
    }

    answer = await stack.client.patch(PATH, json={"changeset": changeset, "action": "triage"})

    assert answer.status_code == 204
    assert answer.content == b""
    [entry] = stack.broker.commands
    assert answer.headers["signoff-command-id"] == entry.id
    assert entry.id.startswith("c1-")
    assert entry.principal.id == "demo"
    assert entry.body == UpdateTask(
        task_key=TASK,
        changes={
            "candidate_groups": ["a", "b"],
            "candidate_users": [],
            "due_date": "2031-05-06T07:08:09.000Z",
            "follow_up_date": "",
            "priority": 80,
        },
        action="triage",
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "command"),
    [
        ("PATCH", "", {"action": "x"}, UpdateTask(task_key=TASK, action="x")),
        (
            "PATCH",
            "",
            {"changeset": {"priority": 1, "dueDate": None}},
            UpdateTask(task_key=TASK, changes={"priority": 1}),
        ),
        ("POST", "/assignment", {"assignee": "ann"}, AssignTask(task_key=TASK, assignee="ann")),
        (
            "POST",
            "/assignment",
            {"assignee": "ann", "allowOverride": True, "action": "give"},
            AssignTask(task_key=TASK, assignee="ann", action="give"),
        ),
        (
            "POST",
            "/assignment",
            {"assignee": "ann", "allowOverride": False},
            ClaimTask(task_key=TASK, assignee="ann", action="assign"),
        ),
        ("DELETE", "/assignee", None, AssignTask(task_key=TASK, assignee="", action="unassign")),
        ("POST", "/completion", None, CompleteTask(task_key=TASK)),
        (
            "POST",
            "/completion",
            {"variables": {"a": [1, {"b": None}]}, "action": "approve"},
            CompleteTask(task_key=TASK, variables={"a": [1, {"b": None}]}, action="approve"),
        ),
    ],
)
@pytest.mark.parametrize("version", ["/v1", "/v2"])
async def test_a_request_becomes_its_command(
    stack: Stack, method: str, path: str, body: Any, command: object, version: str
) -> None:
    whole = f"{version}/user-tasks/{TASK}{path}"

    answer = await stack.client.request(method, whole, **({} if body is None else {"json": body}))

    assert answer.status_code == 204
    assert stack.broker.commands[0].body == command


async def test_variables_of_a_task_are_set_by_its_element_instance(stack: Stack) -> None:
    path = f"/v2/element-instances/{TASK}/variables"

    answer = await stack.client.put(path, json={"variables": {"x": 1}, "local": True})

    assert answer.status_code == 204
    assert stack.broker.commands[0].body == SetVariables(
        scope_key=TASK, variables={"x": 1}, local=True
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "title", "detail"),
    [
        ("PATCH", "", b"", "INVALID_ARGUMENT", NO_UPDATE),
        ("PATCH", "", b"{}", "INVALID_ARGUMENT", NO_UPDATE),
        ("PATCH", "", b'{"changeset":{}}', "INVALID_ARGUMENT", NO_UPDATE),
        ("PATCH", "", b'{"changeset":{"assignee":"x"}}', "INVALID_ARGUMENT", NO_UPDATE),
        (
            "PATCH",
            "",
            b'{"changeset":{"dueDate":"foo"}}',
            "INVALID_ARGUMENT",
            f"The provided due date 'foo' {NOT_A_DATE}.",
        ),
        (
            "PATCH",
            "",
            b'{"changeset":{"followUpDate":"foo","dueDate":"2031-01-01"}}',
            "INVALID_ARGUMENT",
            (
                f"The provided due date '2031-01-01' {NOT_A_DATE}. "
                f"The provided follow-up date 'foo' {NOT_A_DATE}."
            ),
        ),
        (
            "PATCH",
            "",
            b'{"changeset":{"priority":101}}',
            "INVALID_ARGUMENT",
            "The value for priority is '101' but must be within the [0,100] range.",
        ),
        (
            "PATCH",
            "",
            b'{"changeset":{"priority":-1}}',
            "INVALID_ARGUMENT",
            "The value for priority is '-1' but must be within the [0,100] range.",
        ),
        (
            "PATCH",
            "",
            b'{"changeset":{"elementInstanceKey":1}}',
            "Bad Request",
            "Request property [changeset.elementInstanceKey] cannot be parsed",
        ),
        (
            "PATCH",
            "",
            b'{"changeset":{"priority":"high"}}',
            "Bad Request",
            "Request property [changeset.priority] cannot be parsed",
        ),
        (
            "PATCH",
            "",
            b'{"changeset":{"candidateUsers":["a",1]}}',
            "Bad Request",
            "Request property [changeset.candidateUsers] cannot be parsed",
        ),
        (
            "PATCH",
            "",
            b'{"unexpectedField":1,"action":"x"}',
            "Bad Request",
            "Request property [unexpectedField] cannot be parsed",
        ),
        ("PATCH", "", b"{", "Bad Request", "Failed to read request"),
        ("PATCH", "", b"[]", "Bad Request", "Failed to read request"),
        ("PATCH", "", b'{"action":"\xff"}', "Bad Request", "Failed to read request"),
        (
            "PATCH",
            "",
            b'{"action":"\\ud800"}',
            "INVALID_ARGUMENT",
            "The value of 'action' cannot be stored: a lone surrogate.",
        ),
        (
            "PATCH",
            "",
            b'{"action":"a\\u0000"}',
            "INVALID_ARGUMENT",
            "The value of 'action' cannot be stored: a NUL character.",
        ),
        (
            "PATCH",
            "",
            b'{"action":"%s"}' % (b"x" * 501),
            "INVALID_ARGUMENT",
            "The provided action exceeds the limit of 500 characters.",
        ),
        ("POST", "/assignment", b"", "Bad Request", "Required request body is missing"),
        ("POST", "/assignment", b"null", "Bad Request", "Required request body is missing"),
        ("POST", "/assignment", b"{}", "INVALID_ARGUMENT", "No assignee provided"),
        ("POST", "/assignment", b'{"assignee":" "}', "INVALID_ARGUMENT", "No assignee provided"),
        (
            "POST",
            "/assignment",
            b'{"assignee":"a","allowOverride":"no"}',
            "Bad Request",
            "Request property [allowOverride] cannot be parsed",
        ),
        (
            "POST",
            "/completion",
            b'{"variables":[1]}',
            "Bad Request",
            "Request property [variables] cannot be parsed",
        ),
        (
            "POST",
            "/completion",
            b'{"variables":{"deep":{"er":"\\u0000"}}}',
            "INVALID_ARGUMENT",
            "The value of 'variables.deep.er' cannot be stored: a NUL character.",
        ),
        (
            "POST",
            "/completion",
            b'{"variables":{"n":1e999}}',
            "INVALID_ARGUMENT",
            "The value of 'variables.n' cannot be stored: a number that is not finite.",
        ),
        (
            "POST",
            "/completion",
            b'{"variables":{"a":{"b":[1,9223372036854775808]}}}',
            "INVALID_ARGUMENT",
            "The value of 'variables.a.b[1]' cannot be stored: a number beyond 64 bit.",
        ),
        (
            "POST",
            "/completion",
            b'{"variables":{"a":"\\udfff"}}',
            "INVALID_ARGUMENT",
            "The value of 'variables.a' cannot be stored: a lone surrogate.",
        ),
        (
            "POST",
            "/completion",
            b'{"variables":%b}' % json.dumps({f"v{n}": 1 for n in range(1001)}).encode(),
            "INVALID_ARGUMENT",
            "The value of 'variables' cannot be stored: more than 1000 variables.",
        ),
        (
            "POST",
            "/completion",
            b'{"variables":{"a":' + b"[" * 300 + b"]" * 300 + b"}}",
            "Bad Request",
            "Failed to read request: a nesting of more than 100 levels",
        ),
        (
            "PATCH",
            "",
            b'{"changeset":{"candidateUsers":%b}}' % json.dumps(["u"] * 10_001).encode(),
            "INVALID_ARGUMENT",
            "The provided changeset.candidateUsers exceeds the limit of 10000 items.",
        ),
    ],
)
async def test_a_bad_body_is_refused_in_the_dialects_words(
    stack: Stack, method: str, path: str, body: bytes, title: str, detail: str
) -> None:
    headers = {"content-type": "application/json"}

    answer = await stack.client.request(method, PATH + path, content=body, headers=headers)

    assert answer.json() == {
        "type": "about:blank",
        "title": title,
        "status": 400,
        "detail": detail,
        "instance": PATH + path,
    }
    assert answer.status_code == 400
    assert not stack.broker.entries


async def test_an_escaped_backslash_before_u0000_is_a_text_like_any_other(stack: Stack) -> None:
    body = b'{"action":"\\\\u0000"}'

    answer = await stack.client.patch(
        PATH, content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 204
    assert stack.broker.commands[0].body == UpdateTask(task_key=TASK, action="\\u0000")


@pytest.mark.parametrize("value", [b'{"a":' * 150 + b"1" + b"}" * 150, b"[" * 5000 + b"]" * 5000])
async def test_nesting_without_end_is_refused(stack: Stack, value: bytes) -> None:
    body = b'{"variables":{"v":' + value + b"}}"

    answer = await stack.client.post(
        f"{PATH}/completion", content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 400
    assert not stack.broker.entries


@pytest.mark.parametrize("key", ["abc", "1.5", "9223372036854775808", "%31x", "1" * 26, "¹"])
async def test_a_malformed_key_is_named_with_its_parameter(stack: Stack, key: str) -> None:
    answer = await stack.client.patch(f"/v2/user-tasks/{key}", json={"action": "x"})

    assert answer.status_code == 400
    assert answer.json()["title"] == "Bad Request"
    shown = {"%31x": "1x"}.get(key, key)
    assert answer.json()["detail"] == f"Failed to convert 'userTaskKey' with value: '{shown}'"


@pytest.mark.parametrize("key", ["5", "-7", "0", str(9 << 51)])
async def test_a_key_of_no_partition_is_not_found(stack: Stack, key: str) -> None:
    answer = await stack.client.delete(f"/v2/user-tasks/{key}/assignee")

    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        "Command 'ASSIGN' rejected with code 'NOT_FOUND': Expected to assign user task with key "
        f"'{key}', but no such user task was found"
    )


async def test_creating_a_task_gives_its_keys(stack: Stack) -> None:
    made: dict[str, object] = {
        "task_key": TASK,
        "process_instance_key": TASK + 1,
        "element_instance_key": TASK + 2,
    }
    stack.broker.answer = lambda _: Outcome(status=OutcomeStatus.APPLIED, result=made)
    body = {
        "name": "Check",
        "assignee": "ann",
        "candidateUsers": ["bob", "carl"],
        "candidateGroups": ["g"],
        "dueDate": "2031-05-06T07:08:09Z",
        "priority": 0,
        "variables": {"amount": 3},
        "customHeaders": {"k": "v"},
        "listeners": [{"eventType": "Completing", "type": "audit", "retries": 5}],
        "formId": "form-1",
        "tags": ["t"],
        "tenantId": "<default>",
        "businessId": "b-1",
    }

    answer = await stack.client.post("/v2/user-tasks", json=body)

    assert answer.status_code == 201
    assert answer.json() == {
        "userTaskKey": str(TASK),
        "processInstanceKey": str(TASK + 1),
        "elementInstanceKey": str(TASK + 2),
        "tenantId": "<default>",
    }
    command = stack.broker.commands[0].body
    assert isinstance(command, CreateUserTask)
    node = command.node
    assert (node.name, node.assignee, node.candidate_users) == ("Check", "ann", "bob,carl")
    assert (node.due_date, node.priority) == ("2031-05-06T07:08:09.000Z", "0")
    assert node.listeners == (Listener(ListenerEvent.COMPLETING, "audit", "5"),)
    assert (command.variables, command.tags, command.business_id) == ({"amount": 3}, ("t",), "b-1")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"assignee": "=x"}, "The provided assignee '=x' is an expression; give a literal value."),
        ({"formId": "=x"}, "The provided formId '=x' is an expression; give a literal value."),
        (
            {"externalFormReference": "=x"},
            "The provided externalFormReference '=x' is an expression; give a literal value.",
        ),
        (
            {"customHeaders": {"a": "x" * 10_001}},
            "The provided customHeaders.a exceeds the limit of 10000 characters.",
        ),
        (
            {"candidateUsers": ["a,b"]},
            "The provided candidateUsers hold 'a,b', which is no single name.",
        ),
        ({"tenantId": "t1"}, ("Expected to handle request Create User Task with tenant identifier "
                             "'t1', but multi-tenancy is disabled")),
        (
            {"listeners": [{"eventType": "ending", "type": "x"}]},
            ("Unexpected value 'ending' for enum field 'eventType'. Use any of the following "
            "values: [creating, assigning, updating, completing, canceling]"),
        ),
        (
            {"listeners": [{"eventType": "creating", "type": "x", "retries": 0}]},
            "The value for retries is '0' but must be greater than 0.",
        ),
        ({"listeners": [{"eventType": "creating", "type": ""}]}, "No type provided."),
        (
            {"customHeaders": {"io.camunda.zeebe:dueDate": "x"}},
            ("The provided customHeaders hold 'io.camunda.zeebe:dueDate', but header keys "
             "starting with 'io.camunda.zeebe:' are reserved for internal use."),
        ),
    ],
)  # fmt: skip
async def test_a_task_that_cannot_be_created_is_refused(
    stack: Stack, body: object, detail: str
) -> None:
    answer = await stack.client.post("/v2/user-tasks", json=body)

    assert (answer.status_code, answer.json()["detail"]) == (400, detail)
