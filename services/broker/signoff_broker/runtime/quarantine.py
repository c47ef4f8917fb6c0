"""What happens to a record that cannot be applied: it is kept, answered once, and stepped over."""

from dataclasses import replace
from typing import Final

from signoff_broker.engine.world import Outgoing
from signoff_broker.ports import StepRow
from signoff_process.log.ports import Arrival
from signoff_schemas.codec import encode_entry
from signoff_schemas.envelope import Entry
from signoff_schemas.limits import MILLISECONDS_MAX, unstorable_text
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus, Reply
from signoff_schemas.results import (
    CompleteJob,
    FailJob,
    Goodbye,
    Subscription,
    ThrowJobError,
    YieldJob,
)
from signoff_schemas.timers import Timer
from signoff_schemas.topics import Inlet

ERROR_CHARACTERS_MAX: Final = 2_000
SUBSCRIBED_NAME_MAX: Final = 1_000
_RESULTS: Final = frozenset({CompleteJob, FailJob, Goodbye, Subscription, ThrowJobError, YieldJob})


def why_rubbish(arrival: Arrival, partition: int, inboxes: int) -> str:
    """Why the record is nothing that a loop can take up; empty if it can."""
    entry = arrival.entry
    if entry is None:
        return arrival.error or "not an entry"
    if entry.partition != partition:
        return f"meant for partition {entry.partition}"
    body = entry.body
    if (type(body) in _RESULTS) != (arrival.inlet is Inlet.RESULTS):
        return f"{body.type} does not belong to {arrival.inlet.name.lower()}"
    if entry.inbox is not None and not 0 <= entry.inbox.partition < inboxes:
        return f"no inbox {entry.inbox.partition}"
    if isinstance(body, Subscription):
        return _why_unusable(body, inboxes)
    return ""


def failure(error: BaseException | str) -> Outcome:
    """The outcome of a command that could not be applied for no fault of its state."""
    rejection = Rejection(
        type=RejectionType.PROCESSING_ERROR,
        code=Code.COMMAND_FAILED,
        values={"error": describe(error)},
    )
    return Outcome(status=OutcomeStatus.REJECTED, rejection=rejection)


def describe(error: BaseException | str) -> str:
    """An error in characters that can be stored anywhere."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    plain = text.encode("ascii", "backslashreplace").decode().replace("\x00", "\\x00")
    return plain[:ERROR_CHARACTERS_MAX]


def replies_to(entry: Entry, outcome: Outcome, partition: int) -> tuple[Outgoing, ...]:
    """The reply for whoever asked, if somebody did."""
    if entry.inbox is None:
        return ()
    reply = Reply(
        gateway=entry.inbox.gateway,
        partition=partition,
        request_id=entry.request_id,
        command_id=entry.id,
        outcome=outcome,
    )
    return (Outgoing(entry.inbox.partition, reply),)


def quarantined(row: StepRow, arrival: Arrival, error: BaseException | str) -> StepRow:
    """The row of a record that could not be applied: ``row`` is as for a step that did nothing."""
    entry = arrival.entry
    assert entry is not None, "rubbish is not quarantined"
    outcome = failure(error)
    partition = entry.partition
    return replace(
        row,
        outcome=outcome,
        messages=replies_to(entry, outcome, partition),
        quarantined=describe(error),
        raw=arrival.raw or _bytes_of(entry),
    )


def failed_timer(row: StepRow, timer: Timer, error: BaseException) -> StepRow:
    """The row of a timer that could not be stepped or stored."""
    return replace(row, quarantined=describe(error), raw=timer.model_dump_json().encode())


def bare(row: StepRow) -> StepRow:
    """The row without anything that came with the record but its bytes: can always be stored."""
    return replace(
        row,
        command_id="",
        request_id="",
        fingerprint="",
        principal="",
        subject_key=None,
        messages=(),
        outcome=None,
    )


def _bytes_of(entry: Entry) -> bytes:
    try:
        return encode_entry(entry)
    except ValueError:
        # A lone surrogate is no UTF-8; who has the object still learns what it was.
        return repr(entry).encode("ascii", "backslashreplace")


def _why_unusable(subscription: Subscription, inboxes: int) -> str:
    if not 0 <= subscription.inbox < inboxes:
        return f"no inbox {subscription.inbox}"
    texts = [subscription.subscriber]
    for grant in subscription.grants:
        texts += (grant.slot, grant.job_type, grant.worker)
        if not 0 < grant.timeout_ms <= MILLISECONDS_MAX:
            return f"a timeout of {grant.timeout_ms} ms"
    if not subscription.subscriber or not all(map(_is_storable, texts)):
        return "a name that cannot be stored"
    return ""


def _is_storable(text: str) -> bool:
    return unstorable_text(text, SUBSCRIBED_NAME_MAX) is None
