"""A task as people who share work see it, whichever dialect it was made in."""

from dataclasses import replace

from signoff_broker.engine.state import UserTask
from signoff_schemas.values import TaskState
from signoff_schemas.work import Assignment, Person, Policy, Work, WorkState

_UNTOUCHED = Work(exhausted=True)


def work_state(task: UserTask) -> WorkState:
    """The state of a task in effect; a transition that waits for listeners does not show."""
    return state_of(task.state, task.work, timed_out=task.timed_out)


def state_of(state: TaskState, work: Work | None, *, timed_out: bool = False) -> WorkState:
    """``work_state`` of a task that has, or will have, this state and work."""
    match state:
        case TaskState.CREATING:
            return WorkState.PENDING
        case TaskState.COMPLETED:
            return WorkState.COMPLETED
        case TaskState.CANCELED:
            return WorkState.TIMED_OUT if timed_out else WorkState.DELETED
        case _:
            claimed = work is not None and work.claimant is not None
            return WorkState.CLAIMED if claimed else WorkState.ASSIGNED


def work_of(task: UserTask) -> Work:
    """Where a task stands; one that only has an assignee is as if its chain named just them."""
    if task.work is not None:
        return task.work
    assignee = task.attributes.assignee
    return Work(assignee=Person(assignee), index=0) if assignee else _UNTOUCHED


def policy_of_task(task: UserTask) -> Policy:
    """The policy that goes with ``work_of``; without one of its own, a task is not anybody's."""
    if task.policy is not None:
        return task.policy
    assignee = task.attributes.assignee if task.work is None else ""
    return Policy((Assignment(Person(assignee)),) if assignee else (), open_to_all=False)


def shown_assignee(work: Work) -> str:
    """The attribute ``assignee`` that goes with it: who works on the task, else who is to."""
    shown = user_of(work)
    return "" if shown is None else shown.id


def user_of(work: Work) -> Person | None:
    """The user who works on the task, else who is to."""
    shown = work.claimant or work.assignee
    return None if shown is None or shown.group else shown


def corrected(work: Work, assignee: str) -> Work:
    """The work after a listener chose somebody else (or, with an empty text, nobody).

    Who claimed a group's or an open task does so without being its assignee: that stays.
    """
    person = Person(assignee) if assignee else None
    if work.claimant is None:
        return replace(work, assignee=person)
    keeps = work.assignee is None or work.assignee.group
    return replace(work, assignee=work.assignee if keeps else person, claimant=person)
