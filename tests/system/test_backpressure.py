"""Beyond its limit the product refuses at once, cheaply, and without any effect."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.support.stack import Dev, home
from tests.system.modelling import bpmn, service_task

pytestmark = pytest.mark.system

BURST = 300


@pytest.fixture(scope="module", params=[1, 4])
def tight(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a product that takes this many commands at a time."""
    with home("tight") as folder:
        dev = Dev(folder, {"SIGNOFF_IN_FLIGHT_LIMIT": str(request.param)})
        asyncio.run(dev.start())
        yield dev.url
        asyncio.run(dev.process.stop())


@pytest.fixture
async def crowd(tight: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with as many connections as it likes."""
    limits = httpx.Limits(max_connections=BURST)
    async with httpx.AsyncClient(base_url=tight, timeout=60, limits=limits) as client:
        yield client


async def test_a_burst_is_refused_in_part_and_what_was_refused_had_no_effect(
    crowd: httpx.AsyncClient, unique: str
) -> None:
    names = [f"{unique}-{number}" for number in range(BURST)]

    answers = await asyncio.gather(
        *(crowd.post("/v2/user-tasks", json={"name": name}) for name in names)
    )

    refused = [answer for answer in answers if answer.status_code == 503]
    made = {
        name for name, answer in zip(names, answers, strict=True) if answer.status_code == 201
    }
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
    crowd: httpx.AsyncClient, unique: str
) -> None:
    file = ("a.bpmn", bpmn(unique, service_task(unique)))
    await crowd.post("/v2/deployments", files={"resources": file})
    for _ in range(30):
        await crowd.post("/v2/process-instances", json={"processDefinitionId": unique})
    poll = {"type": unique, "timeout": 60_000, "maxJobsToActivate": 30}
    jobs = (await crowd.post("/v2/jobs/activation", json=poll)).json()["jobs"]
    assert jobs

    flood = [crowd.post("/v2/user-tasks", json={"name": "flood"}) for _ in range(200)]
    ends = [crowd.post(f"/v2/jobs/{job['jobKey']}/completion") for job in jobs]
    answers = await asyncio.gather(*flood, *ends)

    assert {answer.status_code for answer in answers[len(flood) :]} == {204}
    assert 503 in {answer.status_code for answer in answers[: len(flood)]}
