"""What the engine would say to a command on a key that no partition can have made."""

from collections.abc import Mapping
from typing import Final

from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    CompleteTask,
    ResolveIncident,
    SetVariables,
    UpdateJob,
    UpdateTask,
)
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError

_DESCRIBED: Final[Mapping[type, tuple[str, str, Code]]] = {
    AssignTask: ("assign", "task_key", Code.TASK_NOT_FOUND),
    ClaimTask: ("claim", "task_key", Code.TASK_NOT_FOUND),
    UpdateTask: ("update", "task_key", Code.TASK_NOT_FOUND),
    CompleteTask: ("complete", "task_key", Code.TASK_NOT_FOUND),
    SetVariables: ("update", "scope_key", Code.SCOPE_NOT_FOUND),
    CancelProcess: ("cancel", "process_instance_key", Code.PROCESS_NOT_FOUND),
    UpdateJob: ("update", "job_key", Code.JOB_NOT_FOUND),
    CompleteJob: ("complete", "job_key", Code.JOB_NOT_FOUND),
    FailJob: ("fail", "job_key", Code.JOB_NOT_FOUND),
    ThrowJobError: ("throw_error", "job_key", Code.JOB_NOT_FOUND),
    ResolveIncident: ("resolve", "incident_key", Code.INCIDENT_NOT_FOUND),
}


def unknown_key(command: object) -> Rejection:
    """The rejection of a command whose entity does not exist."""
    verb, field, code = _DESCRIBED[type(command)]
    return Rejection(
        type=RejectionType.NOT_FOUND,
        code=code,
        intent=verb.upper(),
        values={"verb": verb, "key": str(getattr(command, field))},
    )
