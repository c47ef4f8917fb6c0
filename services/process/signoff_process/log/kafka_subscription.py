"""Reading one partition of replies or jobs, from its end on, into a callback."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from signoff_process.log.kafka_client import cut_off_consumer, make_consumer
from signoff_process.log.kafka_source import (
    CONSUMER_TIMEOUT_MS,
    FETCH_WAIT_MS,
    RETRY_BACKOFF_MS,
    STOP_SECONDS,
)
from signoff_process.log.kafka_topics import CONNECT_SECONDS, KafkaOptions
from signoff_process.log.ports import LogUnavailable, Subscription

_POLL_MS = 1_000
_RETRY_SECONDS = 0.1


class KafkaSubscription(Subscription):
    """One aiokafka consumer; goes on by itself when Kafka was away.

    Args:
        bootstrap: ``host:port``, or several with commas.
        topic_partition: What to read.
        deliver: Gets each record's value, in order.
        options: The connection.
    """

    def __init__(
        self,
        bootstrap: str,
        topic_partition: TopicPartition,
        deliver: Callable[[bytes], None],
        options: KafkaOptions,
    ) -> None:
        self._topic_partition = topic_partition
        self._deliver = deliver
        self._consumer = make_consumer(
            bootstrap_servers=bootstrap,
            # What is gone is of no use to anybody: who waited for it asks for the command's id.
            auto_offset_reset="latest",
            enable_auto_commit=False,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            request_timeout_ms=CONSUMER_TIMEOUT_MS,
            retry_backoff_ms=RETRY_BACKOFF_MS,
            **options.security,
        )
        self._reader: asyncio.Task[None] | None = None
        self.on_close: Callable[[], object] = lambda: None
        """Called at the end of ``close``."""

    async def open(self) -> None:
        """Connect and stand at the end. Raises: LogUnavailable."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._consumer.start()
                end = await self._consumer.end_offsets([self._topic_partition])
                self._consumer.assign([self._topic_partition])
                self._consumer.seek(self._topic_partition, end[self._topic_partition])
        except (KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"no connection to Kafka: {error!r}") from error
        self._reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        """See ``Subscription.close``."""
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
        await cut_off_consumer(self._consumer, STOP_SECONDS)
        self.on_close()

    async def _read(self) -> None:
        while True:
            try:
                got = await self._consumer.getmany(timeout_ms=_POLL_MS)
            except KafkaError:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for record in got.get(self._topic_partition, ()):
                self._deliver(record.value or b"")
