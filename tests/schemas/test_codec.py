"""What goes on the log comes off it the same, in a shape that is written down.

The shape is in golden/*.json. A change there is a change of the wire format: run with
SIGNOFF_GOLDEN=write to write new ones, and look at the difference.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from signoff_schemas.codec import (
    EventBatch,
    JobBatch,
    ReplyBatch,
    Unreadable,
    decode_entry,
    decode_event_batch,
    decode_events,
    decode_jobs,
    decode_outcome,
    decode_replies,
    encode_batch,
    encode_entry,
    encode_events,
    encode_outcome,
)
from signoff_schemas.envelope import Entry
from signoff_schemas.events import Event
from signoff_schemas.replies import Outcome
from tests.schemas.records import (
    BODIES,
    EVENTS,
    JOBS,
    JSON,
    REPLIES,
    WHOLE,
    any_of,
    example_of,
    name_of,
)

GOLDEN = Path(__file__).parent / "golden"
DECODERS: dict[str, Callable[[bytes], object]] = {
    "entry": decode_entry,
    "replies": decode_replies,
    "jobs": decode_jobs,
    "event batch": decode_event_batch,
    "events": decode_events,
    "outcome": decode_outcome,
}


def on_the_wire(value: Any) -> tuple[bytes, object]:
    """The bytes in which a record travels or is stored, and what comes back from them."""
    if isinstance(value, Entry):
        return (raw := encode_entry(value)), decode_entry(raw)
    if isinstance(value, Outcome):
        return (raw := encode_outcome(value)), decode_outcome(raw)
    if isinstance(value, EVENTS):
        return (raw := encode_events((cast("Event", value),))), decode_events(raw)[0]
    raw = encode_batch(value)
    decode = {ReplyBatch: decode_replies, JobBatch: decode_jobs, EventBatch: decode_event_batch}
    return raw, decode[type(value)](raw)


def wrapped(record: type[BaseModel], value: Any) -> Any:
    """The whole that carries a record."""
    if record in BODIES:
        return example_of(Entry).model_copy(update={"body": value})
    if record in REPLIES:
        return ReplyBatch(gateway="gateway", items=(value,))
    if record in JOBS:
        return JobBatch(subscriber="subscriber", items=(value,))
    return value


@pytest.mark.parametrize("record", [*BODIES, *EVENTS, *REPLIES, *JOBS, *WHOLE], ids=name_of)
@settings(max_examples=30)
@given(data=st.data())
def test_every_record_comes_back_as_it_went(data: st.DataObject, record: type[BaseModel]) -> None:
    sent = wrapped(record, data.draw(any_of(record)))

    _, received = on_the_wire(sent)

    assert received == sent


@pytest.mark.parametrize("record", [*BODIES, *EVENTS, *REPLIES, *JOBS, *WHOLE], ids=name_of)
def test_the_wire_format_is_as_written_down(record: type[BaseModel]) -> None:
    sent = wrapped(record, example_of(record))
    path = GOLDEN / f"{name_of(record)}.json"

    raw, received = on_the_wire(sent)
    if os.environ.get("SIGNOFF_GOLDEN") == "write":
        path.write_text(json.dumps(json.loads(raw), indent=1, ensure_ascii=False) + "\n")

    assert json.loads(raw) == json.loads(path.read_text())
    assert received == sent


def test_nothing_is_written_down_that_is_not_sent() -> None:
    names = {name_of(record) for record in (*BODIES, *EVENTS, *REPLIES, *JOBS, *WHOLE)}

    assert {path.stem for path in GOLDEN.glob("*.json")} == names


@pytest.mark.parametrize("record", [*BODIES, *REPLIES, *JOBS], ids=name_of)
def test_the_version_comes_first(record: type[BaseModel]) -> None:
    raw, _ = on_the_wire(wrapped(record, example_of(record)))

    assert raw.startswith(b'{"v":1,')


@pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS)
@given(data=st.binary(max_size=60) | JSON.map(json.dumps).map(str.encode))
def test_bytes_that_are_nothing_are_unreadable(
    decode: Callable[[bytes], object], data: bytes
) -> None:
    try:
        decode(data)
    except Unreadable:
        return
    # An empty tuple of events is one.
    assert decode is decode_events
    assert decode(data) == ()


@pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"v":1,"entry":{"body":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"v":1,"gateway":"","items":[' + b'{"a":' * 100_000,
    ],
    ids=["lists", "objects", "in a body", "in an item"],
)
def test_deep_nesting_is_unreadable(decode: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data)


@pytest.mark.parametrize("depth", [10, 100, 150, 190, 250, 10_000])
def test_a_deep_variable_is_read_or_refused(depth: int) -> None:
    """Whatever its depth: never a crash, and what is read can be written again."""
    entry = example_of(Entry).model_dump(mode="json")
    body = {"type": "job.complete", "job_key": 7, "variables": {"a": "?"}}
    text = json.dumps({"v": 1, "entry": {**entry, "body": body}})
    raw = text.replace('"?"', "[" * depth + "]" * depth).encode()

    try:
        read = decode_entry(raw)
    except Unreadable:
        return

    assert decode_entry(encode_entry(read)) == read


@pytest.mark.parametrize("version", [0, 2, "1", None, 1.5])
def test_another_version_is_unreadable(version: object) -> None:
    for value in (
        example_of(Entry),
        example_of(ReplyBatch),
        example_of(JobBatch),
        example_of(EventBatch),
    ):
        raw, _ = on_the_wire(value)
        other = json.dumps({**json.loads(raw), "v": version}).encode()

        for decode in (decode_entry, decode_replies, decode_jobs, decode_event_batch):
            with pytest.raises(Unreadable):
                decode(other)


def test_a_newer_writer_may_add_fields() -> None:
    sent = example_of(Entry)
    shape = json.loads(encode_entry(sent))
    shape["entry"]["new"] = shape["new"] = {"of": "tomorrow"}
    shape["entry"]["body"]["new"] = 1

    assert decode_entry(json.dumps(shape).encode()) == sent
