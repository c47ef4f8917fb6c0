"""Who may read and change definitions and user forms (orkes.md 4).

A definition is read by admins, by whoever has made it, and by holders of any grant on it, given to
themselves, to a group of theirs or with a role: READ is implied by UPDATE, DELETE and EXECUTE, and
by CREATE, since nobody can make definitions without seeing which there are. So a
``METADATA_MANAGER`` and a ``USER_READ_ONLY`` read all of them, a ``WORKFLOW_MANAGER`` all
workflows, an ``UNRESTRICTED_WORKER`` all task definitions, a ``USER`` what he has made. Lists leave
out the rest, a single one is refused; the form that a task uses is read by whoever sees the task.
How many tasks of a type wait for workers is told to readers of its definition and to its workers.
"""

from collections.abc import Sequence
from typing import Final

from signoff_gateway.dialects.orkes.answers import Forbidden
from signoff_gateway.identity.roles import FORM, JOB, RULE, TASK, WORKFLOW
from signoff_gateway.reads.work import DefinitionRow, DocumentRow
from signoff_schemas.principal import Principal

_READING: Final = ("READ", "CREATE", "UPDATE", "DELETE", "EXECUTE")


def may_read_workflow(caller: Principal, row: DefinitionRow) -> bool:
    """Whether somebody may read a workflow definition."""
    return row.deployed_by == caller.id or _is_granted(caller, WORKFLOW, row.process_id)


def may_read_task(caller: Principal, row: DocumentRow) -> bool:
    """Whether somebody may read a task definition."""
    return row.created_by == caller.id or _is_granted(caller, TASK, row.id)


def may_read_form(caller: Principal, row: DocumentRow) -> bool:
    """Whether somebody may read a version of a user form."""
    return row.created_by == caller.id or _is_granted(caller, FORM, row.id)


def must_read_workflow(caller: Principal, row: DefinitionRow) -> None:
    """Raises: Forbidden."""
    if not may_read_workflow(caller, row):
        raise _unreadable("workflow", row.process_id)


def must_read_task(caller: Principal, row: DocumentRow) -> None:
    """Raises: Forbidden."""
    if not may_read_task(caller, row):
        raise _unreadable("task", row.id)


def must_read_form(caller: Principal, row: DocumentRow) -> None:
    """Raises: Forbidden."""
    if not may_read_form(caller, row):
        raise _unreadable("user form", row.id)


def may_see_queue(caller: Principal, task_type: str) -> bool:
    """Whether somebody may know how many tasks of a type wait, whoever has defined it."""
    return may_work_on(caller, task_type) or _is_granted(caller, TASK, task_type)


def must_have_defined(caller: Principal, task_type: str, found: Sequence[DocumentRow]) -> None:
    """Whether somebody has made one of the definitions found of a type. Raises: Forbidden."""
    if all(row.created_by != caller.id for row in found):
        raise _unreadable("task", task_type)


def must_work_on(caller: Principal, task_type: str) -> None:
    """Whether somebody may have tasks of a type as a worker. Raises: Forbidden."""
    if not may_work_on(caller, task_type):
        raise Forbidden(f"You don't have permissions to execute task: {task_type}")


def may_work_on(caller: Principal, task_type: str) -> bool:
    """Whether somebody is a worker of a type."""
    return caller.is_granted(JOB, task_type, "UPDATE")


def must_change_form(caller: Principal, verb: str, form: str) -> None:
    """Whether somebody may change a user form. Raises: Forbidden."""
    if not caller.is_granted(FORM, form, verb):
        raise Forbidden(f"You don't have permissions to {verb.lower()} user form: {form}")


def must_change_task(caller: Principal, verbs: Sequence[str], name: str) -> None:
    """Whether somebody may change a task definition; who makes one is its owner.

    Who manages all definitions may, without a grant on people's tasks. Raises: Forbidden.
    """
    if not any(caller.is_granted(RULE, name, each) for each in verbs):
        raise Forbidden(f"You don't have permissions to manage task: {name}")


def _is_granted(caller: Principal, kind: str, name: str) -> bool:
    return any(caller.is_granted(kind, name, verb) for verb in _READING)


def _unreadable(what: str, name: str) -> Forbidden:
    return Forbidden(f"You don't have permissions to read {what}: {name[:100]}")
