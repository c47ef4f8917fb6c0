"""What a caller may read: searches leave out the rest, lookups refuse it (camunda.md 5.4)."""

from collections.abc import Mapping
from typing import Final

from signoff_gateway.dialects.camunda.answers import Forbidden
from signoff_gateway.identity.roles import keys_among
from signoff_gateway.reads import Entity, Reads, Within
from signoff_gateway.reads.rows import FormRow, ResourceRow, UserTaskRow, VariableRow
from signoff_schemas.frozen import frozen
from signoff_schemas.principal import ADMIN, ANY, Principal

PROCESS: Final = "PROCESS_DEFINITION"
TASK: Final = "USER_TASK"
LISTENER: Final = "GLOBAL_LISTENER"
JOB: Final = "JOB"
RESOURCE: Final = "RESOURCE"
_READ_TASK: Final = "READ_USER_TASK"
_READ_INSTANCE: Final = "READ_PROCESS_INSTANCE"
_READ_LISTENER: Final = "READ_TASK_LISTENER"
_READ: Final = "READ"
_REFUSED: Final = "Unauthorized to perform any of the operations: {operations}"
_OPERATIONS: Final[Mapping[str, str]] = {
    _READ_TASK: "'READ_USER_TASK' on 'PROCESS_DEFINITION' or 'READ' on 'USER_TASK'",
    _READ_INSTANCE: "'READ_PROCESS_INSTANCE' on 'PROCESS_DEFINITION'",
    _READ_LISTENER: "'READ_TASK_LISTENER' on 'GLOBAL_LISTENER'",
    _READ: "'READ' on 'RESOURCE'",
}


def readable(principal: Principal, entity: Entity) -> Within | None:
    """What a search gives to somebody; None: everything."""
    if ADMIN in principal.roles:
        return None
    if entity is Entity.GLOBAL_LISTENERS:
        return None if principal.is_granted(LISTENER, ANY, _READ_LISTENER) else Within(())
    of_task = entity is Entity.USER_TASKS
    processes = _targets(principal, PROCESS, _READ_TASK if of_task else _READ_INSTANCE)
    keys = _targets(principal, TASK, "READ") if of_task else set[str]()
    if ANY in processes or ANY in keys:
        return None
    return Within(tuple(sorted(processes)), keys_among(keys))


def may_work_on(principal: Principal, job_type: str) -> bool:
    """Whether jobs of a type go to somebody.

    Who may work on those of some processes only gets none: a poll is for all of them.
    """
    return principal.is_granted(PROCESS, ANY, "UPDATE_PROCESS_INSTANCE") or principal.is_granted(
        JOB, job_type, "UPDATE"
    )


def must_read_listeners(principal: Principal) -> None:
    """Raises: Forbidden."""
    if not principal.is_granted(LISTENER, ANY, _READ_LISTENER):
        raise _forbidden(_READ_LISTENER)


@frozen
class ReadingRights:
    """Says whether a row that was found may be shown.

    Args:
        reads: For the process of what names only its instance.
    """

    reads: Reads

    async def must_read(self, principal: Principal, row: object) -> None:
        """Raises: Forbidden, ReadsError."""
        if ADMIN in principal.roles or isinstance(row, FormRow):
            return
        if isinstance(row, UserTaskRow):
            may = principal.is_granted(TASK, str(row.key), "READ")
            if not may and not principal.is_granted(PROCESS, row.process_id, _READ_TASK):
                raise _forbidden(_READ_TASK)
            return
        if isinstance(row, ResourceRow):
            if not principal.is_granted(RESOURCE, row.name, _READ):
                raise _forbidden(_READ)
            return
        process_id = getattr(row, "process_id", "")
        if isinstance(row, VariableRow):
            instance = await self.reads.process_instance(
                row.process_instance_key, principal.tenants
            )
            process_id = "" if instance is None else instance.process_id
        if not principal.is_granted(PROCESS, process_id, _READ_INSTANCE):
            raise _forbidden(_READ_INSTANCE)


def _targets(principal: Principal, kind: str, verb: str) -> set[str]:
    return {each.target for each in principal.grants if each.kind == kind and verb in each.verbs}


def _forbidden(verb: str) -> Forbidden:
    return Forbidden(_REFUSED.format(operations=_OPERATIONS[verb]))
