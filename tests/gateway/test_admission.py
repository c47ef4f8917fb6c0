"""Limits: who is refused, in which words, and who never is."""

import asyncio

import httpx
import pytest

from signoff_gateway.gateway import GatewayValues
from signoff_schemas.ids import key_of
from tests.support.gateway import TASK, Stack, running

PATH = f"/v2/user-tasks/{TASK}"
PARTITION_FULL = (
    "Failed to write client request to partition '1', because the request limit is exhausted. "
    "Limit: 2 commands in flight."
)


async def full(stack: Stack, count: int = 2) -> list[asyncio.Task[httpx.Response]]:
    """Requests that fill the partition and are not answered."""
    stack.broker.answer = lambda _: None
    asking = [asyncio.create_task(stack.client.delete(f"{PATH}/assignee")) for _ in range(count)]
    await stack.broker.until(lambda: len(stack.broker.commands) == count)
    return asking


async def answered(stack: Stack, asking: list[asyncio.Task[httpx.Response]]) -> None:
    for entry in list(stack.broker.commands):
        stack.broker.reply(entry)
    for each in asking:
        assert (await each).status_code == 204


async def test_a_full_partition_refuses_before_the_body_is_read() -> None:
    async with running(GatewayValues(in_flight_limit=2)) as stack:
        asking = await full(stack)
        head = b"PATCH %b HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n" % PATH.encode()

        reader, writer = await stack.raw(head)

        status = await reader.readline()
        assert status.startswith(b"HTTP/1.1 503 ")
        writer.close()
        await answered(stack, asking)


async def test_the_refusal_says_what_clients_need() -> None:
    async with running(GatewayValues(in_flight_limit=2)) as stack:
        asking = await full(stack)

        answer = await stack.client.patch(PATH, json={"action": "x"})

        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "1"
        assert answer.json() == {
            "type": "about:blank",
            "title": "RESOURCE_EXHAUSTED",
            "status": 503,
            "detail": PARTITION_FULL,
            "instance": PATH,
        }
        await answered(stack, asking)
        stack.broker.answer = lambda _: "check"
        held = asyncio.create_task(stack.client.patch(PATH, json={"action": "x"}))
        await stack.broker.until(lambda: len(stack.broker.commands) == 3)
        stack.broker.reply(stack.broker.commands[-1])
        assert (await held).status_code == 204


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/v2/jobs/{TASK}/completion", {}),
        (f"/v2/jobs/{TASK}/failure", {}),
        (f"/v2/jobs/{TASK}/error", {"errorCode": "e"}),
        (f"/v2/incidents/{TASK}/resolution", {}),
        (f"/v2/process-instances/{TASK}/cancellation", {}),
    ],
)
async def test_what_frees_others_is_never_refused(path: str, body: dict[str, str]) -> None:
    async with running(GatewayValues(in_flight_limit=2)) as stack:
        asking = await full(stack)

        freeing = asyncio.create_task(stack.client.post(path, json=body))
        await stack.broker.until(lambda: len(stack.broker.commands) == 3)

        await answered(stack, [*asking, freeing])


async def test_a_full_partition_does_not_stop_its_neighbour() -> None:
    async with running(GatewayValues(in_flight_limit=2), partitions=2) as stack:
        asking = await full(stack)
        neighbour = f"/v2/user-tasks/{key_of(2, 7)}/assignee"

        there = asyncio.create_task(stack.client.delete(neighbour))
        await stack.broker.until(lambda: len(stack.broker.commands) == 3)

        await answered(stack, [*asking, there])


async def test_a_mark_that_is_lost_frees_its_place_when_the_time_is_over() -> None:
    async with running(GatewayValues(in_flight_limit=2, request_timeout=0.3)) as stack:
        asking = await full(stack)
        assert [(await each).status_code for each in asking] == [504, 504]

        stack.broker.answer = lambda _: "check"

        assert (await stack.client.delete(f"{PATH}/assignee")).status_code == 504


async def test_waits_for_listeners_have_a_limit_of_their_own() -> None:
    async with running(GatewayValues(waits_limit=1)) as stack:
        stack.broker.answer = lambda _: "check"
        held = asyncio.create_task(stack.client.patch(PATH, json={"action": "x"}))
        await stack.until(lambda: stack.gateway._pending.waits)

        refused = await stack.client.patch(PATH, json={"action": "y"})
        stack.broker.reply(stack.broker.commands[0])

        assert (refused.status_code, refused.json()["title"]) == (503, "RESOURCE_EXHAUSTED")
        assert refused.json()["detail"] == (
            "Reached maximum capacity of requests handled. Limit: 1 requests of this gateway that "
            "wait for listeners."
        )
        assert (await held).status_code == 204


async def test_everything_that_was_counted_in_is_counted_out(stack: Stack) -> None:
    requests = [stack.client.patch(PATH, json={"action": str(each)}) for each in range(50)]

    answers = await asyncio.gather(*requests)

    assert {each.status_code for each in answers} == {204}
    assert stack.gateway._admission.in_flight(1) == 0
    assert len(stack.gateway._pending) == 0
