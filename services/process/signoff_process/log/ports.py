"""What a process needs of the log. ``kafka`` and ``memory`` implement it; one suite tests both."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from signoff_schemas.codec import EventBatch, JobBatch, ReplyBatch
from signoff_schemas.envelope import Entry
from signoff_schemas.frozen import frozen
from signoff_schemas.topics import Inlet


class LogUnavailable(Exception):
    """The log is away. What was handed over before may or may not be in it."""


class LogMismatch(Exception):
    """The log is not the one that the database belongs to, or a position is gone from it."""


class EntryTooLarge(Exception):
    """The entry is larger than the log takes: certainly not in it."""


@frozen
class Arrival:
    """One record of an inlet: an entry, or bytes that are none (``entry`` is None)."""

    inlet: Inlet
    offset: int
    entry: Entry | None
    raw: bytes = b""
    error: str = ""


Outbound = ReplyBatch | JobBatch | EventBatch
Addressed = tuple[int, Outbound]
"""A batch and the partition of its topic (replies, jobs, or events) that it goes to."""


class CommandSource(Protocol):
    """The two inlets of one partition, results first."""

    async def fetch(self, limit: int, timeout_ms: int) -> Sequence[Arrival]:
        """Up to ``limit`` records, in offset order per inlet, as soon as there is one.

        Results come before commands; at most 3/4 of ``limit`` are results while commands wait.
        Empty after ``timeout_ms`` without any. Raises: LogUnavailable, LogMismatch.
        """
        ...

    def wake(self) -> None:
        """Let a waiting ``fetch`` return at once, empty."""
        ...

    async def mirror(self, commands_offset: int, results_offset: int) -> None:
        """Show the next offsets under the group ``signoff``, which nobody joins, for lag tools."""
        ...

    async def close(self) -> None:
        """Stop reading."""
        ...


class Publisher(Protocol):
    """What leaves a partition, in order per destination."""

    async def publish(self, batches: Sequence[Addressed]) -> None:
        """Return once the log has all of it (acks=all). Raises: LogUnavailable (some may be there).

        A batch that is too large is sent as single items; an item that is still too large is
        replaced: a reply by one that names the command's id, a job by nothing (it times out).
        """
        ...

    async def close(self) -> None:
        """Flush and stop."""
        ...


class EntryPublisher(Protocol):
    """The gateway's and workers' way in."""

    def publish(self, inlet: Inlet, entry: Entry) -> Awaitable[None]:
        """Hand an entry over at once, in call order per partition; awaiting it ends when it is in.

        From the call on the entry may have an effect. Raises (from the awaitable): LogUnavailable,
        EntryTooLarge.
        """
        ...

    def oldest_unacknowledged_ms(self) -> int:
        """Age of the oldest entry that was handed over and not acknowledged; 0 if there is none."""
        ...

    async def close(self) -> None:
        """Flush and stop."""
        ...


OnReplies = Callable[[ReplyBatch], None]
OnJobs = Callable[[JobBatch], None]


class Subscription(Protocol):
    """A reader of one partition of the replies or jobs topic, from its end on."""

    async def close(self) -> None:
        """Stop reading."""
        ...


class Log(Protocol):
    """One connection to the log, shared by what a process runs."""

    partitions: int
    inboxes: int
    """Partitions of the reply and job topics (R)."""
    durable: bool
    """Whether a record comes again when the process that read it died; else it is gone, and
    another one has its offset."""

    async def start(self) -> str:
        """Connect, create or verify the topics; the log's identity, to be kept with the data.

        Raises: LogUnavailable, LogMismatch (a topic with other partitions or a compacting policy).
        """
        ...

    async def source(
        self, partition: int, commands_offset: int, results_offset: int
    ) -> CommandSource:
        """Read a partition's inlets from these offsets on. Raises: LogMismatch if they are gone."""
        ...

    async def publisher(self) -> Publisher:
        """A way out for one partition."""
        ...

    async def entry_publisher(self) -> EntryPublisher:
        """A way in for one gateway or worker."""
        ...

    async def on_replies(self, inbox: int, callback: OnReplies) -> Subscription:
        """Call back with what comes after this returned. Rubbish is skipped and counted."""
        ...

    async def on_jobs(self, inbox: int, callback: OnJobs) -> Subscription:
        """Like ``on_replies``, for pushed jobs and rings."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...
