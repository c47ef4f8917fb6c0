"""Commands of shared work: take, release, skip, reassign, save, finish and remove a task.

They are the transitions of ``commands`` in other words and run the same listeners: taking is a
claim, releasing, skipping and reassigning are assignments, saving is an update, finishing is a
completion, removing a cancellation.
"""

from typing import Literal

from pydantic import Field

from signoff_schemas.model import Record
from signoff_schemas.principal import Access
from signoff_schemas.values import Variables
from signoff_schemas.work import Assignment, Person


class TakeTask(Record):
    """Claim a task for somebody: who has it as assignee, or, with ``override``, anybody.

    A group's assignment may be taken by its members; by anybody who is vouched for if the group is
    external. Without an override the assignee stays.
    """

    type: Literal["user_task.take"] = "user_task.take"
    task_key: int
    claimant: Person
    claimant_groups: tuple[str, ...] = ()
    """The groups of this installation's directory that the claimant belongs to."""
    override: bool = False
    access: Access


class ReleaseTask(Record):
    """Give a claimed task back to the assignment in force."""

    type: Literal["user_task.release"] = "user_task.release"
    task_key: int
    access: Access


class SkipAssignment(Record):
    """Go on to the next assignment at once."""

    type: Literal["user_task.skip"] = "user_task.skip"
    task_key: int
    reason: str = ""
    access: Access


class ReassignTask(Record):
    """Replace the chain of an unclaimed task and begin it; with an empty one the task is open."""

    type: Literal["user_task.reassign"] = "user_task.reassign"
    task_key: int
    assignments: tuple[Assignment, ...] = ()
    access: Access


class SaveOutput(Record):
    """Keep what a person has entered so far: merged by name into what is there."""

    type: Literal["user_task.save_output"] = "user_task.save_output"
    task_key: int
    output: Variables = Field(default_factory=dict[str, object])
    access: Access


class FinishTask(Record):
    """Complete a task with its output: what was saved, and this merged into it by name."""

    type: Literal["user_task.finish"] = "user_task.finish"
    task_key: int
    output: Variables = Field(default_factory=dict[str, object])
    access: Access


class RemoveTask(Record):
    """End a task without going on: its instance stays where it is."""

    type: Literal["user_task.remove"] = "user_task.remove"
    task_key: int
    access: Access


WorkCommand = (
    TakeTask | ReleaseTask | SkipAssignment | ReassignTask | SaveOutput | FinishTask | RemoveTask
)
