"""What a claim made of a task: the engine's word, laid over what was read before or after it."""

from dataclasses import replace

from signoff_gateway.reads.work import WorkTaskRow
from signoff_schemas.frozen import frozen
from signoff_schemas.work import Action, ActionKind, Work, WorkState


@frozen
class Claim:
    """The outcome of a claim."""

    work: Work
    at: int
    by: str
    """Id of the caller."""
    logged: int
    """Lines of the task's log with the claim's own."""
    updated_before: int
    """When the task was changed last before the claim."""

    def of_task_before(self, task: WorkTaskRow) -> WorkTaskRow | None:
        """The claimed task, made of how it was; None if this is not how the claim found it."""
        if task.updated_at == self.at and len(task.log) == self.logged:
            return task  # read after all
        if task.updated_at != self.updated_before or len(task.log) != self.logged - 1:
            return None
        work = self.work
        line = Action(
            ActionKind.CLAIM, WorkState.CLAIMED, self.at, self.by, work.assignee, work.claimant
        )
        return self._laid_over(replace(task, log=(*task.log, line), updated_by=self.by))

    def of_task_after(self, task: WorkTaskRow) -> WorkTaskRow:
        """The claimed task, made of what has become of it since."""
        if task.updated_at == self.at and len(task.log) == self.logged:
            return task
        return self._laid_over(replace(task, log=task.log[: self.logged]))

    def _laid_over(self, task: WorkTaskRow) -> WorkTaskRow:
        return replace(
            task,
            state=WorkState.CLAIMED,
            work=self.work,
            updated_at=self.at,
            completed_at=None,
        )
