"""Who is to do a task and who does it, where one assignee is not enough: chains, claims, logs."""

from dataclasses import field
from enum import StrEnum
from typing import Final

from signoff_schemas.frozen import frozen

EXHAUSTED: Final = "assignments_exhausted"
"""The ``reason`` of an instance whose task nobody took; dialects put it in words."""


@frozen
class Person:
    """A user or a group, of this installation's directory or of somebody else's (``external``)."""

    id: str
    group: bool = False
    external: bool = False


@frozen
class Assignment:
    """One link of a chain. ``minutes``: until the next one's turn; 0 and None: never."""

    assignee: Person
    minutes: int | None = None


class Exhaustion(StrEnum):
    """What becomes of a task whose chain has come to its end."""

    LEAVE_OPEN = "LEAVE_OPEN"
    TERMINATE = "TERMINATE"


class TriggerEvent(StrEnum):
    """What of a task may start a process. The first five: the task came into this state."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    CLAIMED = "CLAIMED"
    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"
    ASSIGNEE_CHANGED = "ASSIGNEE_CHANGED"
    CLAIMANT_CHANGED = "CLAIMANT_CHANGED"


@frozen
class Trigger:
    """A process that is started when something happens to a task. ``version`` -1: the latest."""

    on: TriggerEvent
    process_id: str
    version: int = -1
    variables: dict[str, object] = field(default_factory=dict[str, object])
    business_id: str = ""


@frozen
class Policy:
    """To whom a task is given, in which order, for how long."""

    assignments: tuple[Assignment, ...] = ()
    exhaustion: Exhaustion = Exhaustion.LEAVE_OPEN
    auto_claim: bool = False
    """The first assignee, if it is a user, has the task from the beginning."""
    triggers: tuple[Trigger, ...] = ()
    open_to_all: bool = True
    """While nobody is the assignee, and there are no candidates, anybody may take the task."""


@frozen
class Work:
    """Where a task stands in its policy. Empty of everything: open, claimed by nobody."""

    assignee: Person | None = None
    claimant: Person | None = None
    """Who works on it; stays when the task is completed, goes with a release."""
    index: int | None = None
    """The assignment in force; None while there is none."""
    exhausted: bool = False
    """No assignment is left, or there never was one."""
    skipped: tuple[int, ...] = ()
    due_at: int | None = None
    """Epoch milliseconds at which it is the next assignment's turn, unless it is claimed."""


class WorkState(StrEnum):
    """A task as people who share work see it."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    CLAIMED = "CLAIMED"
    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"
    DELETED = "DELETED"


class ActionKind(StrEnum):
    """What was done to a task, as its log tells."""

    ASSIGNMENT = "ASSIGNMENT"
    ASSIGNMENTS_COMPLETED = "ASSIGNMENTS_COMPLETED"
    CLAIM = "CLAIM"
    RELEASE = "RELEASE"
    SKIP = "SKIP"
    REASSIGN = "REASSIGN"
    ASSIGNMENT_EXPIRED = "ASSIGNMENT_EXPIRED"


@frozen
class Action:
    """One line of a task's log."""

    kind: ActionKind
    state: WorkState
    """The state that it led to."""
    at: int
    by: str = ""
    """Id of the principal; empty: the engine itself."""
    assignee: Person | None = None
    """After the action."""
    claimant: Person | None = None
    """Of a claim: who claimed."""
    reason: str = ""


@frozen
class Triggered:
    """One line of a task's trigger log: a process that was, or with ``error`` was not, started."""

    on: TriggerEvent
    at: int
    process_id: str
    version: int
    started_key: int | None = None
    error: str = ""


LogEntry = Action | Triggered


class Ending(StrEnum):
    """How a process instance ended, for those who tell more ends apart than its state does."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TERMINATED = "TERMINATED"
    TIMED_OUT = "TIMED_OUT"


class TimeoutPolicy(StrEnum):
    """What becomes of an instance whose node was not done in time."""

    END_PROCESS = "END_PROCESS"
    RETRY = "RETRY"
    ALERT_ONLY = "ALERT_ONLY"


@frozen
class TaskRule:
    """Cluster-wide rule for the nodes that name it (``rule``): read when a token arrives."""

    timeout_seconds: int = 0
    """For the whole node; 0: never."""
    timeout_policy: TimeoutPolicy = TimeoutPolicy.END_PROCESS
    retries: int = 3
    retry_delay_seconds: int = 60
    response_timeout_seconds: int = 600
    """For which a worker has a job."""
