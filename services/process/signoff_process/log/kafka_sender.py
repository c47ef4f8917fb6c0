"""Sending to Kafka in order, over whatever happens to the connection.

Each partition of a topic has a lane: what is handed over waits in it, and all that waits goes out
as one batch while at most one batch is under way. So the order within a partition is the order of
the calls, and batches grow by themselves when Kafka is slow.

An aiokafka producer retries by itself while Kafka is away, under the same producer id, so that
nothing comes twice. What it gives up on, or what breaks its sequence, takes the whole producer with
it: the sender then makes a new one and sends again what was not acknowledged. That may put a record
into the log twice; every reader of ours knows ids and positions. A send is never taken back: even
what was given up may still be on its way to Kafka.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from signoff_process.log.kafka_client import (
    BatchBuilder,
    Producer,
    cut_off_producer,
    make_producer,
)
from signoff_process.log.kafka_topics import CONNECT_SECONDS, KafkaOptions
from signoff_process.log.ports import EntryTooLarge, LogUnavailable

REQUEST_TIMEOUT_MS: Final = 5_000
"""When an unanswered connection is taken for dead and made anew."""

RECONNECT_SECONDS: Final = 0.1
STOP_SECONDS: Final = 1.0
_SWEEP_SECONDS: Final = 0.1

# What one record and the batch around it take at most beyond the value.
_OVERHEAD: Final[int] = DefaultRecordBatchBuilder.estimate_size_in_bytes(None, b"", [])


class _ProducerLost(Exception):
    """The producer under a batch was thrown away."""


class _Item:
    """One record on its way."""

    __slots__ = ("acknowledged", "handed_over", "raw")

    def __init__(self, raw: bytes, acknowledged: asyncio.Future[None], handed_over: float) -> None:
        self.raw = raw
        self.acknowledged = acknowledged
        self.handed_over = handed_over
        """By the loop's clock, in seconds."""

    def settle(self, error: Exception | None = None) -> None:
        if self.acknowledged.done():
            return
        if error is None:
            self.acknowledged.set_result(None)
        else:
            self.acknowledged.set_exception(error)
            self.acknowledged.exception()  # nobody has to ask for it


class KafkaSender:
    """A way into any partition of any topic, with one producer underneath.

    Args:
        bootstrap: ``host:port``, or several with commas.
        options: The connection, and how long to wait for an acknowledgement.
        message_bytes_max: The largest batch that the topics take.
    """

    def __init__(self, bootstrap: str, options: KafkaOptions, message_bytes_max: int) -> None:
        self._settings = {
            "bootstrap_servers": bootstrap,
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 0,
            "max_batch_size": message_bytes_max,
            "max_request_size": message_bytes_max,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            **options.security,
        }
        self._patience = options.patience_ms / 1000
        self.largest = message_bytes_max - _OVERHEAD
        """Bytes of the largest record that is sent."""
        self._producer: Producer | None = None
        self._connecting = asyncio.Lock()
        self._lanes: dict[TopicPartition, _Lane] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._discarding: set[asyncio.Task[None]] = set()
        self._closed = False
        self.on_close: Callable[[], object] = lambda: None
        """Called at the end of ``close``."""

    async def start(self) -> None:
        """Connect. Raises: LogUnavailable."""
        try:
            await self.producer()
        except (KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"no connection to Kafka: {error!r}") from error

    def send(self, topic_partition: TopicPartition, raw: bytes) -> asyncio.Future[None]:
        """Hand over a record; the future ends when Kafka has it.

        Its error is LogUnavailable after the patience is over (the record stays on its way), or
        EntryTooLarge.
        """
        loop = asyncio.get_running_loop()
        item = _Item(raw, loop.create_future(), loop.time())
        if self._closed:
            item.settle(LogUnavailable("the log is closed"))
        elif len(raw) > self.largest:
            item.settle(EntryTooLarge(f"{len(raw)} bytes, the log takes {self.largest}"))
        else:
            lane = self._lanes.get(topic_partition)
            if lane is None:
                lane = self._lanes[topic_partition] = _Lane(self, topic_partition)
            lane.put(item)
            if self._sweeper is None:
                self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep)
        return item.acknowledged

    def oldest_unacknowledged_ms(self) -> int:
        """Age of the oldest record that is on its way; 0 if there is none."""
        oldest = min((item.handed_over for item in self._oldest()), default=None)
        if oldest is None:
            return 0
        return int((asyncio.get_running_loop().time() - oldest) * 1000)

    async def producer(self) -> Producer:
        """The connected producer. Raises: KafkaError, OSError, TimeoutError."""
        if self._producer is None:
            async with self._connecting:
                if self._producer is None:
                    self._producer = await self._connect()
        return self._producer

    def has(self, producer: Producer) -> bool:
        """Whether this is still the one in use."""
        return self._producer is producer

    def lose(self, producer: Producer) -> None:
        """Throw a producer away; all that is under way in it goes out again with the next."""
        if self._producer is not producer:
            return
        self._producer = None
        for lane in self._lanes.values():
            lane.lost_producer()
        self._discard(producer)

    def abandon(self) -> None:
        """Forget all that is on its way. Some of it may still get into the log."""
        lanes, self._lanes = self._lanes, {}
        for lane in lanes.values():
            lane.abandon()
        if self._producer is not None:
            self.lose(self._producer)

    async def close(self) -> None:
        """Wait as long as the patience lasts for what is on its way, then disconnect."""
        self._closed = True
        pending = [item.acknowledged for lane in self._lanes.values() for item in lane.items()]
        if pending:
            await asyncio.wait(pending, timeout=self._patience)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self.abandon()
        if self._discarding:
            await asyncio.wait(self._discarding)
        self.on_close()

    async def _connect(self) -> Producer:
        producer = make_producer(**self._settings)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await producer.start()
        except BaseException:
            self._discard(producer)
            raise
        return producer

    def _discard(self, producer: Producer) -> None:
        task = asyncio.create_task(cut_off_producer(producer, ProducerClosed(), STOP_SECONDS))
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)

    def _oldest(self) -> list[_Item]:
        return [lane.oldest for lane in self._lanes.values() if lane.oldest is not None]

    def _sweep(self) -> None:
        """Tell those who have waited too long; one timer for all of them, while there are any."""
        loop = asyncio.get_running_loop()
        limit = loop.time() - self._patience
        for lane in self._lanes.values():
            for item in lane.items():
                if item.handed_over > limit:
                    break
                item.settle(LogUnavailable("Kafka does not acknowledge"))
        waiting = bool(self._oldest())
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep) if waiting else None


class _Lane:
    """What goes to one partition, in order, one batch at a time."""

    def __init__(self, sender: KafkaSender, topic_partition: TopicPartition) -> None:
        self._sender = sender
        self._topic_partition = topic_partition
        self._waiting: list[_Item] = []
        self._under_way: list[_Item] = []
        self._verdict: asyncio.Future[None] | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def oldest(self) -> _Item | None:
        return next(iter(self._under_way or self._waiting), None)

    def items(self) -> list[_Item]:
        return [*self._under_way, *self._waiting]

    def put(self, item: _Item) -> None:
        self._waiting.append(item)
        if self._pump is None:
            self._pump = asyncio.create_task(self._send_all())

    def lost_producer(self) -> None:
        if self._verdict is not None and not self._verdict.done():
            self._verdict.set_exception(_ProducerLost())

    def abandon(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        for item in self.items():
            item.settle(LogUnavailable("given up"))
        self._under_way, self._waiting = [], []

    async def _send_all(self) -> None:
        while self._waiting:
            self._under_way, self._waiting = self._waiting, []
            while self._under_way:
                await self._send_batch()
        self._pump = None

    async def _send_batch(self) -> None:
        """Send as many as one batch takes; those that are done leave ``_under_way``."""
        producer: Producer | None = None
        count = len(self._under_way)
        try:
            producer = await self._sender.producer()
            builder = producer.create_batch()
            count = _fill(builder, self._under_way)
            await self._acknowledged(producer, builder)
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            self._too_large(count)
        except _ProducerLost:
            return
        except (KafkaError, OSError, TimeoutError, AssertionError):
            # AssertionError: aiokafka's word for a partition that it does not know (any more).
            await asyncio.sleep(RECONNECT_SECONDS)
        else:
            self._settle(count, None)
            return
        # Its sequence numbers have a gap now; Kafka would refuse what follows.
        if producer is not None:
            self._sender.lose(producer)

    async def _acknowledged(self, producer: Producer, builder: BatchBuilder) -> None:
        topic, partition = self._topic_partition
        async with asyncio.timeout(CONNECT_SECONDS):
            sent = await producer.send_batch(builder, topic, partition=partition)
        self._verdict = verdict = asyncio.get_running_loop().create_future()
        sent.add_done_callback(partial(_pass_on, verdict))
        if not self._sender.has(producer):
            self.lost_producer()
        try:
            await verdict
        finally:
            self._verdict = None

    def _too_large(self, count: int) -> None:
        """The topic takes less than we were told: the first record of a batch alone may pass."""
        if count == 1:
            size = len(self._under_way[0].raw)
            self._settle(1, EntryTooLarge(f"{size} bytes are more than Kafka takes"))
        else:
            self._under_way, late = self._under_way[:1], self._under_way[1:]
            self._waiting = late + self._waiting

    def _settle(self, count: int, error: Exception | None) -> None:
        done, self._under_way = self._under_way[:count], self._under_way[count:]
        for item in done:
            item.settle(error)


def _fill(builder: BatchBuilder, items: list[_Item]) -> int:
    """Put in as many as there is room for; how many those are."""
    for count, item in enumerate(items):
        if builder.append(timestamp=None, key=None, value=item.raw) is None:
            return count
    return len(items)


def _pass_on(verdict: asyncio.Future[None], sent: asyncio.Future[object]) -> None:
    error = None if sent.cancelled() else sent.exception()
    if verdict.done():
        return
    if error is None:
        verdict.set_result(None)
    else:
        verdict.set_exception(error)
