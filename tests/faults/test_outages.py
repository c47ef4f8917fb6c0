"""A server is away, or a topic is full of rubbish: said at once, and over by itself."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from signoff_load.traffic import Notes
from tests.support.load import FAULTS_OF_A_STACK, Report, assert_kept, load, some_moment, summary
from tests.support.processes import until
from tests.support.stack import LocalStack

pytestmark = FAULTS_OF_A_STACK

SAID_SECONDS = 4.0
"""About one, and what a busy machine needs."""
OVER_SECONDS = 30.0
EVERY_SECONDS = 0.05


class Probe:
    """Updates of one task, one after the other, whether the earlier ones are answered or not."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.task = ""
        self.asked: list[asyncio.Task[tuple[int, str]]] = []
        self.newest: tuple[int, str] = (0, "")
        """Status and title of the answer to the update that was sent last, of those answered."""
        self._newest_sent = 0

    async def update(self, number: int) -> tuple[int, str]:
        change = {"changeset": {"priority": number % 100}}
        async with self.session.patch(f"/v2/user-tasks/{self.task}", json=change) as answer:
            title = "" if answer.status == 204 else str((await answer.json())["title"])
            if number > self._newest_sent:
                self._newest_sent, self.newest = number, (answer.status, title)
            return answer.status, title

    async def create(self) -> bool:
        """Make the task, unless its partition is still coming back from an earlier outage."""
        async with self.session.post("/v2/user-tasks", json={"name": "probe"}) as answer:
            self.task = str((await answer.json()).get("userTaskKey", ""))
            return answer.status == 201

    async def run(self) -> None:
        while not await self.create():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(EVERY_SECONDS)
        for number in range(1, 10_000):
            self.asked.append(asyncio.create_task(self.update(number)))
            await asyncio.sleep(EVERY_SECONDS)

    async def until(self, answer: tuple[int, str], seconds: float) -> float:
        return await until(
            lambda: self.newest == answer, seconds, lambda: f"{answer}, not {self.newest}"
        )


@asynccontextmanager
async def probing(url: str) -> AsyncIterator[Probe]:
    """A probe at work; what it asked must in the end be answered 204, 503 or 504."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(url, timeout=timeout) as session:
        probe = Probe(session)
        running = asyncio.create_task(probe.run())
        try:
            await probe.until((204, ""), OVER_SECONDS)
            yield probe
        finally:
            running.cancel()
            answers = await asyncio.gather(*probe.asked)
        assert {status for status, _ in answers} <= {204, 503, 504}


@pytest.mark.parametrize("which", ["kafka", "postgres"])
async def test_an_outage_is_said_within_a_second_and_ends_by_itself(
    stack: LocalStack, which: str, report: Report
) -> None:
    assert stack.given is not None
    server = stack.given.kafka if which == "kafka" else stack.given.postgres
    async with probing(stack.gateways[0]) as probe:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        try:
            await server.wait()
            said = await probe.until((503, "UNAVAILABLE"), 10)
        finally:
            await server.start()
        over = await probe.until((204, ""), OVER_SECONDS)
    report(f"{which} away: said after {said:.2f} s, over {over:.2f} s after its start")
    assert said < SAID_SECONDS


def rubbish() -> list[bytes | None]:
    """What no codec takes, and what looks almost right."""
    almost = [
        b'{"v":1}',
        b'{"v":99,"entry":{}}',
        b'{"v":1,"entry":{"id":7}}',
        b'{"v":1,"items":{}}',
    ]
    return [None, b"", b"\0\xff\xfe", b"{", b"[]", b"null", *almost, os.urandom(100_000)]


def done(notes: Notes, since: float) -> int:
    """How many changes were acknowledged that were sent after that moment."""
    return sum(each.sent > since and each.status == 204 for each in notes.operations)


async def test_rubbish_in_every_topic_stops_nothing(stack: LocalStack, report: Report) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka)
    await producer.start()
    sent = 0
    try:
        names = await producer.client.fetch_all_metadata()
        async with load(stack.gateways) as traffic:
            await some_moment()
            for topic in sorted(each for each in names.topics() if each.startswith("signoff.")):
                for partition in sorted(await producer.partitions_for(topic)):
                    for value in rubbish():
                        await producer.send_and_wait(topic, value, key=b"k", partition=partition)
                        sent += 1
            began = time.monotonic()
            await until(lambda: done(traffic.notes, began) > 50, OVER_SECONDS, "work goes on")
    finally:
        await producer.stop()
    history = await assert_kept(traffic, stack.database_url)
    report(f"{sent} records of rubbish; {summary(history)}")
