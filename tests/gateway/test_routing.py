"""Which route a path and a method lead to, whatever the names in the path are."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from signoff_gateway.exchange import Answer, Call, Dialect, Route
from signoff_gateway.refusals import MethodNotAllowed, RouteUnknown
from signoff_gateway.routing import Router
from signoff_schemas.results import Subscription, YieldJob
from tests.support.gateway import TASK, Stack, job

USER_TASK = f"/v2/user-tasks/{TASK}"

ROUTES = (
    ("GET", "/forms"),
    ("GET", "/forms/{name}"),
    ("POST", "/forms/bulk"),
    ("GET", "/forms/{name}/{version}"),
    ("PUT", "/forms/{other}/tags"),
    ("GET", "/forms/bulk/all/{page}"),
    ("DELETE", "/forms/{name}/{version}/lock"),
)


async def nothing(_: Call) -> Answer:
    return Answer(204)


def found(method: str, path: str) -> tuple[str, dict[str, str]]:
    routes = [Route(method, template, nothing) for method, template in ROUTES]
    target, params = Router([cast("Dialect", SimpleNamespace(routes=routes))]).find(method, path)
    return target.route.template, params


@pytest.mark.parametrize(
    ("method", "path", "template", "params"),
    [
        ("POST", "/forms/bulk", "/forms/bulk", {}),
        ("GET", "/forms/bulk", "/forms/{name}", {"name": "bulk"}),
        ("GET", "/forms/bulk/1", "/forms/{name}/{version}", {"name": "bulk", "version": "1"}),
        ("GET", "/forms/a/tags", "/forms/{name}/{version}", {"name": "a", "version": "tags"}),
        ("PUT", "/forms/bulk/tags", "/forms/{other}/tags", {"other": "bulk"}),
        ("GET", "/forms/bulk/all", "/forms/{name}/{version}", {"name": "bulk", "version": "all"}),
        ("GET", "/forms/bulk/all/2", "/forms/bulk/all/{page}", {"page": "2"}),
        (
            "DELETE",
            "/forms/bulk/all/lock",
            "/forms/{name}/{version}/lock",
            {"name": "bulk", "version": "all"},
        ),
        ("GET", "/forms/a%2Fb", "/forms/{name}", {"name": "a/b"}),
    ],
)
def test_a_literal_segment_wins_where_the_rest_and_the_method_fit_too(
    method: str, path: str, template: str, params: dict[str, str]
) -> None:
    assert found(method, path) == (template, params)


@pytest.mark.parametrize("path", ["/", "/form", "/forms/", "/forms//1", "/forms/a/1/lock/x", ""])
def test_what_no_route_leads_to_is_unknown(path: str) -> None:
    with pytest.raises(RouteUnknown):
        found("GET", path)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/forms", ("GET", "HEAD")),
        ("/forms/a", ("GET", "HEAD")),
        ("/forms/bulk", ("GET", "HEAD", "POST")),
        ("/forms/bulk/tags", ("GET", "HEAD", "PUT")),
        ("/forms/bulk/all/lock", ("DELETE", "GET", "HEAD")),
    ],
)
def test_a_method_that_none_of_the_routes_has_is_told_those_of_all(
    path: str, allowed: tuple[str, ...]
) -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        found("PATCH", path)

    assert refused.value.allowed == allowed


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/api/workflow/search", "/api/workflow/search"),
        ("GET", "/api/metadata/workflow/search", "/api/metadata/workflow/{name}"),
        ("GET", "/api/human/template/bulk", "/api/human/template/{humanTaskId}"),
        ("GET", "/api/human/template/bulk/1", "/api/human/template/{name}/{version}"),
        ("PUT", "/api/human/template/bulk/tags", "/api/human/template/{name}/tags"),
        ("GET", "/api/tasks/poll/batch", "/api/tasks/poll/{taskType}"),
        ("GET", "/api/tasks/poll/batch/batch", "/api/tasks/poll/batch/{taskType}"),
        ("POST", "/api/workflow/search", "/api/workflow/{name}"),
        ("POST", "/api/workflow/running", "/api/workflow/{name}"),
        ("POST", "/api/workflow/execute", "/api/workflow/{name}"),
        ("GET", "/v2/global-task-listeners/search", "/v2/global-task-listeners/{id}"),
    ],
)
async def test_names_may_be_words_of_the_api(
    stack: Stack, method: str, path: str, template: str
) -> None:
    target, _ = Router(stack.gateway.dialects).find(method, path)

    assert target.route.template == template


async def credit(stack: Stack, count: int) -> Subscription:
    """The subscription that grants this much."""
    told = stack.broker.bodies
    await stack.broker.until(
        lambda: [each for each in told(Subscription) if sum(g.count for g in each.grants) == count]
    )
    return told(Subscription)[-1]


class TestHead:
    """Every GET answers HEAD as it does GET, without the body."""

    @pytest.mark.parametrize("path", ["/v2/license", "/openapi.json", "/docs", USER_TASK])
    async def test_it_is_answered_as_get_is(self, stack: Stack, path: str) -> None:
        get = await stack.client.get(path)
        head = await stack.client.head(path)

        assert head.content == b""
        assert (head.status_code, head.headers) == (get.status_code, get.headers)

    async def test_the_connection_goes_on(self, stack: Stack) -> None:
        request = b"HEAD /v2/license HTTP/1.1\r\nhost: x\r\n\r\n"
        reader, writer = await stack.raw(request, request)

        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
        writer.close()

    async def test_it_is_not_allowed_where_get_is_not(self, stack: Stack) -> None:
        answer = await stack.client.head(f"{USER_TASK}/completion")

        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert answer.content == b""

    async def test_it_takes_no_job_away(self, stack: Stack) -> None:
        polling = asyncio.create_task(stack.client.head("/api/tasks/poll/check"))
        granted = await credit(stack, 1)
        stack.broker.push(granted, granted.grants[0].slot, job())
        answer = await polling

        await stack.broker.until(lambda: stack.broker.bodies(YieldJob))
        assert (answer.status_code, answer.content) == (200, b"")
        assert stack.broker.bodies(YieldJob)[0].job_key == job().job_key
