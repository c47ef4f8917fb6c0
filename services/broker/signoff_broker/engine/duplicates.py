"""Commands about commands: one that comes again, one that comes too late, one that is withdrawn."""

from typing import Final

from signoff_broker.engine.draft import Draft, Released
from signoff_broker.engine.preconditions import refuse
from signoff_broker.engine.processors import listeners, tokens
from signoff_broker.engine.world import Known
from signoff_schemas.commands import Withdraw
from signoff_schemas.envelope import Entry
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.task_events import WaiterJoined

EXPIRES_AFTER: Final = 23 * 3600 * 1000
"""Milliseconds. Steps are kept for 24 h: a duplicate older than this may be of a forgotten one."""
WAITERS_MAX: Final = 8


def must_be_the_same(entry: Entry, known: Known) -> Rejection | None:
    """A command that comes again under its id is the command that it was."""
    if known.fingerprint and known.fingerprint != entry.fingerprint:
        return refuse(RejectionType.CONFLICTING_REUSE, Code.COMMAND_REUSED, "", id=entry.id)
    return None


def must_be_fresh(entry: Entry, now: int) -> Rejection | None:
    """What comes later than duplicates are remembered is not applied at all."""
    if now - entry.issued_at > EXPIRES_AFTER:
        return refuse(
            RejectionType.INVALID_ARGUMENT,
            Code.COMMAND_EXPIRED,
            "",
            issued_at=entry.issued_at,
        )
    return None


def join(draft: Draft) -> Rejection | None:
    """A command that waits came again: its new caller waits too."""
    task, transition, waiter = draft.task, draft.transition, draft.asker.waiter
    assert transition.command_id == draft.asker.command_id, "it waits in this transition"
    if waiter is None or any(waiter.request_id == each.request_id for each in transition.waiters):
        return None
    if len(transition.waiters) >= WAITERS_MAX:
        return refuse(
            RejectionType.RESOURCE_EXHAUSTED,
            Code.TOO_MANY_WAITERS,
            "",
            id=transition.command_id,
        )
    draft.emit(
        WaiterJoined(
            task_key=task.key, process_instance_key=task.process_instance_key, waiter=waiter
        )
    )
    return None


def withdraw(draft: Draft, command: Withdraw, known: Known | None) -> dict[str, object]:
    """Settle a command: it was decided, or it is now, and if it comes later it comes too late.

    Only what waits for listeners that may deny is ever held, so a held command can be withdrawn.
    """
    status = OutcomeStatus.WITHDRAWN
    if known is None:
        refusal = refuse(RejectionType.INVALID_STATE, Code.COMMAND_WITHDRAWN, "", id=command.target)
        outcome = Outcome(status=OutcomeStatus.WITHDRAWN, rejection=refusal)
        draft.released = Released(command.target, (), outcome)
    elif known.outcome is not None:
        status = known.outcome.status
    else:
        assert draft.transition.command_id == command.target, "it waits in this transition"
        tokens.clear_the_way(draft)
        listeners.withdraw(draft)
    return {"status": status.value}
