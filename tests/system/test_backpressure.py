"""Beyond its limit the product refuses at once, cheaply, and without any effect."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.processes import Process, until
from tests.support.stack import Dev, free_port, home, is_ready
from tests.system.conftest import Product
from tests.system.modelling import bpmn, service_task

pytestmark = pytest.mark.system

BURST = 300


@pytest.fixture(scope="module", params=[1, 8])
def tight(request: pytest.FixtureRequest, product: Product) -> Iterator[str]:
    """A gateway that takes this many commands at a time: of its own product, or of the stack."""
    limit = {"SIGNOFF_IN_FLIGHT_LIMIT": str(request.param)}
    with home("tight") as folder:
        if product.stack is None:
            dev = Dev(folder, limit)
            url, process, ready = dev.url, dev.process, dev.start
        else:
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            place = {
                "SIGNOFF_PORT": str(port),
                "SIGNOFF_PARTITIONS": "2",
                "SIGNOFF_KAFKA": product.stack.kafka,
                "SIGNOFF_DATABASE_URL": product.stack.database_url,
            }
            process = Process(["signoff", "gateway"], {**limit, **place}, folder / "gateway.log")
            process.start()

            async def ready() -> float:
                return await until(lambda: is_ready(url), 120, process.written)

        try:
            asyncio.run(ready())
            yield url
        finally:
            asyncio.run(process.stop())


@pytest.fixture
async def crowd(tight: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with as many connections as it likes."""
    limits = httpx.Limits(max_connections=BURST)
    async with httpx.AsyncClient(base_url=tight, timeout=60, limits=limits) as client:
        yield client


def a_post(path: str, body: object = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content


async def at_once(url: str, requests: list[bytes]) -> list[httpx.Response]:
    """Send all within a few milliseconds, each on a connection that is open already."""
    place = urlsplit(url)
    opened = [await asyncio.open_connection(place.hostname, place.port) for _ in requests]
    for (_, writer), request in zip(opened, requests, strict=True):
        writer.write(request)
    answers = await asyncio.gather(*(reader.read() for reader, _ in opened))
    for _, writer in opened:
        writer.close()
    return [parsed(answer) for answer in answers]


def parsed(answer: bytes) -> httpx.Response:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


async def test_a_burst_is_refused_in_part_and_what_was_refused_had_no_effect(
    tight: str, crowd: httpx.AsyncClient, unique: str
) -> None:
    names = [f"{unique}-{number}" for number in range(BURST)]

    answers = await at_once(tight, [a_post("/v2/user-tasks", {"name": name}) for name in names])

    refused = [answer for answer in answers if answer.status_code == 503]
    made = {name for name, answer in zip(names, answers, strict=True) if answer.status_code == 201}
    assert len(refused) + len(made) == BURST
    assert refused
    assert made
    for answer in refused:
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) >= 1
        problem = answer.json()
        assert (problem["title"], problem["status"]) == ("RESOURCE_EXHAUSTED", 503)
        assert problem["detail"]
    query = {"filter": {"name": {"$like": f"{unique}-*"}}, "page": {"limit": 10_000}}
    found = (await crowd.post("/v2/user-tasks/search", json=query)).json()["items"]
    assert {each["name"] for each in found} == made
    assert len(found) == len(made)


async def test_a_refusal_is_not_remembered_under_an_idempotency_key(
    crowd: httpx.AsyncClient, unique: str
) -> None:
    async def until_made(number: int) -> str:
        key = {"Idempotency-Key": f"{unique}-{number}"}
        while True:
            body = {"name": f"{unique}-{number}"}
            answer = await crowd.post("/v2/user-tasks", json=body, headers=key)
            if answer.status_code != 503:
                return str(answer.json()["userTaskKey"])

    keys = await asyncio.gather(*(until_made(number) for number in range(50)))

    assert len(set(keys)) == 50
    query = {"filter": {"name": {"$like": f"{unique}-*"}}}
    found = await crowd.post("/v2/user-tasks/search", json=query)
    assert found.json()["page"]["totalItems"] == 50


async def test_what_makes_room_is_never_refused(
    tight: str, crowd: httpx.AsyncClient, unique: str
) -> None:
    file = ("a.bpmn", bpmn(unique, service_task(unique)))
    await crowd.post("/v2/deployments", files={"resources": file})
    for _ in range(30):
        await crowd.post("/v2/process-instances", json={"processDefinitionId": unique})
    poll = {"type": unique, "timeout": 60_000, "maxJobsToActivate": 30}
    jobs = (await crowd.post("/v2/jobs/activation", json=poll)).json()["jobs"]
    assert jobs

    flood = [a_post("/v2/user-tasks", {"name": "flood"})] * 100
    ends = [a_post(f"/v2/jobs/{job['jobKey']}/completion") for job in jobs]
    answers = await at_once(tight, [*flood, *ends, *flood])

    statuses = [answer.status_code for answer in answers]
    assert set(statuses[len(flood) : -len(flood)]) == {204}
    assert 503 in statuses[: len(flood)]
