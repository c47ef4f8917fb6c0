"""The life of a user task as a table: which command leads where, through which listeners.

A transition is begun by a command, waits in its ``...ING`` state for its listeners one after
another, and then takes effect or is denied. Everything that depends on *which* transition it is
stands in this table; ``diagram`` draws the same table for people.
"""

from collections.abc import Mapping
from typing import Final

from signoff_schemas.frozen import frozen
from signoff_schemas.values import ListenerEvent, TaskState

_OPEN: Final = (
    TaskState.CREATING,
    TaskState.CREATED,
    TaskState.ASSIGNING,
    TaskState.CLAIMING,
    TaskState.UPDATING,
    TaskState.COMPLETING,
)
_AT_REST: Final = (TaskState.CREATED,)


@frozen
class Phase:
    """One transition: its row of the table."""

    command: str
    begins_in: tuple[TaskState, ...]
    """States in which the command is accepted; none for the birth of a task."""
    waits_in: TaskState
    listeners: ListenerEvent
    ends_with: str
    """The final event's participle: ``assigned``, ``completed`` …"""
    ends_in: TaskState
    name: str
    """What is denied or withdrawn: ``assignment``, ``update``, ``completion`` …"""
    deniable: bool = True


PHASES: Final[tuple[Phase, ...]] = (
    Phase(
        command="create",
        begins_in=(),
        waits_in=TaskState.CREATING,
        listeners=ListenerEvent.CREATING,
        ends_with="created",
        ends_in=TaskState.CREATED,
        name="creation",
        deniable=False,
    ),
    Phase(
        command="assign",
        begins_in=_AT_REST,
        waits_in=TaskState.ASSIGNING,
        listeners=ListenerEvent.ASSIGNING,
        ends_with="assigned",
        ends_in=TaskState.CREATED,
        name="assignment",
    ),
    Phase(
        command="claim",
        begins_in=_AT_REST,
        waits_in=TaskState.CLAIMING,
        listeners=ListenerEvent.ASSIGNING,
        ends_with="assigned",
        ends_in=TaskState.CREATED,
        name="assignment",
    ),
    Phase(
        command="update",
        begins_in=_AT_REST,
        waits_in=TaskState.UPDATING,
        listeners=ListenerEvent.UPDATING,
        ends_with="updated",
        ends_in=TaskState.CREATED,
        name="update",
    ),
    Phase(
        command="complete",
        begins_in=_AT_REST,
        waits_in=TaskState.COMPLETING,
        listeners=ListenerEvent.COMPLETING,
        ends_with="completed",
        ends_in=TaskState.COMPLETED,
        name="completion",
    ),
    Phase(
        command="cancel",
        begins_in=_OPEN,
        waits_in=TaskState.CANCELING,
        listeners=ListenerEvent.CANCELING,
        ends_with="canceled",
        ends_in=TaskState.CANCELED,
        name="cancellation",
        deniable=False,
    ),
)
PHASE_OF: Final[Mapping[TaskState, Phase]] = {phase.waits_in: phase for phase in PHASES}
"""The transition that a task in an ``...ING`` state is in."""


_ACCEPTED: Final = frozenset(
    (phase.command, state) for phase in PHASES for state in phase.begins_in
)


def accepts(command: str, state: TaskState) -> bool:
    """Whether a command begins a transition in this state."""
    return (command, state) in _ACCEPTED


def diagram() -> str:
    """The table as a drawing, for the broker's README; a test fails when that is stale."""
    return "\n".join(_line(phase) for phase in PHASES) + "\n"


def _line(phase: Phase) -> str:
    begin = "(new)"
    if phase.begins_in:
        begin = phase.begins_in[0] if len(phase.begins_in) == 1 else "any open"
    arrow = f"-- {phase.command} ".ljust(13, "-")
    waiting = f"{phase.waits_in.value} ({phase.listeners.value} listeners)".ljust(34)
    denied = f"   denied --> {_AT_REST[0].value}" if phase.deniable else ""
    end = f"-- {phase.ends_with} ".ljust(13, "-")
    return f"{begin:<9}{arrow}> {waiting}{end}> {phase.ends_in.value:<10}{denied}".rstrip()
