"""Any process of the stack is killed or frozen under load: promises 1, 2, 4, 6 and 8 hold."""

import asyncio
import os
import signal
import time
from contextlib import suppress

import aiohttp
import pytest

from signoff_load.traffic import Traffic
from signoff_schemas.ids import partition_of
from tests.support.load import (
    FAULTS_OF_A_STACK,
    KINDS,
    Report,
    assert_kept,
    kills,
    load,
    some_moment,
    summary,
)
from tests.support.processes import Stopwatch, stopwatch
from tests.support.stack import LocalStack, Servers

pytestmark = FAULTS_OF_A_STACK

TAKEOVER_SECONDS = 3.0
PARTITION = 1


def given(stack: LocalStack) -> Servers:
    assert stack.given is not None
    return stack.given


async def first_update(url: str, task: str, watch: Stopwatch) -> float:
    """Seconds by this watch at the first acknowledged update of a task that was sent from now on.

    Asked again and again without waiting for earlier answers, as by many callers.
    """
    acknowledged = asyncio.Event()
    timeout = aiohttp.ClientTimeout(total=30)

    async def update(session: aiohttp.ClientSession) -> None:
        change = {"changeset": {"priority": 7}}
        async with session.patch(f"{url}/v2/user-tasks/{task}", json=change) as answer:
            assert answer.status in {204, 503, 504}, await answer.text()
            if answer.status == 204:
                acknowledged.set()

    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
        while not acknowledged.is_set():
            assert watch.seconds < 30, "nobody took the partition"
            group.create_task(update(session))
            with suppress(TimeoutError):
                await asyncio.wait_for(acknowledged.wait(), 0.05)
        return watch.seconds


async def task_on(url: str, partition: int) -> str:
    """The key of a new task of a partition."""
    async with aiohttp.ClientSession(url) as session:
        while True:
            async with session.post("/v2/user-tasks", json={"name": "probe"}) as answer:
                assert answer.ok or answer.status in {503, 504}, await answer.text()
                if answer.ok:
                    key = str((await answer.json())["userTaskKey"])
                    if partition_of(int(key)) == partition:
                        return key


@pytest.mark.parametrize("kind", KINDS)
async def test_a_killed_broker_loses_nothing_and_is_replaced_in_time(
    stack: LocalStack, kind: type[Traffic], report: Report
) -> None:
    url = stack.gateways[0]
    probe = await task_on(url, PARTITION)
    took: list[float] = []
    async with load(stack.gateways, kind=kind) as traffic:
        for _ in range(kills(20)):
            await some_moment()
            owner = await stack.owner(PARTITION)
            async with stopwatch() as watch:
                dead = stack.kill(owner)
                took.append(await first_update(url, probe, watch))
            await stack.back(owner, dead)
            await stack.ready()
    history = await assert_kept(traffic, stack.database_url)
    numbers = " ".join(f"{each:.2f}" for each in sorted(took))
    report(f"takeover after kill -9, s: {numbers}; {summary(history)}")
    assert max(took) < TAKEOVER_SECONDS


@pytest.mark.parametrize("name", ["gateway-1", "worker-1"])
async def test_a_killed_process_loses_nothing(stack: LocalStack, name: str, report: Report) -> None:
    async with load(stack.gateways) as traffic:
        for _ in range(kills(3)):
            await some_moment()
            dead = stack.kill(name)
            await stack.back(name, dead)
            await stack.ready()
        await some_moment()
    report(f"{name}: {summary(await assert_kept(traffic, stack.database_url))}")


@pytest.mark.parametrize("which", ["kafka", "postgres"])
async def test_a_killed_server_loses_nothing(stack: LocalStack, which: str, report: Report) -> None:
    server = given(stack).kafka if which == "kafka" else given(stack).postgres
    back: list[float] = []
    async with load(stack.gateways) as traffic:
        for _ in range(kills(3)):
            await some_moment()
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await server.wait()
            await server.start()
            began = time.monotonic()
            await stack.ready()
            back.append(time.monotonic() - began)
        await some_moment()
    history = await assert_kept(traffic, stack.database_url)
    report(f"{which}: ready {max(back):.2f} s after its start at worst; {summary(history)}")


async def test_a_frozen_owner_that_wakes_up_writes_nothing(
    stack: LocalStack, report: Report
) -> None:
    url = stack.gateways[0]
    probe = await task_on(url, PARTITION)
    took: list[float] = []
    async with load(stack.gateways) as traffic:
        for _ in range(kills(3)):
            await some_moment()
            zombie = stack.pid(await stack.owner(PARTITION))
            os.kill(zombie, signal.SIGSTOP)
            try:
                async with stopwatch() as watch:
                    took.append(await first_update(url, probe, watch))
            finally:
                os.kill(zombie, signal.SIGCONT)
            await stack.ready()
        await some_moment()
    history = await assert_kept(traffic, stack.database_url)
    epochs = {(each.partition, each.epoch) for each in history.applied}
    report(f"frozen owners replaced within {max(took):.2f} s; {summary(history)}")
    assert len([epoch for partition, epoch in epochs if partition == PARTITION]) > 1
