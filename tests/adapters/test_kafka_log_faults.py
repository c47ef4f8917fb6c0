"""Kafka is killed and frozen under traffic: nothing acknowledged is lost or out of order."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from signoff_process.kafka_server import KafkaServer, KafkaServerError
from signoff_process.log.kafka import KafkaLog
from signoff_process.log.ports import Arrival, LogUnavailable
from signoff_schemas.topics import Inlet
from tests.adapters.log_contract import Inbound, a_command, a_reply, replies, rings
from tests.support.backends import missing

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(600)]

RECOVERY_SECONDS = 60


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[KafkaServer]:
    server = KafkaServer(tmp_path / "kafka")
    try:
        await server.start()
    except KafkaServerError as error:
        missing("Kafka of our own", str(error), "JAVA_HOME")
    yield server
    if server.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGCONT)
    await server.stop()


class Traffic:
    """A gateway and a broker at once: entries in, each answered, until told to stop."""

    def __init__(self, log: KafkaLog) -> None:
        self.log = log
        self.sent: list[str] = []
        self.acknowledged: set[str] = set()
        self.unknown: set[str] = set()
        self.arrivals: list[Arrival] = []
        self.heard = Inbound()
        self._writing = True
        self._progress = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.log.start()
        self.entries = await self.log.entry_publisher()
        self.publisher = await self.log.publisher()
        self.idle_publisher = await self.log.publisher()
        self.source = await self.log.source(1, 0, 0)
        await self.log.on_replies(0, self.heard.add)
        self._broker = asyncio.create_task(self._answer_all())
        self._gateway = asyncio.create_task(self._ask())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self.log.close()

    async def stop(self) -> None:
        for loop in (self._gateway, self._broker):
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop

    async def finish(self) -> None:
        """Ask nothing more, and wait until all that was asked has arrived and is answered."""
        self._writing = False
        await self._gateway
        async with asyncio.timeout(RECOVERY_SECONDS):
            while not set(self.sent) <= {*self.read()} & {*self.heard.names()}:
                await self._moved()

    async def acknowledges(self, number: int) -> None:
        async with asyncio.timeout(RECOVERY_SECONDS):
            while len(self.acknowledged) < number:
                await self._moved()

    async def stalls(self) -> None:
        """Wait until both ways out say that the log is away, which they do after a second."""
        async with asyncio.timeout(RECOVERY_SECONDS):
            with pytest.raises(LogUnavailable):
                await self._ring_on()
            while not self.unknown or self.entries.oldest_unacknowledged_ms() < 1_000:
                await self._moved()

    async def _ring_on(self) -> None:
        """More than once: whoever was told to stop may still do something."""
        while True:
            await self.idle_publisher.publish([(0, rings("nobody hears"))])

    def read(self) -> list[str]:
        return [arrival.entry.request_id for arrival in self.arrivals if arrival.entry]

    async def _moved(self) -> None:
        self._progress.clear()
        await self._progress.wait()

    async def _ask(self) -> None:
        async with asyncio.TaskGroup() as asking:
            while self._writing:
                asking.create_task(self._ask_one())
                await asyncio.sleep(0.005)

    async def _ask_one(self) -> None:
        entry = a_command()
        self.sent.append(entry.request_id)
        try:
            await self.entries.publish(Inlet.COMMANDS, entry)
            self.acknowledged.add(entry.request_id)
        except LogUnavailable:
            self.unknown.add(entry.request_id)
        self._progress.set()

    async def _answer_all(self) -> None:
        while True:
            fetched = await self.source.fetch(100, 1_000)
            self.arrivals += fetched
            answers = [a_reply(arrival.entry.request_id) for arrival in fetched if arrival.entry]
            while answers:
                try:
                    await self.publisher.publish([(0, replies(*answers))])
                    break
                except LogUnavailable:
                    continue
            self._progress.set()


async def test_a_killed_kafka_loses_nothing_that_it_acknowledged(server: KafkaServer) -> None:
    async with Traffic(KafkaLog(server.bootstrap, 1, 1)) as traffic:
        await traffic.acknowledges(50)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
        await traffic.stalls()
        assert traffic.entries.oldest_unacknowledged_ms() >= 1_000

        before = len(traffic.acknowledged)
        await server.start()
        await traffic.acknowledges(before + 50)
        await traffic.finish()

        assert [arrival.offset for arrival in traffic.arrivals] == list(
            range(len(traffic.arrivals))
        )
        assert list(dict.fromkeys(traffic.read())) == traffic.sent
        assert traffic.entries.oldest_unacknowledged_ms() == 0


async def test_what_a_frozen_kafka_did_not_acknowledge_may_still_land(server: KafkaServer) -> None:
    async with Traffic(KafkaLog(server.bootstrap, 1, 1)) as traffic:
        await traffic.acknowledges(50)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        await traffic.stalls()
        assert traffic.entries.oldest_unacknowledged_ms() >= 1_000

        os.kill(server.pid, signal.SIGCONT)
        await traffic.finish()

        assert traffic.unknown <= set(traffic.read())
        assert list(dict.fromkeys(traffic.read())) == traffic.sent


async def test_a_log_closes_soon_while_kafka_is_away(server: KafkaServer) -> None:
    async with Traffic(KafkaLog(server.bootstrap, 1, 1)) as traffic:
        await traffic.acknowledges(20)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
        await traffic.stalls()

        async with asyncio.timeout(20):
            await traffic.stop()
            await traffic.log.close()
