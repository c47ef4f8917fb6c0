"""What happened to user tasks.

A transition's event carries all that it changes, so that a task's events alone give its state.
"""

from typing import Literal

from pydantic import Field

from signoff_schemas.model import Record
from signoff_schemas.values import (
    Attributes,
    Listener,
    ProcessReference,
    TaskProfile,
    Variables,
    Waiter,
)
from signoff_schemas.work import LogEntry, Policy, Work


class _Transition(Record):
    """A transition began: what is asked for, and which listeners decide, pinned."""

    task_key: int
    process_instance_key: int
    attributes: Attributes
    variables: Variables = Field(default_factory=dict[str, object])
    local: bool = False
    of_output: bool = False
    """The variables are the task's output: they go to its own scope."""
    action: str = ""
    changed: tuple[str, ...] = ()
    """In the command's order."""
    listeners: tuple[Listener, ...] = ()
    """All that will run, in order: global-before, the task's own, global-after."""
    command_id: str = ""
    """The command that is held until the transition ends; empty when no person asked."""
    waiter: Waiter | None = None
    work: Work | None = None
    """Where the task will stand in its policy; None: unchanged."""
    policy: Policy | None = None
    """The policy that it will have; None: unchanged."""
    log: tuple[LogEntry, ...] = ()
    """What will be added to its log."""
    by: str = ""
    """Id of the principal who asked; empty: nobody did."""
    at: int


class TaskCreating(_Transition):
    """A task came into being; it is not yet visible as created."""

    type: Literal["user_task.creating"] = "user_task.creating"
    element_instance_key: int
    process: ProcessReference
    profile: TaskProfile
    tenant: str
    tags: tuple[str, ...] = ()
    business_id: str = ""


class TaskAssigning(_Transition):
    """An assignment, or with an empty assignee an unassignment, was asked for."""

    type: Literal["user_task.assigning"] = "user_task.assigning"


class TaskClaiming(_Transition):
    """A claim was asked for."""

    type: Literal["user_task.claiming"] = "user_task.claiming"
    of_work: bool = False
    """Asked for by those who share work: the outcome tells what became of the work."""


class TaskUpdating(_Transition):
    """An update of attributes, or of variables (``of_variables``), was asked for."""

    type: Literal["user_task.updating"] = "user_task.updating"
    of_variables: bool = False


class TaskCompleting(_Transition):
    """Completion was asked for."""

    type: Literal["user_task.completing"] = "user_task.completing"


class TaskCanceling(_Transition):
    """The task is being cancelled, mostly with its instance; what was open before is dropped."""

    type: Literal["user_task.canceling"] = "user_task.canceling"
    timed_out: bool = False
    """Because it was not done in time."""


class TaskCorrected(Record):
    """A listener corrected what is asked for; ``changed`` names what really changed."""

    type: Literal["user_task.corrected"] = "user_task.corrected"
    task_key: int
    process_instance_key: int
    attributes: Attributes
    variables: Variables = Field(default_factory=dict[str, object])
    action: str = ""
    changed: tuple[str, ...] = ()


class _Finished(Record):
    """A transition took effect."""

    task_key: int
    process_instance_key: int
    attributes: Attributes
    variables: Variables = Field(default_factory=dict[str, object])
    action: str = ""
    changed: tuple[str, ...] = ()
    work: Work | None = None
    policy: Policy | None = None
    log: tuple[LogEntry, ...] = ()
    by: str = ""
    at: int


class TaskCreated(_Finished):
    """The task is there, unassigned unless a listener chose someone."""

    type: Literal["user_task.created"] = "user_task.created"


class TaskAssigned(_Finished):
    """An assignment or claim took effect."""

    type: Literal["user_task.assigned"] = "user_task.assigned"


class TaskUpdated(_Finished):
    """An update took effect."""

    type: Literal["user_task.updated"] = "user_task.updated"


class TaskCompleted(_Finished):
    """The task is done."""

    type: Literal["user_task.completed"] = "user_task.completed"


class TaskCanceled(_Finished):
    """The task was cancelled."""

    type: Literal["user_task.canceled"] = "user_task.canceled"


class TransitionDenied(Record):
    """A listener refused (or the caller withdrew) the change; the task is as it was before."""

    type: Literal["user_task.denied"] = "user_task.denied"
    task_key: int
    process_instance_key: int
    transition: str
    """``assignment``, ``update`` or ``completion``."""
    attributes: Attributes
    work: Work | None = None
    """Where the task stands in its policy now; None: unchanged."""
    reason: str = ""
    withdrawn: bool = False


class TransitionRetried(Record):
    """An incident of a listener's expression was resolved: all listeners run again."""

    type: Literal["user_task.transition_retried"] = "user_task.transition_retried"
    task_key: int
    process_instance_key: int


class WaiterJoined(Record):
    """A repeated command waits for the same transition."""

    type: Literal["user_task.waiter_joined"] = "user_task.waiter_joined"
    task_key: int
    process_instance_key: int
    waiter: Waiter


TaskTransition = (
    TaskCreating | TaskAssigning | TaskClaiming | TaskUpdating | TaskCompleting | TaskCanceling
)
TaskFinished = TaskCreated | TaskAssigned | TaskUpdated | TaskCompleted | TaskCanceled
TaskEvent = (
    TaskTransition
    | TaskCorrected
    | TaskFinished
    | TransitionDenied
    | TransitionRetried
    | WaiterJoined
)
