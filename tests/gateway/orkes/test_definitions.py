"""Definitions over HTTP: what is deployed, what is shown, what is refused."""

import json
from typing import Any

import pytest

from signoff_gateway.reads.work import DefinitionRow
from signoff_schemas.commands import DeleteDefinition, Deploy
from signoff_schemas.documents import RULES, DeleteDocument, PutDocument
from signoff_schemas.ids import key_of
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.work import TaskRule, TimeoutPolicy
from tests.support.gateway import Stack, rejected
from tests.support.orkes import WorkReads, document

Json = dict[str, Any]
METADATA = "/api/metadata/workflow"
TASKS = "/api/metadata/taskdefs"


def flow(name: str = "flow", **more: Any) -> Json:
    task = {"name": "do", "taskReferenceName": "do_ref", "type": "SIMPLE", "inputParameters": {}}
    return {"name": name, "version": 1, "tasks": [task], "timeoutSeconds": 0, **more}


@pytest.fixture
def rows(stack: Stack) -> list[DefinitionRow]:
    """What the read side says is deployed: versions descending."""
    there: list[DefinitionRow] = []

    async def definitions(
        process_id: str | None = None, version: int | None = None, *, tenants: object
    ) -> list[DefinitionRow]:
        return [
            each
            for each in there
            if process_id in {None, each.process_id} and version in {None, each.version}
        ]

    stack.reads.definitions = definitions  # type: ignore[attr-defined]
    return there


def deployed(definition: Json, *, content: str | None = None) -> DefinitionRow:
    version = definition.get("version", 1)
    text = json.dumps(definition) if content is None else content
    name = definition["name"]
    return DefinitionRow(
        key=key_of(1, 50),
        process_id=name,
        version=version,
        resource_name=f"{name}.json",
        content=text,
        deployed_at=1234,
        deployed_by="boss",
        tenant="<default>",
    )


@pytest.mark.parametrize(
    ("method", "query", "overwrite"),
    [
        ("POST", "", False),
        ("POST", "?overwrite=true", True),
        ("PUT", "", True),
        ("PUT", "?overwrite=False", False),
    ],
)
async def test_a_definition_is_deployed_verbatim(
    stack: Stack, method: str, query: str, *, overwrite: bool
) -> None:
    given = flow(description="d", ownerEmail="a@b", createdBy="not me", unheardOf={"x": [1]})
    body: Any = [given] if method == "PUT" else given
    answer = await stack.client.request(method, METADATA + query, json=body)

    assert answer.status_code == 200, answer.text
    [command] = stack.broker.bodies(Deploy)
    assert command.overwrite is overwrite
    [resource] = command.resources
    [graph] = resource.processes
    assert (resource.name, graph.process_id, graph.version) == ("flow.json", "flow", 1)
    del given["createdBy"]
    assert json.loads(resource.content) == given
    if method == "PUT":
        assert answer.json() == {"bulkErrorResults": {}, "bulkSuccessfulResults": ["flow"]}
    else:
        assert answer.content == b""


async def test_an_existing_version_is_a_conflict(stack: Stack) -> None:
    stack.broker.answer = lambda _: rejected(
        RejectionType.ALREADY_EXISTS, Code.DEFINITION_EXISTS, process_id="flow", version="1"
    )
    answer = await stack.client.post(METADATA, json=flow())
    assert answer.status_code == 409
    assert answer.json()["message"] == "Workflow with name: flow and version: 1 already exists"


async def test_what_cannot_be_compiled_is_refused_with_every_reason(stack: Stack) -> None:
    tasks = [{"name": "n", "taskReferenceName": "f", "type": "FORK_JOIN"}, {"name": "x"}]
    answer = await stack.client.post(METADATA, json=flow(tasks=tasks, failureWorkflow="other"))

    assert answer.status_code == 400
    told = answer.json()
    assert told["message"].startswith("failureWorkflow of workflow flow is not supported; ")
    assert [each["path"] for each in told["validationErrors"]] == ["failureWorkflow", "tasks"]
    assert "invalidValue" not in told["validationErrors"][1]
    tasks[1:] = []
    answer = await stack.client.post(METADATA, json=flow(tasks=tasks))
    [error] = answer.json()["validationErrors"]
    assert error["path"] == "tasks[0].type"
    assert error["message"].startswith("task f: the task type FORK_JOIN is not supported")
    assert error["invalidValue"] == "FORK_JOIN"
    assert not stack.broker.commands


async def test_what_is_no_object_is_told_so_without_a_name_of_ours(stack: Stack) -> None:
    listed = await stack.client.post(METADATA, json=flow(tasks=["x"]))
    search = await stack.client.post("/api/human/tasks/search", json=[])

    assert listed.json()["validationErrors"][0]["message"] == "tasks.0: must be a JSON object"
    assert search.json()["validationErrors"][0]["message"] == "must be a JSON object"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "1 to 100 definitions"),
        ([1], "must be a JSON object"),
        ("x", "must be a JSON object"),
        ([flow(), flow()], "there twice"),
        ([flow(str(each)) for each in range(101)], "1 to 100 definitions"),
        (flow(version="two"), "version: Input should be a valid integer"),
        (flow(version=0), "version: Input should be greater"),
        (flow(timeoutPolicy="RETRY"), "timeoutPolicy: Input should be"),
        (flow(tasks=[{"decisionCases": {"a": {}}}]), "tasks.0.decisionCases.a: Input"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(stack: Stack, body: Any, message: str) -> None:
    answer = await stack.client.put(METADATA, json=body)
    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert not stack.broker.commands


@pytest.mark.parametrize("text", [b"{", b"", b"[" * 100_000, b'{"name":"\\u0000"}', b"\xff"])
async def test_what_is_no_json_is_refused(stack: Stack, text: bytes) -> None:
    answer = await stack.client.post(METADATA, content=text)
    assert answer.status_code == 400
    assert not stack.broker.commands


async def test_switches_may_be_nested_deeply_but_not_without_end(stack: Stack) -> None:
    def nested(levels: int) -> Json:
        task: Json = {"name": "x", "taskReferenceName": "x", "type": "SIMPLE"}
        for level in range(levels):
            task = {
                "name": "s",
                "taskReferenceName": f"s{level}",
                "type": "SWITCH",
                "evaluatorType": "value-param",
                "expression": "v",
                "inputParameters": {"v": "${workflow.input.v}"},
                "decisionCases": {"a": [task]},
            }
        return flow(tasks=[task])

    assert (await stack.client.post(METADATA, json=nested(25))).status_code == 200
    assert (await stack.client.post(METADATA, json=nested(60))).status_code == 400


async def test_definitions_are_shown_as_they_were_saved(
    stack: Stack, rows: list[DefinitionRow]
) -> None:
    rows += [deployed(flow(version=2, description=None)), deployed(flow())]
    rows.append(deployed({"name": "bpmn"}, content="<xml/>"))

    listed = await stack.client.get(METADATA)
    latest = await stack.client.get(f"{METADATA}/flow")
    first = await stack.client.get(f"{METADATA}/flow?version=1&metadata=true")
    missing = await stack.client.get(f"{METADATA}/flow?version=3")
    foreign = await stack.client.get(f"{METADATA}/bpmn")

    assert [(each["name"], each["version"]) for each in listed.json()] == [("flow", 2), ("flow", 1)]
    shown = latest.json()
    assert (shown["version"], shown["createdBy"], shown["createTime"]) == (2, "boss", 1234)
    assert "description" not in shown
    assert shown["tasks"] == flow()["tasks"]
    assert first.json()["version"] == 1
    assert missing.status_code == foreign.status_code == 404
    assert missing.json()["message"] == "No such workflow found by name: flow, version: 3"


async def test_a_version_is_deleted(stack: Stack) -> None:
    assert (await stack.client.delete(f"{METADATA}/a%20b/3")).status_code == 200
    assert (await stack.client.delete(f"{METADATA}/a/x")).status_code == 400
    assert stack.broker.bodies(DeleteDefinition) == [DeleteDefinition(process_id="a b", version=3)]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_task_definitions_become_rules(stack: Stack, method: str) -> None:
    given = {
        "name": "do",
        "retryCount": 1,
        "retryDelaySeconds": 5,
        "timeoutSeconds": 60,
        "timeoutPolicy": "RETRY",
        "responseTimeoutSeconds": 20,
        "inputKeys": ["a"],
        "ownerEmail": "a@b",
        "pollTimeoutSeconds": 3600,
        "rateLimitPerFrequency": 0,
        "rateLimitFrequencyInSeconds": 1,
    }
    body: Any = given if method == "PUT" else [given, {"name": "plain"}]
    answer = await stack.client.request(method, TASKS, json=body)

    assert answer.status_code == 200, answer.text
    commands = stack.broker.bodies(PutDocument)
    first = commands[0]
    assert (first.kind, first.id, first.content) == (RULES, "do", given)
    assert first.rule == TaskRule(
        timeout_seconds=60,
        timeout_policy=TimeoutPolicy.RETRY,
        retries=1,
        retry_delay_seconds=5,
        response_timeout_seconds=20,
    )
    if method == "POST":
        assert commands[1].rule == TaskRule()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"name": ""}, "TaskDef name cannot be null or empty"),
        ({"retryLogic": "EXPONENTIAL_BACKOFF"}, "retryLogic EXPONENTIAL_BACKOFF of task"),
        ({"concurrentExecLimit": 1}, "concurrentExecLimit of task definition do is not supported"),
        ({"rateLimitPerFrequency": 1}, "rateLimitPerFrequency of task definition do is not"),
        ({"inputTemplate": {"a": 1}}, "inputTemplate of task definition do is not supported"),
        ({"retryCount": -1}, "retryCount of task definition do is out of range"),
        ({"timeoutSeconds": 10**12}, "timeoutSeconds of task definition do is out of range"),
        ({"timeoutPolicy": "NEVER"}, "timeoutPolicy: Input should be"),
    ],
)
async def test_task_definitions_that_we_could_not_keep_to_are_refused(
    stack: Stack, more: Json, message: str
) -> None:
    answer = await stack.client.post(TASKS, json=[{"name": "do", **more}])
    assert answer.status_code == 400
    [error] = answer.json()["validationErrors"]
    assert error["message"].startswith(message)
    assert not stack.broker.commands


async def test_task_definitions_are_shown_and_deleted(stack: Stack, work: WorkReads) -> None:
    work.kept.append(document(RULES, "do", 1, {"name": "do", "timeoutSeconds": 7}))

    listed = (await stack.client.get(TASKS)).json()
    one = (await stack.client.get(f"{TASKS}/do")).json()
    missing = await stack.client.get(f"{TASKS}/other")

    assert listed == [one]
    assert (one["name"], one["timeoutSeconds"], one["retryCount"]) == ("do", 7, 3)
    assert (one["createdBy"], one["updatedBy"]) == ("boss", "jane")
    assert (missing.status_code, missing.json()["message"]) == (
        404,
        "No such taskType found by name: other",
    )
    assert (await stack.client.delete(f"{TASKS}/do")).status_code == 200
    assert stack.broker.bodies(DeleteDocument) == [DeleteDocument(kind=RULES, id="do")]
