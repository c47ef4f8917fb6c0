"""Chains of assignments: whose turn it is, until when, and what the log says of it."""

from dataclasses import replace
from typing import Final

from signoff_broker.engine.work_states import shown_assignee
from signoff_schemas.values import Attributes
from signoff_schemas.work import (
    Action,
    ActionKind,
    Assignment,
    Exhaustion,
    Person,
    Policy,
    Work,
    WorkState,
)

MILLISECONDS_PER_MINUTE: Final = 60_000


def turn_at(policy: Policy, index: int, now: int, skipped: tuple[int, ...] = ()) -> Work:
    """The work when it is the turn of assignment ``index``; past the last, the task is open."""
    if index >= len(policy.assignments):
        return Work(exhausted=True, skipped=skipped)
    assignment = policy.assignments[index]
    return Work(
        assignee=assignment.assignee,
        index=index,
        skipped=skipped,
        due_at=_due_at(assignment, now),
    )


def index_after(policy: Policy, work: Work) -> int:
    """The assignment after the one in force; past the last if none is."""
    return len(policy.assignments) if work.index is None else work.index + 1


def ends_task(policy: Policy, index: int) -> bool:
    """Whether the task ends because no assignment is left. One that never had any stays open."""
    is_past_last = bool(policy.assignments) and index >= len(policy.assignments)
    return is_past_last and policy.exhaustion is Exhaustion.TERMINATE


def turn_line(work: Work, now: int, by: str = "") -> Action:
    """The line of the log that says whose turn it is now."""
    kind = ActionKind.ASSIGNMENTS_COMPLETED if work.index is None else ActionKind.ASSIGNMENT
    return Action(kind, WorkState.ASSIGNED, now, by, work.assignee)


def claim_line(work: Work, now: int, by: str = "") -> Action:
    """The line of the log that says who claimed the task."""
    return Action(ActionKind.CLAIM, WorkState.CLAIMED, now, by, work.assignee, work.claimant)


def in_force(policy: Policy, work: Work) -> Person | None:
    """Whose turn it is, whoever else may have taken the task out of it."""
    return None if work.index is None else policy.assignments[work.index].assignee


def attributes_after(attributes: Attributes, before: Person | None, work: Work) -> Attributes:
    """The attributes when it is somebody's turn: a group is the candidate, a user the assignee.

    ``before``: whose turn it was. Candidates that the chain does not concern stay.
    """
    assignee, groups = work.assignee, attributes.candidate_groups
    if assignee != before:
        if assignee is not None:
            groups = (assignee.id,) if assignee.group else ()
        elif before is not None and before.group:
            groups = ()
    return replace(attributes, assignee=shown_assignee(work), candidate_groups=groups)


def _due_at(assignment: Assignment, now: int) -> int | None:
    return now + assignment.minutes * MILLISECONDS_PER_MINUTE if assignment.minutes else None
