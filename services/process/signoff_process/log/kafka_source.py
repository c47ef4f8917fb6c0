"""Reading a partition's two inlets from Kafka, from offsets that the database remembers.

Kafka's own idea of what was read plays no part: no group is joined, no position is taken from one.
A position that the log does not have (any more, or yet) is an error and never a jump. While Kafka
is away nothing arrives; when it is back, reading goes on where it was.

The reader runs ahead of ``fetch``: while a batch is being committed, the next one comes in.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from signoff_process.log.arrivals import Bell, read_arrival, results_share
from signoff_process.log.kafka_client import (
    KafkaRecord,
    cut_off_consumer,
    learn_topics,
    make_consumer,
)
from signoff_process.log.kafka_topics import CONNECT_SECONDS, KafkaOptions
from signoff_process.log.ports import Arrival, CommandSource, LogMismatch, LogUnavailable
from signoff_schemas import topics
from signoff_schemas.topics import Inlet

# Kafka answers a waiting fetch as soon as there is a record, so this only sets how often an idle
# consumer asks again.
FETCH_WAIT_MS: Final = 500
# Must be above the fetch wait; when an unanswered connection is taken for dead and made anew.
CONSUMER_TIMEOUT_MS: Final = 5_000
# How soon aiokafka asks again for what it could not get, partition leaders at first among it.
RETRY_BACKOFF_MS: Final = 50
AHEAD_MAX: Final = 1_000
"""Records of an inlet that are held before the reader stops asking for more."""

_POLL_MS: Final = 1_000
# While one inlet is full, how soon the reader sees that there is room again.
_FULL_POLL_MS: Final = 10
STOP_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.1


class KafkaSource(CommandSource):
    """One aiokafka consumer for one partition, so that no neighbour holds it up."""

    def __init__(self, bootstrap: str, partition: int, options: KafkaOptions) -> None:
        self._commands = TopicPartition(options.topic(topics.COMMANDS), partition - 1)
        self._results = TopicPartition(options.topic(topics.RESULTS), partition - 1)
        self._held: dict[TopicPartition, deque[KafkaRecord]] = {
            self._results: deque(),
            self._commands: deque(),
        }
        self._consumer = make_consumer(
            bootstrap_servers=bootstrap,
            group_id=options.topic_prefix,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            request_timeout_ms=CONSUMER_TIMEOUT_MS,
            retry_backoff_ms=RETRY_BACKOFF_MS,
            **options.security,
        )
        self._bell = Bell()
        self._reader: asyncio.Task[None] | None = None
        self._mirror: asyncio.Task[None] | None = None
        self._mirrored: dict[TopicPartition, int] = {}
        self._error: Exception | None = None
        self.on_close: Callable[[], object] = lambda: None
        """Called at the end of ``close``."""

    async def open(self, commands_offset: int, results_offset: int) -> None:
        """Connect and go to these offsets. Raises: LogUnavailable, LogMismatch."""
        offsets = {self._commands: commands_offset, self._results: results_offset}
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._consumer.start()
                await learn_topics(self._consumer, [each.topic for each in offsets])
                # First, because a fetch that waits for records holds up the connection.
                await self._verify(offsets)
                self._consumer.assign(list(offsets))
                for topic_partition, offset in offsets.items():
                    self._consumer.seek(topic_partition, offset)
        except (KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"no connection to Kafka: {error!r}") from error
        self._reader = asyncio.create_task(self._read())

    async def fetch(self, limit: int, timeout_ms: int) -> Sequence[Arrival]:
        """See ``CommandSource.fetch``. Empty, too, while Kafka is away."""
        arrivals = self._take(limit)
        if not arrivals and timeout_ms > 0 and self._error is None:
            await self._bell.wait(timeout_ms)
            arrivals = self._take(limit)
        if not arrivals and self._error is not None:
            raise self._error
        return arrivals

    def ahead(self, inlet: Inlet) -> int:
        """How many records of an inlet are here and not yet fetched."""
        return len(self._held[self._results if inlet is Inlet.RESULTS else self._commands])

    def wake(self) -> None:
        """See ``CommandSource.wake``."""
        self._bell.ring()

    async def mirror(self, commands_offset: int, results_offset: int) -> None:
        """See ``CommandSource.mirror``. Does not wait for Kafka; the newest offsets win."""
        self._mirrored = {self._commands: commands_offset, self._results: results_offset}
        if self._mirror is None or self._mirror.done():
            self._mirror = asyncio.create_task(self._show_offsets())

    async def close(self) -> None:
        """See ``CommandSource.close``. The last mirrored offsets are shown if Kafka answers."""
        if self._mirror is not None:
            await asyncio.wait({self._mirror}, timeout=STOP_SECONDS)
        for task in (self._mirror, self._reader):
            await _end(task)
        self._error = self._error or LogUnavailable("the source is closed")
        self._bell.ring()
        await cut_off_consumer(self._consumer, STOP_SECONDS)
        self.on_close()

    async def _verify(self, offsets: dict[TopicPartition, int]) -> None:
        first = await self._consumer.beginning_offsets(list(offsets))
        last = await self._consumer.end_offsets(list(offsets))
        for topic_partition, offset in offsets.items():
            if not first[topic_partition] <= offset <= last[topic_partition]:
                raise _gone(topic_partition, offset)

    def _take(self, limit: int) -> list[Arrival]:
        commands, results = self._held[self._commands], self._held[self._results]
        share = results_share(limit) if commands else limit
        arrivals = _read_out(Inlet.RESULTS, results, share)
        arrivals += _read_out(Inlet.COMMANDS, commands, limit - len(arrivals))
        return arrivals

    async def _read(self) -> None:
        while self._error is None:
            wanted = [tp for tp, held in self._held.items() if len(held) < AHEAD_MAX]
            if not wanted:
                await asyncio.sleep(_FULL_POLL_MS / 1000)
                continue
            wait_ms = _POLL_MS if len(wanted) == len(self._held) else _FULL_POLL_MS
            try:
                got = await self._consumer.getmany(*wanted, timeout_ms=wait_ms)
            except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
                self._error = LogMismatch(f"a position is not in the log: {error!r}")
                self._bell.ring()
            except KafkaError:
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - a reader that is gone must not look idle
                self._error = LogUnavailable(f"reading stopped: {error!r}")
                self._bell.ring()
            else:
                for topic_partition, records in got.items():
                    self._held[topic_partition].extend(records)
                if got:
                    self._bell.ring()

    async def _show_offsets(self) -> None:
        while self._mirrored:
            offsets, self._mirrored = self._mirrored, {}
            # For people to look at: when it does not work now, the next one will.
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._consumer.commit(offsets)


def _read_out(inlet: Inlet, held: deque[KafkaRecord], count: int) -> list[Arrival]:
    records = [held.popleft() for _ in range(min(count, len(held)))]
    return [read_arrival(inlet, record.offset, record.value or b"") for record in records]


def _gone(topic_partition: TopicPartition, offset: int) -> LogMismatch:
    topic, number = topic_partition
    return LogMismatch(f"offset {offset} of {topic} partition {number} is not in the log")


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
