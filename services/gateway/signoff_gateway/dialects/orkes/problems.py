"""The engine's refusals in this dialect's words and status codes."""

from collections.abc import Mapping
from typing import Final

from signoff_schemas.ids import uuid_of
from signoff_schemas.rejections import Code, Rejection, RejectionType

_STATUS: Final[Mapping[RejectionType, int]] = {
    RejectionType.INVALID_ARGUMENT: 400,
    RejectionType.UNAUTHORIZED: 401,
    RejectionType.FORBIDDEN: 403,
    RejectionType.ALREADY_EXISTS: 409,
    RejectionType.INVALID_STATE: 400,
    RejectionType.CONFLICTING_REUSE: 422,
    RejectionType.PROCESSING_ERROR: 500,
    RejectionType.RESOURCE_EXHAUSTED: 503,
    RejectionType.UNAVAILABLE: 503,
}
_CONFLICTS: Final = frozenset(
    {
        Code.TRANSITION_DENIED,
        Code.TRANSITION_CANCELED,
        Code.TRANSITION_WITHDRAWN,
        Code.COMMAND_WITHDRAWN,
        Code.DEFINITION_EXISTS,
        Code.DOCUMENT_CHANGED,
    }
)
"""What was right to ask, and came to nothing by somebody else's decision: 409."""
_NO_JOB: Final = "No such task found by id: {key}"

_TEXTS: Final[Mapping[Code, str]] = {
    Code.TASK_NOT_FOUND: "No open human task found by id: {key}",
    Code.TASK_IN_STATE: (
        "Human task {key} is being changed by another request (it is {state}), try again"
    ),
    Code.TASK_FORBIDDEN: "You don't have permissions to {verb} task: {target}",
    Code.TASK_TAKEN: (
        "Human task {key} is already claimed by {claimant}, it must be released first"
    ),
    Code.TASK_NOT_TAKEN: "Human task {key} is not claimed",
    Code.TASK_UNASSIGNED: "Human task {key} has no assignee to be skipped",
    Code.TASK_OF_OTHERS: (
        "Human task {key} is assigned to {assignee}, claim it with overrideAssignment=true"
    ),
    Code.CLAIM_WITHOUT_ASSIGNEE: "Human task {key} cannot be claimed for nobody",
    Code.CLAIM_ASSIGNED: "Human task {key} is assigned to somebody else",
    Code.VARIABLES_TASK_IN_STATE: (
        "The variables of human task {key} are being changed by another request (it is {state})"
    ),
    Code.SCOPE_NOT_FOUND: "Nothing found that has variables by id: {key}",
    Code.TRANSITION_DENIED: (
        "The {transition} of human task {key} was denied by a task listener. Reason: {reason}"
    ),
    Code.TRANSITION_CANCELED: "The human task was cancelled before the {transition} took effect",
    Code.TRANSITION_WITHDRAWN: (
        "The {transition} of human task {key} was withdrawn before it took effect"
    ),
    Code.PROCESS_NOT_FOUND: "No such running workflow found by id: {key}",
    Code.DEFINITION_NOT_FOUND: "No such workflow definition found: {definition}",
    Code.DEFINITION_EXISTS: (
        "Workflow with name: {process_id} and version: {version} already exists"
    ),
    Code.DOCUMENT_EXISTS: "{kind} with name: {id} already exists",
    Code.DOCUMENT_CHANGED: "The {kind} {id} was changed by another request, try again",
    Code.DOCUMENT_NOT_FOUND: "No such {kind} found by name: {id}",
    Code.FORM_NOT_FOUND: "No such deployed form found by id: {form_id}",
    Code.JOB_NOT_FOUND: _NO_JOB,
    Code.JOB_IN_STATE: "Task {key} can no longer be updated, it is {state}",
    Code.JOB_LEASE_MISMATCH: "Task {key} is held by another worker by now",
    Code.JOB_LISTENER_VARIABLES: "The job {key} of a task listener takes no output",
    Code.JOB_DENIAL_UNSUPPORTED: "The job {key} of a task listener cannot deny '{event}'",
    Code.JOB_DENIED_WITH_CORRECTIONS: (
        "The job {key} of a task listener cannot both deny and correct"
    ),
    Code.JOB_ASSIGNEE_MODELLED: (
        "The job {key} of a task listener cannot correct an assignee that the model names"
    ),
    Code.JOB_UNKNOWN_CORRECTION: (
        "The job {key} of a task listener cannot correct '{property}', it is not known"
    ),
    Code.JOB_INVALID_CORRECTION: "The value '{value}' of '{property}' is not valid",
    Code.JOB_LISTENER_ERROR: "The job {key} of a task listener cannot throw an error",
    Code.JOB_UPDATE_INVALID: "The retries or the timeout of task {key} are not valid",
    Code.INCIDENT_NOT_FOUND: "No such incident found by id: {key}",
    Code.INCIDENT_JOB_WITHOUT_RETRIES: "Task {job} has no retries left",
    Code.LISTENER_EXISTS: "A task listener with id {id} already exists",
    Code.LISTENER_NOT_FOUND: "No such task listener found by id: {id}",
    Code.COMMAND_EXPIRED: "The request is older than 23 hours",
    Code.COMMAND_REUSED: "Another request was made under the same Idempotency-Key",
    Code.COMMAND_WITHDRAWN: "The request {id} was withdrawn before it was applied",
    Code.TOO_MANY_WAITERS: "Too many requests wait for the outcome of {id}",
    Code.LISTENER_WAITS_EXHAUSTED: (
        "Too many requests wait for the task listener '{type}'. Nothing was done."
    ),
    Code.VALUE_UNSTORABLE: "The value of '{field}' cannot be stored",
    Code.TENANT_FORBIDDEN: "You don't have permissions in this tenant",
    Code.FORBIDDEN: (
        "You don't have permissions to do this: it takes {operation} on {resource} {target}"
    ),
    Code.COMMAND_FAILED: "An unexpected error occurred: {error}",
}
_NAMED_BY_KEY: Final = ("key", "job")
_KINDS: Final[Mapping[str, str]] = {
    "form_template": "user form",
    "task_rule": "task definition",
    "application": "application",
}
"""What clients call the kinds of documents; others by their own name."""


def rejection_status(rejection: Rejection, *, missing: int = 404) -> int:
    """The status of an answer; ``missing`` if what the command is about is not there."""
    if rejection.type is RejectionType.NOT_FOUND:
        return missing
    return 409 if rejection.code in _CONFLICTS else _STATUS[rejection.type]


def rejection_message(rejection: Rejection) -> str:
    """What the caller is told; ids as this dialect writes them."""
    values = dict(rejection.values)
    for name in _NAMED_BY_KEY:
        if values.get(name, "").lstrip("-").isdigit():
            values[name] = uuid_of(int(values[name]))
    match rejection.code:
        case Code.DEFINITION_NOT_FOUND:
            values["definition"] = _definition(values)
        case Code.DOCUMENT_NOT_FOUND | Code.DOCUMENT_EXISTS | Code.DOCUMENT_CHANGED:
            values["kind"] = _KINDS.get(values["kind"], values["kind"])
        case Code.TRANSITION_DENIED if not values["reason"]:
            values["reason"] = "none given"
        case _:
            pass
    return _TEXTS[rejection.code].format_map(values)


def _definition(values: Mapping[str, str]) -> str:
    if "key" in values:
        return values["key"]
    version = values.get("version", "-1")
    return values["process_id"] if version == "-1" else f"{values['process_id']}:{version}"
