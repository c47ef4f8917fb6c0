"""The log on Kafka, through aiokafka."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from aiokafka import TopicPartition

from signoff_process.log.kafka_publishers import KafkaEntryPublisher, KafkaPublisher
from signoff_process.log.kafka_sender import KafkaSender
from signoff_process.log.kafka_source import KafkaSource
from signoff_process.log.kafka_subscription import KafkaSubscription
from signoff_process.log.kafka_topics import KafkaOptions, KafkaTopics
from signoff_process.log.ports import (
    CommandSource,
    EntryPublisher,
    OnJobs,
    OnReplies,
    Publisher,
    Subscription,
)
from signoff_schemas import topics
from signoff_schemas.codec import JobBatch, ReplyBatch, Unreadable, decode_jobs, decode_replies

__all__ = ["KafkaLog", "KafkaOptions"]

B = TypeVar("B", ReplyBatch, JobBatch)


class KafkaLog:
    """A log on somebody's Kafka.

    Partition p is Kafka's partition p - 1; inboxes have Kafka's numbers, from 0.

    Args:
        bootstrap: ``host:port``, or several with commas.
        partitions: Number of partitions (P) of commands, results and events.
        inboxes: Number of partitions of the reply and job topics (R).
        options: Topic names, sizes, security.
    """

    durable = True

    def __init__(
        self, bootstrap: str, partitions: int, inboxes: int, options: KafkaOptions | None = None
    ) -> None:
        self.partitions = partitions
        self.inboxes = inboxes
        self._bootstrap = bootstrap
        self._options = options or KafkaOptions()
        self._topics = KafkaTopics(bootstrap, partitions, inboxes, self._options)
        self._opened: set[KafkaSource | KafkaSender | KafkaSubscription] = set()
        self.unreadable = 0
        """Records in reply and job topics that were none of ours, and were skipped."""

    async def start(self) -> str:
        """See ``Log.start``. To be called before anything is opened."""
        return await self._topics.ensure()

    async def source(
        self, partition: int, commands_offset: int, results_offset: int
    ) -> CommandSource:
        """See ``Log.source``. Raises: LogUnavailable, LogMismatch."""
        source = KafkaSource(self._bootstrap, partition, self._options)
        self._keep(source)
        try:
            await source.open(commands_offset, results_offset)
        except BaseException:
            await source.close()
            raise
        return source

    async def publisher(self) -> Publisher:
        """See ``Log.publisher``. Raises: LogUnavailable."""
        return KafkaPublisher(await self._sender(), self._options)

    async def entry_publisher(self) -> EntryPublisher:
        """See ``Log.entry_publisher``. Raises: LogUnavailable."""
        return KafkaEntryPublisher(await self._sender(), self._options, self.partitions)

    async def on_replies(self, inbox: int, callback: OnReplies) -> Subscription:
        """See ``Log.on_replies``. Raises: LogUnavailable."""
        return await self._subscribe(topics.REPLIES, inbox, decode_replies, callback)

    async def on_jobs(self, inbox: int, callback: OnJobs) -> Subscription:
        """See ``Log.on_jobs``. Raises: LogUnavailable."""
        return await self._subscribe(topics.JOBS, inbox, decode_jobs, callback)

    async def close(self) -> None:
        """Close whatever was opened and is not closed yet."""
        for opened in tuple(self._opened):
            await opened.close()

    def _keep(self, opened: KafkaSource | KafkaSender | KafkaSubscription) -> None:
        """Until it is closed, even if nobody else does: connections do not go by themselves."""
        self._opened.add(opened)
        opened.on_close = partial(self._opened.discard, opened)

    async def _sender(self) -> KafkaSender:
        sender = KafkaSender(self._bootstrap, self._options, self._topics.message_bytes_max)
        self._keep(sender)
        try:
            await sender.start()
        except BaseException:
            await sender.close()
            raise
        return sender

    async def _subscribe(
        self, topic: str, inbox: int, decode: Callable[[bytes], B], callback: Callable[[B], None]
    ) -> Subscription:
        def deliver(raw: bytes) -> None:
            try:
                batch = decode(raw)
            except Unreadable:
                self.unreadable += 1
            else:
                # Not from here: what goes wrong in the callback must not end the reading.
                asyncio.get_running_loop().call_soon(callback, batch)

        place = TopicPartition(self._options.topic(topic), inbox)
        subscription = KafkaSubscription(self._bootstrap, place, deliver, self._options)
        self._keep(subscription)
        try:
            await subscription.open()
        except BaseException:
            await subscription.close()
            raise
        return subscription
