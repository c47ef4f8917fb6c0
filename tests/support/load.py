"""Clients and workers beside a test that breaks things, and the verdict on what they saw."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from signoff_load.acceptors import accept_jobs
from signoff_load.claims import ClaimTraffic
from signoff_load.history import History, Told
from signoff_load.traffic import Traffic
from signoff_load.verdict import verdict

CLIENTS = 16
TASKS = 64
EXPECTED = {200, 204, 503, 504, 400, 409}
"""400 and 409: the task is claimed, or it waits for the listener of a change answered 504."""

KINDS = (Traffic, ClaimTraffic)

FAULTS_OF_A_STACK = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]

Report = Callable[[str], None]
"""Shows a line of numbers, also when the test passes."""


def kills(at_least: int) -> int:
    """How often something is killed: as many times as asked for, three times in CI."""
    if chosen := os.environ.get("SIGNOFF_TEST_KILLS"):
        return int(chosen)
    return min(3, at_least) if os.environ.get("CI") == "true" else at_least


async def some_moment() -> None:
    """A random while under load, so that a kill comes at any point of the work."""
    await asyncio.sleep(random.uniform(0.2, 1.2))


@asynccontextmanager
async def load(
    gateways: Sequence[str],
    clients: int = CLIENTS,
    tasks: int = TASKS,
    kind: type[Traffic] = Traffic,
) -> AsyncIterator[Traffic]:
    """Clients that change tasks, half of them through a listener, until the block ends."""
    job_type = f"check-{random.getrandbits(32):x}"
    traffic = kind(gateways, [job_type])
    await traffic.create(tasks)
    stopping, leaving = asyncio.Event(), asyncio.Event()
    workers = [
        asyncio.create_task(accept_jobs(gateways, job_type, name, traffic.notes, leaving))
        for name in ("ann", "bob")
    ]
    running = asyncio.create_task(traffic.run(clients, stopping))
    try:
        yield traffic
        stopping.set()
        await running
    finally:
        running.cancel()
        leaving.set()
        await asyncio.gather(running, *workers, return_exceptions=True)


async def assert_kept(traffic: Traffic, database_url: str) -> History:
    """Every promise was kept, by all that the clients saw and the database holds."""
    broken, history = await verdict(traffic, database_url)
    assert not broken, "\n".join(map(str, broken[:20]))
    statuses = {each.status for each in history.operations}
    assert statuses <= EXPECTED, "no answer that nobody should get"
    assert any(each.told is Told.ACKNOWLEDGED for each in history.operations)
    return history


def summary(history: History) -> str:
    """How many operations ended how."""
    told = [each.told for each in history.operations]
    counts = ", ".join(f"{told.count(each)} {each}" for each in Told)
    return f"{counts}; {len(history.applied)} applied, {len(history.reads)} reads"
