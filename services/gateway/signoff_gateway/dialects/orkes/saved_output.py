"""What is entered into a person's task, checked before the engine is asked to keep it."""

import asyncio
from typing import Final

from signoff_gateway.dialects.orkes import permissions
from signoff_gateway.dialects.orkes.entries import form_of
from signoff_gateway.dialects.orkes.form_data import check_form_data
from signoff_gateway.dialects.orkes.forms import Forms
from signoff_gateway.reads.work import WorkTaskRow
from signoff_schemas.principal import Principal
from signoff_schemas.work import WorkState
from signoff_schemas.work_commands import FinishTask, SaveOutput

ENDED: Final = frozenset({WorkState.COMPLETED, WorkState.TIMED_OUT, WorkState.DELETED})
"""States in which nothing is entered any more."""


async def must_fit(
    forms: Forms,
    caller: Principal,
    task: WorkTaskRow,
    output: dict[str, object],
    *,
    complete: bool,
) -> None:
    """Whether the caller may enter it, and the form takes it; a task that is over is not asked.

    Raises: Forbidden, Invalid, BadRequest, ReadsError.
    """
    if task.state in ENDED:
        return
    if not permissions.qualifies(caller, permissions.of_work(caller), task):
        raise permissions.forbidden("complete" if complete else "update", task)
    form = form_of(task)
    schema = None if form is None else await forms.schema(*form)
    if schema is not None:
        # What is saved must fit the form so far, what completes the task all of it.
        data = {**task.output, **output}
        await asyncio.to_thread(check_form_data, schema, data, complete=complete)


def saving(
    caller: Principal, key: int, output: dict[str, object], *, complete: bool
) -> FinishTask | SaveOutput:
    """The command that keeps it."""
    kind = FinishTask if complete else SaveOutput
    return kind(task_key=key, output=output, access=permissions.of_work(caller))
