"""The parts of aiokafka that we use, with the types that it does not give."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition


class KafkaRecord(Protocol):
    """One record as it is read."""

    @property
    def offset(self) -> int:
        """Its offset."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its bytes; None for a tombstone."""
        ...


class BatchBuilder(Protocol):
    """A batch being filled."""

    def append(self, *, timestamp: int | None, key: bytes | None, value: bytes) -> object | None:
        """Add a record; None if there is no room."""
        ...


class _Accumulator(Protocol):
    def fail_all(self, exception: Exception) -> None: ...


class _Client(Protocol):
    async def close(self) -> None: ...

    def set_topics(self, topics: Sequence[str]) -> asyncio.Future[object]: ...


class Producer(Protocol):
    """An idempotent producer."""

    client: _Client
    _message_accumulator: _Accumulator

    async def start(self) -> None:
        """Connect."""
        ...

    async def stop(self) -> None:
        """Flush and disconnect."""
        ...

    def create_batch(self) -> BatchBuilder:
        """An empty batch."""
        ...

    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> asyncio.Future[object]:
        """Hand over a batch; the future ends when Kafka has it."""
        ...


class Consumer(Protocol):
    """A consumer that is told what to read."""

    _client: _Client

    async def start(self) -> None:
        """Connect."""
        ...

    async def stop(self) -> None:
        """Disconnect."""
        ...

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read these."""
        ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on there."""
        ...

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """The first offsets there are."""
        ...

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offsets to be written."""
        ...

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int
    ) -> dict[TopicPartition, list[KafkaRecord]]:
        """What is there, waiting for the first."""
        ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store offsets under the group."""
        ...


def make_producer(**settings: Any) -> Producer:
    """A producer that is not started."""
    return cast("Producer", AIOKafkaProducer(**settings))  # it has these methods, untyped


def make_consumer(**settings: Any) -> Consumer:
    """A consumer that is not started."""
    return cast("Consumer", AIOKafkaConsumer(**settings))  # as above


async def learn_topics(consumer: Consumer, topics: Sequence[str]) -> None:
    """Ask where topics are; a consumer that only finds that it does not know waits a back-off."""
    await consumer._client.set_topics(topics)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


async def cut_off_producer(producer: Producer, reason: Exception, seconds: float) -> None:
    """Stop a producer without waiting for Kafka: its own ``stop`` waits until all is delivered."""
    producer._message_accumulator.fail_all(reason)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    await _stop(producer.stop(), producer.client, seconds)


async def cut_off_consumer(consumer: Consumer, seconds: float) -> None:
    """Stop a consumer, not waiting long for a Kafka that is away."""
    await _stop(consumer.stop(), consumer._client, seconds)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


async def _stop(stop: Coroutine[Any, Any, None], client: _Client, seconds: float) -> None:
    stopping = asyncio.create_task(stop)
    await asyncio.wait({stopping}, timeout=seconds)
    stopping.cancel()
    # When Kafka is away, aiokafka stumbles over tasks that it cancelled, and does not disconnect.
    await asyncio.gather(stopping, return_exceptions=True)
    await client.close()
