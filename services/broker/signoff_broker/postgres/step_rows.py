"""Steps and their rows: pure, both ways. Column orders are those of ``sql/steps.sql``."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from signoff_broker.engine.world import Known, Outgoing
from signoff_broker.ports import Recovery, StepRow
from signoff_schemas.codec import decode_events, decode_outcome, encode_outcome
from signoff_schemas.events import Event
from signoff_schemas.jobs import JobPush, Ring
from signoff_schemas.replies import Outcome, Reply, Waiting
from signoff_schemas.topics import Inlet

Row = tuple[object, ...]

STEP_COLUMNS: Final = 19

_Message = Annotated[Reply | Waiting | JobPush | Ring, Field(discriminator="type")]
_MESSAGES: Final = TypeAdapter(tuple[tuple[int, _Message], ...])


def step_insert(step: StepRow) -> Row:
    """A step, as it is appended; None for an empty text (``sql/steps.sql``)."""
    return (
        step.position,
        step.inlet,
        step.offset,
        step.now,
        step.last_key,
        step.commands_offset,
        step.results_offset,
        step.command_id or None,
        step.request_id or None,
        step.fingerprint or None,
        step.principal,
        step.subject_key,
        _encode_events(step.events) if step.events else None,
        _encode_messages(step.messages) if step.messages else None,
        None if step.outcome is None else encode_outcome(step.outcome),
        step.answers or None,
        None if step.answered is None else encode_outcome(step.answered),
        step.quarantined or None,
        step.raw or None,
    )


def step_of(row: Sequence[Any]) -> StepRow:
    """A step, as it was appended, from a row of ``steps_after``."""
    events, messages, outcome, answers, answered, quarantined, raw = row[12:]
    return StepRow(
        position=row[0],
        inlet=Inlet(row[1]),
        offset=row[2],
        now=row[3],
        last_key=row[4],
        commands_offset=row[5],
        results_offset=row[6],
        command_id=row[7],
        request_id=row[8],
        fingerprint=row[9],
        principal=row[10],
        subject_key=row[11],
        events=() if events is None else decode_events(events),
        messages=() if messages is None else _decode_messages(messages),
        outcome=_outcome(outcome),
        answers=answers,
        answered=_outcome(answered),
        quarantined=quarantined,
        raw=raw or b"",
    )


def recovery_of(row: Sequence[Any] | None) -> Recovery:
    """Where to go on after the newest step; at the beginning if there is none."""
    return Recovery() if row is None else Recovery(*row)


def known_of(rows: Iterable[Sequence[Any]]) -> dict[str, Known]:
    """What the rows of ``known`` (without the settings version) say about each command id.

    A command may have several rows: its own, those of repeated requests that joined its wait, and
    the step that decided it. The first outcome counts, and the first own row says the rest.
    """
    known: dict[str, Known] = {}
    for _, identifier, fingerprint, subject_key, outcome in sorted(rows, key=_position):
        old = known.get(identifier)
        if old is None:
            known[identifier] = Known(_outcome(outcome), fingerprint, subject_key)
        elif old.outcome is None and outcome is not None:
            known[identifier] = Known(_outcome(outcome), old.fingerprint, old.instance_key)
    return known


def _position(row: Sequence[Any]) -> int:
    position: int = row[0]
    return position


def _encode_events(events: tuple[Event, ...]) -> bytes:
    """What ``decode_events`` reads. An event's own serializer need not search the union."""
    return b"[" + b",".join([e.__pydantic_serializer__.to_json(e) for e in events]) + b"]"


def _encode_messages(messages: tuple[Outgoing, ...]) -> bytes:
    items = (
        b"[%d,%s]" % (each.partition, each.message.__pydantic_serializer__.to_json(each.message))
        for each in messages
    )
    return b"[" + b",".join(items) + b"]"


def _decode_messages(data: bytes) -> tuple[Outgoing, ...]:
    return tuple(Outgoing(*pair) for pair in _MESSAGES.validate_json(data))


def _outcome(data: bytes | None) -> Outcome | None:
    return None if data is None else decode_outcome(data)
