"""The log of a process that runs everything: lists in memory, read by who runs in the same loop.

It stores nothing of its own. What was not stepped when the process died never had an effect, and a
partition's offsets go on from those that the database remembers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Final, Generic, TypeVar

from signoff_process.log.arrivals import Bell, read_arrival, results_share
from signoff_process.log.ports import (
    Addressed,
    Arrival,
    CommandSource,
    EntryPublisher,
    LogMismatch,
    LogUnavailable,
    OnJobs,
    OnReplies,
    Publisher,
    Subscription,
)
from signoff_schemas.codec import (
    EventBatch,
    JobBatch,
    ReplyBatch,
    decode_event_batch,
    decode_jobs,
    decode_replies,
    encode_batch,
    encode_entry,
)
from signoff_schemas.envelope import Entry
from signoff_schemas.topics import Inlet

IDENTITY: Final = "memory"
"""The same for every run: such a log begins empty and carries on the numbers of the database."""

B = TypeVar("B", ReplyBatch, JobBatch)
Callback = Callable[[B], None]


class _Done:
    """An awaitable that is over before it is awaited; one serves every publish."""

    def __await__(self) -> Generator[None]:
        return
        yield


_DONE: Final = _Done()


class _Queue:
    """What one inlet of a partition holds: everything from the last mirrored offset on.

    What was fetched stays until ``trim``, so that a partition that is taken again, in this process,
    gets again what the one before did not commit.
    """

    __slots__ = ("_first", "_inlet", "_items")

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet
        self._first: int | None = None
        """The offset of ``_items[0]``; None until a reader has said where the numbers go on."""
        self._items: list[Entry | bytes] = []

    def append(self, item: Entry | bytes) -> None:
        self._items.append(item)

    def open_at(self, offset: int) -> None:
        """Begin the numbering, or check that it covers this offset."""
        if self._first is None:
            self._first = offset
        self._index(offset)

    def waiting(self, offset: int) -> int:
        """How many items there are from this offset on."""
        return len(self._items) - self._index(offset)

    def read(self, offset: int, count: int) -> list[Arrival]:
        index = self._index(offset)
        items = self._items[index : index + count]
        return [self._arrival(offset + ahead, item) for ahead, item in enumerate(items)]

    def trim(self, offset: int) -> None:
        """Forget what is below this offset: it is in the database."""
        if self._first is not None and offset > self._first:
            done = min(offset - self._first, len(self._items))
            del self._items[:done]
            self._first += done

    def _index(self, offset: int) -> int:
        first = self._first
        if first is None or not first <= offset <= first + len(self._items):
            raise LogMismatch(f"offset {offset} of {self._inlet.name} is not in the log")
        return offset - first

    def _arrival(self, offset: int, item: Entry | bytes) -> Arrival:
        if isinstance(item, bytes):
            return read_arrival(self._inlet, offset, item)
        return Arrival(self._inlet, offset, item)


class _Partition:
    """The two inlets of a partition and who reads them: one source, or two while a zombie lives."""

    def __init__(self) -> None:
        self.commands = _Queue(Inlet.COMMANDS)
        self.results = _Queue(Inlet.RESULTS)
        self.sources: set[MemorySource] = set()

    def append(self, inlet: Inlet, item: Entry | bytes) -> None:
        (self.results if inlet is Inlet.RESULTS else self.commands).append(item)
        for source in self.sources:
            source.wake()


class MemorySource(CommandSource):
    """The two inlets of one partition, read in place."""

    def __init__(self, partition: _Partition, commands_offset: int, results_offset: int) -> None:
        partition.commands.open_at(commands_offset)
        partition.results.open_at(results_offset)
        self._partition = partition
        self._commands_offset = commands_offset
        self._results_offset = results_offset
        self._bell = Bell()
        partition.sources.add(self)

    async def fetch(self, limit: int, timeout_ms: int) -> Sequence[Arrival]:
        """See ``CommandSource.fetch``. Raises: LogUnavailable when closed, LogMismatch."""
        if self not in self._partition.sources:
            raise LogUnavailable("the source is closed")
        arrivals = self._take(limit)
        if not arrivals and timeout_ms > 0:
            await self._bell.wait(timeout_ms)
            arrivals = self._take(limit)
        return arrivals

    def wake(self) -> None:
        """See ``CommandSource.wake``."""
        self._bell.ring()

    async def mirror(self, commands_offset: int, results_offset: int) -> None:
        """Forget what is below these offsets: it is in the database."""
        self._partition.commands.trim(commands_offset)
        self._partition.results.trim(results_offset)

    async def close(self) -> None:
        """See ``CommandSource.close``."""
        self._partition.sources.discard(self)
        self.wake()

    def _take(self, limit: int) -> list[Arrival]:
        commands, results = self._partition.commands, self._partition.results
        waiting = commands.waiting(self._commands_offset)
        arrivals = results.read(self._results_offset, results_share(limit) if waiting else limit)
        self._results_offset += len(arrivals)
        if waiting and len(arrivals) < limit:
            taken = commands.read(self._commands_offset, limit - len(arrivals))
            self._commands_offset += len(taken)
            arrivals += taken
        return arrivals


class _Subscriber(Subscription, Generic[B]):
    """A callback for one inbox, until it is closed."""

    def __init__(self, among: list["_Subscriber[B]"], callback: Callback[B]) -> None:
        self._among: list[_Subscriber[B]] = among
        self._callback: Callback[B] = callback
        among.append(self)

    def deliver(self, batch: B) -> None:
        # Not from here: what goes wrong in a gateway must not reach the broker's publish.
        asyncio.get_running_loop().call_soon(self._call, batch)

    async def close(self) -> None:
        if self in self._among:
            self._among.remove(self)

    def _call(self, batch: B) -> None:
        if self in self._among:
            self._callback(batch)


class _MemoryPublisher(Publisher):
    """Hands batches to the inboxes of this process; nobody here reads events."""

    def __init__(self, log: "MemoryLog") -> None:
        self._log = log

    async def publish(self, batches: Sequence[Addressed]) -> None:
        for partition, batch in batches:
            self._log.deliver(partition, batch)

    async def close(self) -> None:
        """Nothing is held back."""


class _MemoryEntryPublisher(EntryPublisher):
    """The way in: an append."""

    def __init__(self, log: "MemoryLog") -> None:
        self._log = log

    def publish(self, inlet: Inlet, entry: Entry) -> Awaitable[None]:
        self._log.append(inlet, entry)
        return _DONE

    def oldest_unacknowledged_ms(self) -> int:
        return 0

    async def close(self) -> None:
        """Nothing is held back."""


class MemoryLog:
    """A log that lives and dies with the process; use it from one event loop.

    Args:
        partitions: Number of partitions (P), from 1.
        inboxes: Number of partitions of the reply and job topics (R), from 0.
        force_encoding: Pass bytes instead of objects, so that everything goes through the codec as
            it does with Kafka.
    """

    durable = False

    def __init__(self, partitions: int, inboxes: int, *, force_encoding: bool = False) -> None:
        self.partitions = partitions
        self.inboxes = inboxes
        self._force_encoding = force_encoding
        self._partitions = {number: _Partition() for number in range(1, partitions + 1)}
        self._replies: list[list[_Subscriber[ReplyBatch]]] = [[] for _ in range(inboxes)]
        self._jobs: list[list[_Subscriber[JobBatch]]] = [[] for _ in range(inboxes)]

    async def start(self) -> str:
        """See ``Log.start``."""
        return IDENTITY

    async def source(
        self, partition: int, commands_offset: int, results_offset: int
    ) -> CommandSource:
        """Read a partition from these offsets on; the first reader says where the numbers go on.

        Raises: LogMismatch if the offsets are below what was mirrored or above what there is.
        """
        return MemorySource(self._partitions[partition], commands_offset, results_offset)

    async def publisher(self) -> Publisher:
        """See ``Log.publisher``."""
        return _MemoryPublisher(self)

    async def entry_publisher(self) -> EntryPublisher:
        """See ``Log.entry_publisher``. Nothing is too large for it, and it is never away."""
        return _MemoryEntryPublisher(self)

    async def on_replies(self, inbox: int, callback: OnReplies) -> Subscription:
        """See ``Log.on_replies``. The callback runs in a turn of the loop of its own."""
        return _Subscriber(self._replies[inbox], callback)

    async def on_jobs(self, inbox: int, callback: OnJobs) -> Subscription:
        """See ``Log.on_jobs``."""
        return _Subscriber(self._jobs[inbox], callback)

    async def close(self) -> None:
        """Close all sources and subscriptions."""
        for partition in self._partitions.values():
            for source in tuple(partition.sources):
                await source.close()
        for inbox in range(self.inboxes):
            self._replies[inbox].clear()
            self._jobs[inbox].clear()

    def append(self, inlet: Inlet, entry: Entry) -> None:
        """Put an entry at the end of its partition's inlet."""
        item = encode_entry(entry) if self._force_encoding else entry
        self._partitions[entry.partition].append(inlet, item)

    def deliver(self, partition: int, batch: ReplyBatch | JobBatch | EventBatch) -> None:
        """Hand a batch to whoever listens at this partition of its topic."""
        if self._force_encoding:
            batch = _through_bytes(batch)
        if isinstance(batch, ReplyBatch):
            for reader in tuple(self._replies[partition]):
                reader.deliver(batch)
        elif isinstance(batch, JobBatch):
            for subscriber in tuple(self._jobs[partition]):
                subscriber.deliver(batch)


def _through_bytes(batch: ReplyBatch | JobBatch | EventBatch) -> ReplyBatch | JobBatch | EventBatch:
    raw = encode_batch(batch)
    if isinstance(batch, ReplyBatch):
        return decode_replies(raw)
    return decode_jobs(raw) if isinstance(batch, JobBatch) else decode_event_batch(raw)
