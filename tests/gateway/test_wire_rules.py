"""The rules that published clients need (reference wire.md, section 1)."""

import json

import pytest

from signoff_gateway.reads.rows import FormRow
from signoff_schemas.commands import UpdateTask
from tests.support.gateway import TASK, Stack

PATH = f"/v2/user-tasks/{TASK}"
JSON = {"content-type": "application/json"}


async def test_1_an_empty_body_may_say_that_it_is_json(stack: Stack) -> None:
    answer = await stack.client.post(f"{PATH}/completion", content=b"", headers=JSON)

    assert answer.status_code == 204


async def test_2_a_body_may_come_in_chunks_without_a_length(stack: Stack) -> None:
    async def chunks():  # noqa: ANN202
        yield b'{"act'
        yield b'ion":"x"}'

    answer = await stack.client.patch(PATH, content=chunks(), headers=JSON)

    assert answer.status_code == 204
    assert stack.broker.commands[0].body == UpdateTask(task_key=TASK, action="x")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v2/topology"), ("DELETE", f"{PATH}/assignee")]
)
async def test_3_get_and_delete_may_say_json_and_nobodys_name(
    stack: Stack, method: str, path: str
) -> None:
    answer = await stack.client.request(method, path, headers={**JSON, "authorization": ""})

    assert answer.status_code in (200, 204)


async def test_7_and_13_unknown_paths_and_methods_are_whole_problems(stack: Stack) -> None:
    for method, path, status, title in (
        ("GET", "/v2/nothing", 404, "Not Found"),
        ("GET", "/", 404, "Not Found"),
        ("GET", "/v2/user-tasks//form", 404, "Not Found"),
        ("GET", '/v2/"%22', 404, "Not Found"),
        ("PUT", PATH, 405, "Method Not Allowed"),
    ):
        answer = await stack.client.request(method, path)
        problem = answer.json()
        assert (answer.status_code, problem["title"]) == (status, title)
        assert set(problem) == {"type", "title", "status", "detail", "instance"}
        assert answer.headers["content-type"] == "application/problem+json"


async def test_405_names_what_is_allowed(stack: Stack) -> None:
    answer = await stack.client.put(PATH)

    assert answer.headers["allow"] == "GET, HEAD, PATCH"


@pytest.mark.parametrize(
    "given", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
async def test_another_content_type_is_415(stack: Stack, given: str | None) -> None:
    headers = {} if given is None else {"content-type": given}

    answer = await stack.client.patch(PATH, content=b'{"action":"x"}', headers=headers)

    shown = given or "application/octet-stream"
    assert (answer.status_code, answer.json()["title"]) == (415, "Unsupported Media Type")
    assert answer.json()["detail"] == f"Content-Type '{shown}' is not supported."


@pytest.mark.parametrize("given", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_may_be_written_in_other_ways(stack: Stack, given: str) -> None:
    answer = await stack.client.patch(
        PATH, content=b'{"action":"x"}', headers={"content-type": given}
    )

    assert answer.status_code == 204


async def test_14_no_content_means_no_body_and_the_connection_goes_on(stack: Stack) -> None:
    request = b"DELETE %b/assignee HTTP/1.1\r\nhost: x\r\n\r\n" % PATH.encode()
    reader, writer = await stack.raw(request, request)

    for _ in range(2):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 204 ")
        assert b"content-length" not in head
        assert b"transfer-encoding" not in head
    writer.close()


async def test_a_mistake_of_ours_is_a_whole_problem_too(stack: Stack) -> None:
    async def broken(*_: object) -> FormRow:
        raise ZeroDivisionError

    stack.reads.command = broken  # type: ignore[method-assign]

    answer = await stack.client.get("/v2/commands/c1-1")

    assert (answer.status_code, answer.json()["title"]) == (500, "INTERNAL")
    assert set(answer.json()) == {"type", "title", "status", "detail", "instance"}
    assert "Zero" not in answer.text


async def test_what_the_gateway_says_of_itself(stack: Stack) -> None:
    topology = (await stack.client.get("/v2/topology")).json()

    assert topology == (await stack.client.get("/v1/topology")).json()
    [broker] = topology["brokers"]
    assert broker["partitions"] == [
        {"partitionId": 1, "role": "leader", "health": "healthy", "state": "active"}
    ]
    assert topology["partitionsCount"] == 1
    status = await stack.client.get("/v2/status")
    assert (status.status_code, status.content) == (204, b"")
    assert (await stack.client.get("/v2/license")).json() == {
        "validLicense": False,
        "licenseType": "unknown",
        "isCommercial": False,
        "expiresAt": None,
    }
    me = (await stack.client.get("/v2/authentication/me")).json()
    assert me["username"] == "demo"
    assert me["tenants"] == [{"tenantId": "<default>", "name": "Default", "description": ""}]


async def test_metrics_count_answers_by_route(stack: Stack) -> None:
    await stack.client.patch(PATH, json={"action": "x"})
    await stack.client.patch(PATH, json={"actio": "x"})

    text = (await stack.client.get("/metrics")).text

    route = 'route="/v2/user-tasks/{userTaskKey}"'
    assert f'signoff_gateway_requests_total{{method="PATCH",{route},status="204"}} 1.0' in text
    assert f'signoff_gateway_requests_total{{method="PATCH",{route},status="400"}} 1.0' in text
    assert 'signoff_gateway_in_flight{partition="1"} 0.0' in text
    assert "signoff_gateway_outcome_seconds_count 1.0" in text


async def test_a_lookup_of_what_is_not_there_is_404_without_a_command(stack: Stack) -> None:
    answer = await stack.client.get(PATH)

    assert answer.status_code == 404
    assert json.loads(answer.text)["detail"] == f"User Task with key '{TASK}' not found"
