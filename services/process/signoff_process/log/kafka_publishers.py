"""What leaves for Kafka: entries of gateways and workers, batches of partitions."""

import asyncio
from collections.abc import Awaitable, Sequence

from aiokafka import TopicPartition

from signoff_process.log.kafka_sender import KafkaSender
from signoff_process.log.kafka_topics import KafkaOptions
from signoff_process.log.ports import (
    Addressed,
    EntryPublisher,
    EntryTooLarge,
    LogUnavailable,
    Outbound,
    Publisher,
)
from signoff_schemas import topics
from signoff_schemas.codec import EventBatch, JobBatch, ReplyBatch, encode_batch, encode_entry
from signoff_schemas.envelope import Entry
from signoff_schemas.replies import Outcome, Reply, ReplyMessage
from signoff_schemas.topics import Inlet

TEXT_MAX = 200
"""How much is left of a text in a reply that was too large."""


class KafkaEntryPublisher(EntryPublisher):
    """The way in, over one producer of its own."""

    def __init__(self, sender: KafkaSender, options: KafkaOptions, partitions: int) -> None:
        self._sender = sender
        commands, results = options.topic(topics.COMMANDS), options.topic(topics.RESULTS)
        numbers = range(1, partitions + 1)
        self._ways = {
            Inlet.COMMANDS: {number: TopicPartition(commands, number - 1) for number in numbers},
            Inlet.RESULTS: {number: TopicPartition(results, number - 1) for number in numbers},
        }

    def publish(self, inlet: Inlet, entry: Entry) -> Awaitable[None]:
        """See ``EntryPublisher.publish``. Nobody has to await it; an error takes nothing back."""
        return self._sender.send(self._ways[inlet][entry.partition], encode_entry(entry))

    def oldest_unacknowledged_ms(self) -> int:
        """See ``EntryPublisher.oldest_unacknowledged_ms``."""
        return self._sender.oldest_unacknowledged_ms()

    async def close(self) -> None:
        """See ``EntryPublisher.close``."""
        await self._sender.close()


class KafkaPublisher(Publisher):
    """What leaves a partition, over one producer of its own: no neighbour holds it up."""

    def __init__(self, sender: KafkaSender, options: KafkaOptions) -> None:
        self._sender = sender
        self._replies = options.topic(topics.REPLIES)
        self._jobs = options.topic(topics.JOBS)
        self._events = options.topic(topics.EVENTS)

    async def publish(self, batches: Sequence[Addressed]) -> None:
        """See ``Publisher.publish``. After LogUnavailable nothing is sent by itself any more."""
        try:
            await self._send(batches, self._sender.largest)
        except (LogUnavailable, asyncio.CancelledError):
            # The caller comes again with the same: what piles up here would go out each time.
            self._sender.abandon()
            raise

    async def close(self) -> None:
        """See ``Publisher.close``."""
        await self._sender.close()

    def _way(self, partition: int, batch: Outbound) -> TopicPartition:
        if isinstance(batch, ReplyBatch):
            return TopicPartition(self._replies, partition)
        if isinstance(batch, JobBatch):
            return TopicPartition(self._jobs, partition)
        return TopicPartition(self._events, partition - 1)

    async def _send(self, batches: Sequence[Addressed], largest: int) -> None:
        sent = [
            (partition, piece, len(raw), self._sender.send(self._way(partition, piece), raw))
            for partition, batch in batches
            for piece, raw in _pieces(batch, largest)
        ]
        for partition, piece, size, acknowledged in sent:
            try:
                await acknowledged
            except EntryTooLarge:
                # The topic takes less than when we looked. Others went ahead of this one: rather
                # that than a partition that can say nothing any more.
                await self._send([(partition, piece)], size - 1)


def _pieces(batch: Outbound, largest: int) -> list[tuple[Outbound, bytes]]:
    """The batch, or if it is too large what can be said of its items one by one."""
    raw = encode_batch(batch)
    if len(raw) <= largest:
        return [(batch, raw)]
    pieces: list[tuple[Outbound, bytes]] = []
    for single in _taken_apart(batch):
        raw = encode_batch(single)
        if len(raw) > largest and (shorter := _shortened(single)) is not None:
            pieces.append((shorter, encode_batch(shorter)))
        else:
            pieces.append((single, raw))
    return [(piece, raw) for piece, raw in pieces if len(raw) <= largest]


def _taken_apart(batch: Outbound) -> list[Outbound]:
    if isinstance(batch, ReplyBatch):
        return [batch.model_copy(update={"items": (item,)}) for item in batch.items]
    if isinstance(batch, JobBatch):
        return [batch.model_copy(update={"items": (item,)}) for item in batch.items]
    # A reader drops what is not above the last position that it saw: a step stays in one piece.
    return [batch]


def _shortened(single: Outbound) -> Outbound | None:
    """What is said in place of an item that Kafka does not take."""
    if isinstance(single, ReplyBatch):
        return single.model_copy(update={"items": tuple(map(_short_reply, single.items))})
    if isinstance(single, EventBatch):
        # The position is there, its events are in the database only.
        return single.model_copy(update={"items": ()})
    return None  # a job: it times out


def _short_reply(reply: ReplyMessage) -> ReplyMessage:
    """How the command ended, and its id; the result is to be asked for by that."""
    if not isinstance(reply, Reply):
        return reply.model_copy(update={"job_type": reply.job_type[:TEXT_MAX]})
    rejection = reply.outcome.rejection
    if rejection is not None:
        values = {name: value[:TEXT_MAX] for name, value in rejection.values.items()}
        rejection = rejection.model_copy(update={"values": values})
    outcome = Outcome(status=reply.outcome.status, rejection=rejection)
    return reply.model_copy(update={"outcome": outcome})
