"""Bytes and records: the only (de)serialisation of what is on the log.

Every record is one JSON object that begins with ``"v"``, the version of its shape, so that a reader
knows whether it can read the rest. Batches (replies of one gateway, jobs of one subscriber, events
of one step) are one object with an ``items`` list.
"""

from typing import Final, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from signoff_schemas.envelope import Entry
from signoff_schemas.events import Event
from signoff_schemas.jobs import JobMessage
from signoff_schemas.model import Record
from signoff_schemas.replies import Outcome, ReplyMessage

VERSION: Final = 1
T = TypeVar("T")


class Unreadable(ValueError):
    """Bytes in a topic that are not a record of ours, or of a version that we do not know."""


class ReplyBatch(Record):
    """Replies of one batch of a partition, for one gateway."""

    v: Literal[1] = VERSION
    gateway: str
    items: tuple[ReplyMessage, ...]


class JobBatch(Record):
    """Jobs and rings of one batch of a partition, for one subscriber."""

    v: Literal[1] = VERSION
    subscriber: str
    items: tuple[JobMessage, ...]


class EventBatch(Record):
    """What one step did. A consumer drops a position that is not above the last one it saw."""

    v: Literal[1] = VERSION
    partition: int
    position: int
    command_id: str
    actor: str
    at: int
    items: tuple[Event, ...]


class _WireEntry(Record):
    v: Literal[1]
    entry: Entry


_PREFIX: Final = f'{{"v":{VERSION},"entry":'.encode()
_ENTRY: Final = TypeAdapter(_WireEntry)
_REPLIES: Final = TypeAdapter(ReplyBatch)
_JOBS: Final = TypeAdapter(JobBatch)
_EVENT_BATCH: Final = TypeAdapter(EventBatch)
_EVENTS: Final = TypeAdapter(tuple[Event, ...])
_OUTCOME: Final = TypeAdapter(Outcome)


def encode_entry(entry: Entry) -> bytes:
    """A command or result, as it goes on its topic."""
    return _PREFIX + entry.__pydantic_serializer__.to_json(entry, exclude_defaults=False) + b"}"


def decode_entry(data: bytes) -> Entry:
    """Raises: Unreadable for whatever is not an entry."""
    return _read(_ENTRY, data).entry


def encode_batch(batch: ReplyBatch | JobBatch | EventBatch) -> bytes:
    """A batch, as it goes on its topic."""
    return batch.__pydantic_serializer__.to_json(batch)


def decode_replies(data: bytes) -> ReplyBatch:
    """Raises: Unreadable."""
    return _read(_REPLIES, data)


def decode_jobs(data: bytes) -> JobBatch:
    """Raises: Unreadable."""
    return _read(_JOBS, data)


def decode_event_batch(data: bytes) -> EventBatch:
    """Raises: Unreadable."""
    return _read(_EVENT_BATCH, data)


def encode_events(events: tuple[Event, ...]) -> bytes:
    """The events of a step, as they are stored with it."""
    return _EVENTS.dump_json(events, exclude_defaults=False)


def decode_events(data: bytes) -> tuple[Event, ...]:
    """Raises: Unreadable."""
    return _read(_EVENTS, data)


def encode_outcome(outcome: Outcome) -> bytes:
    """An outcome, as it is stored with the step that decided it."""
    return _OUTCOME.dump_json(outcome, exclude_defaults=True)


def decode_outcome(data: bytes) -> Outcome:
    """Raises: Unreadable."""
    return _read(_OUTCOME, data)


def _read(adapter: TypeAdapter[T], data: bytes) -> T:
    try:
        return adapter.validate_json(data)
    except (ValidationError, RecursionError) as error:
        raise Unreadable(str(error)[:500]) from error
