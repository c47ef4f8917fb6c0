"""What a person has entered in a task: saved for later, or the output with which it is done."""

from signoff_broker.engine import scopes
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import refuse
from signoff_broker.engine.processors import listeners
from signoff_broker.engine.processors.work import find_accessible
from signoff_schemas.limits import unstorable_variables
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.task_events import TaskCompleting, TaskUpdating
from signoff_schemas.values import VARIABLES, ListenerEvent, Variables
from signoff_schemas.work_commands import FinishTask, SaveOutput


def save(draft: Draft, command: SaveOutput) -> Rejection | None:
    """Keep output; it takes effect when the listeners of an update agree."""
    task = find_accessible(draft, command.task_key, command.access, "save", "update")
    if isinstance(task, Rejection):
        return task
    merged = _merged(draft, command.task_key, command.output)
    if isinstance(merged, Rejection):
        return merged
    return listeners.begin(
        draft,
        TaskUpdating(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=task.attributes,
            variables=command.output,
            of_output=True,
            action="save",
            changed=(VARIABLES,) if command.output else (),
            listeners=listeners.of(draft, task, ListenerEvent.UPDATING),
            command_id=draft.asker.command_id,
            waiter=draft.asker.waiter,
            by=draft.asker.principal.id,
            at=draft.now,
        ),
    )


def finish(draft: Draft, command: FinishTask) -> Rejection | None:
    """Complete the task with all that was entered, now and before."""
    task = find_accessible(draft, command.task_key, command.access, "complete", "complete")
    if isinstance(task, Rejection):
        return task
    merged = _merged(draft, command.task_key, command.output)
    if isinstance(merged, Rejection):
        return merged
    return listeners.begin(
        draft,
        TaskCompleting(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=task.attributes,
            variables=merged,
            of_output=True,
            action="complete",
            listeners=listeners.of(draft, task, ListenerEvent.COMPLETING),
            command_id=draft.asker.command_id,
            waiter=draft.asker.waiter,
            by=draft.asker.principal.id,
            at=draft.now,
        ),
    )


def _merged(draft: Draft, task_key: int, output: Variables) -> Variables | Rejection:
    """The whole output, which is held to the same limits as its parts."""
    saved = scopes.values_of(draft.open, task_key)
    if not saved:
        return output
    merged = {**saved, **output}
    if unstorable_variables(merged) is None:
        return merged
    return refuse(RejectionType.INVALID_ARGUMENT, Code.VALUE_UNSTORABLE, "", field="output")
