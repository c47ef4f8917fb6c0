"""Refusals of the engine in this dialect's words: one text a code."""

from collections.abc import Mapping
from typing import Final

from signoff_gateway.dialects.camunda.names import ATTRIBUTE_LABELS
from signoff_schemas.rejections import Code, Rejection

_JOB: Final = "(job key '{key}', type '{type}', processInstanceKey '{process}')"
_DENIED: Final = (
    "{transition} of the User Task with key '{key}' was denied by Task Listener."
    " Reason to deny: '{reason}'"
)
_VARIABLES_DENIED: Final = (
    "Variable update for user task instance with key '{key}' was denied by Task Listener."
    " Reason to deny: '{reason}'"
)
_CANCELED: Final = "user task was canceled during ongoing transition"
_VARIABLES_CANCELED: Final = "user task was canceled during handling task variables update"
_DEFINITION_BY_KEY: Final = "Expected to find process definition with key '{key}', but none found"
_DEFINITION_BY_ID: Final = (
    "Expected to find process definition with process ID '{process_id}', but none found"
)
_DEFINITION_BY_VERSION: Final = (
    "Expected to find process definition with process ID '{process_id}' and version '{version}',"
    " but none found"
)
_RETRIES_INVALID: Final = (
    "Expected to update retries for job with key '{key}' with a positive amount of retries,"
    " but the amount given was '{retries}'"
)
_TIMEOUT_INVALID: Final = (
    "Expected to update the timeout of job with key '{key}', but it is not active"
)
_JOB_VERBS: Final = {"throw_error": "throw an error for"}
_OPERATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "cancel": ("CANCEL_PROCESS_INSTANCE", "PROCESS_DEFINITION"),
    "create_task": ("CREATE_PROCESS_INSTANCE", "PROCESS_DEFINITION"),
    "deploy": ("CREATE", "RESOURCE"),
    "set_variables": ("UPDATE_PROCESS_INSTANCE", "PROCESS_DEFINITION"),
    "start": ("CREATE_PROCESS_INSTANCE", "PROCESS_DEFINITION"),
}

_TEXTS: Final[Mapping[Code, str]] = {
    Code.TASK_NOT_FOUND: (
        "Expected to {verb} user task with key '{key}', but no such user task was found"
    ),
    Code.TASK_IN_STATE: (
        "Expected to {verb} user task with key '{key}', but it is in state '{state}'"
    ),
    Code.TASK_FORBIDDEN: (
        "Expected to {verb} user task with key '{key}', but the caller has no permission on"
        " '{target}'"
    ),
    Code.TASK_TAKEN: (
        "Expected to {verb} user task with key '{key}', but it is claimed by '{claimant}'"
    ),
    Code.TASK_NOT_TAKEN: (
        "Expected to {verb} user task with key '{key}', but nobody has claimed it"
    ),
    Code.TASK_UNASSIGNED: (
        "Expected to {verb} user task with key '{key}', but it is assigned to nobody"
    ),
    Code.TASK_OF_OTHERS: (
        "Expected to {verb} user task with key '{key}', but it is assigned to '{assignee}'"
    ),
    Code.CLAIM_WITHOUT_ASSIGNEE: (
        "Expected to claim user task with key '{key}', but provided assignee is empty"
    ),
    Code.CLAIM_ASSIGNED: (
        "Expected to claim user task with key '{key}', but it has already been assigned"
    ),
    Code.VARIABLES_TASK_IN_STATE: (
        "Expected to trigger update transition for user task with key '{key}',"
        " but it is in state '{state}'"
    ),
    Code.SCOPE_NOT_FOUND: (
        "Expected to update variables for element with key '{key}', but no such element was found"
    ),
    Code.TRANSITION_DENIED: _DENIED,
    Code.TRANSITION_CANCELED: _CANCELED,
    Code.TRANSITION_WITHDRAWN: (
        "{transition} of the User Task with key '{key}' was withdrawn before it took effect"
    ),
    Code.PROCESS_NOT_FOUND: (
        "Expected to cancel a process instance with key '{key}', but no such process was found"
    ),
    Code.DEFINITION_NOT_FOUND: _DEFINITION_BY_ID,
    Code.DEFINITION_EXISTS: (
        "Expected to deploy version '{version}' of process '{process_id}', but it exists already"
    ),
    Code.DOCUMENT_EXISTS: "Expected to create {kind} '{id}', but it exists already",
    Code.DOCUMENT_CHANGED: "Expected to change {kind} '{id}', but somebody else has changed it",
    Code.DOCUMENT_NOT_FOUND: "Expected to find {kind} '{id}', but there is none",
    Code.FORM_NOT_FOUND: "Expected to find form with form ID '{form_id}', but none found",
    Code.JOB_NOT_FOUND: "Expected to {verb} job with key '{key}', but no such job was found",
    Code.JOB_IN_STATE: "Expected to {verb} job with key '{key}', but it is in state '{state}'",
    Code.JOB_LEASE_MISMATCH: (
        "Expected to process job with key '{key}', but the supplied lease token does not match"
        " the lease token of the job"
    ),
    Code.JOB_LISTENER_VARIABLES: (
        "Task Listener job completion with variables payload provided is not yet supported"
        f" {_JOB}. Support will be enabled with the resolution of issue #23702.\n"
    ),
    Code.JOB_DENIAL_UNSUPPORTED: (
        f"Denying result is not supported for '{{event}}' task listener jobs {_JOB}. Only the"
        " following listener event types support denying: [ASSIGNING, COMPLETING, UPDATING].\n"
    ),
    Code.JOB_DENIED_WITH_CORRECTIONS: (
        "Expected to complete task listener job with corrections, but the job result is denied"
        f" {_JOB}. The corrections would be reverted by the denial. Either complete the job with"
        " corrections without setting denied, or complete the job with a denied result but no"
        " corrections.\n"
    ),
    Code.JOB_ASSIGNEE_MODELLED: (
        "Expected to complete task listener job, but correcting the assignee on 'CREATING' event"
        f" is not supported when the user task has an assignee defined in the model {_JOB}."
        " Use the 'CREATING' event to set an assignee only if it was not defined."
        " Use the 'ASSIGNING' event to correct an assignee that is already defined.\n"
    ),
    Code.JOB_UNKNOWN_CORRECTION: (
        "Expected to complete task listener job with a corrections result, but property"
        f" '{{property}}' cannot be corrected {_JOB}. Only the following properties can be"
        " corrected: [assignee, candidateGroupsList, candidateUsersList, dueDate, followUpDate,"
        " priority].\n"
    ),
    Code.JOB_INVALID_CORRECTION: (
        "Expected to complete task listener job with a corrections result, but the value"
        " '{value}' of property '{property}' is not valid"
    ),
    Code.JOB_LISTENER_ERROR: (
        "Cannot throw BPMN error from TASK_LISTENER job with key '{key}', type '{type}' and"
        " processInstanceKey '{process}'"
    ),
    Code.JOB_UPDATE_INVALID: _RETRIES_INVALID,
    Code.INCIDENT_NOT_FOUND: (
        "Expected to resolve incident with key '{key}', but no such incident was found"
    ),
    Code.INCIDENT_JOB_WITHOUT_RETRIES: (
        "Expected to resolve incident with key '{key}', but job with key '{job}' has no retries"
        " left. Please update the job retries and retry resolving the incident"
    ),
    Code.LISTENER_EXISTS: (
        "Expected a global USER_TASK listener with id '{id}' to not exist,"
        " but a listener with the same id was found"
    ),
    Code.LISTENER_NOT_FOUND: (
        "Expected a global USER_TASK listener with id '{id}' to exist, but it was not found"
    ),
    Code.COMMAND_EXPIRED: (
        "Expected to handle a command within 23 hours, but it was issued at '{issued_at}'"
    ),
    Code.COMMAND_REUSED: (
        "Expected the same request as before under the idempotency key of command '{id}',"
        " but it is another one"
    ),
    Code.COMMAND_WITHDRAWN: "Command '{id}' was withdrawn before it was applied",
    Code.TOO_MANY_WAITERS: (
        "Expected to wait for command '{id}', but too many requests wait for it already"
    ),
    Code.LISTENER_WAITS_EXHAUSTED: (
        "Expected to wait for a job of type '{type}', but too many requests wait for this type"
        " already"
    ),
    Code.VALUE_UNSTORABLE: "The value of '{field}' cannot be stored.",
    Code.TENANT_FORBIDDEN: (
        "Expected to perform operation '{operation}' on resource '{resource}' for tenant"
        " '{tenant}', but user is not assigned to this tenant"
    ),
    Code.FORBIDDEN: (
        "Insufficient permissions to perform operation '{operation}' on resource '{resource}',"
        " required resource identifiers are one of '[*, {target}]'"
    ),
    Code.COMMAND_FAILED: "Unexpected error occurred during the request processing: {error}",
}
"""The code's text; ``_reason`` picks another where one code has several."""


def rejection_detail(rejection: Rejection) -> str:
    """The detail of the problem document: the reason, under its command's verb if it has one."""
    reason = _reason(rejection)
    if not rejection.intent:
        return reason
    return f"Command '{rejection.intent}' rejected with code '{rejection.type}': {reason}"


def _reason(rejection: Rejection) -> str:
    values = rejection.values
    match rejection.code:
        case Code.DEFINITION_NOT_FOUND:
            return _definition_text(values).format_map(values)
        case Code.JOB_UPDATE_INVALID:
            return _job_update_text(values).format_map(values)
        case Code.TRANSITION_DENIED if values["transition"] == "variables":
            return _VARIABLES_DENIED.format_map(values)
        case Code.TRANSITION_DENIED | Code.TRANSITION_WITHDRAWN:
            label = values["transition"].replace("variables", "variable update").capitalize()
            values = {**values, "transition": label}
        case Code.TRANSITION_CANCELED if values["transition"] == "variables":
            return _VARIABLES_CANCELED
        case Code.JOB_NOT_FOUND | Code.JOB_IN_STATE:
            values = {**values, "verb": _JOB_VERBS.get(values["verb"], values["verb"])}
        case Code.JOB_UNKNOWN_CORRECTION | Code.JOB_INVALID_CORRECTION:
            label = ATTRIBUTE_LABELS.get(values["property"], values["property"])
            values = {**values, "property": label}
        case Code.TENANT_FORBIDDEN:
            operation, resource = _OPERATIONS[values["operation"]]
            values = {**values, "operation": operation, "resource": resource}
        case _:
            pass
    return _TEXTS[rejection.code].format_map(values)


def _definition_text(values: Mapping[str, str]) -> str:
    if "key" in values:
        return _DEFINITION_BY_KEY
    return _DEFINITION_BY_ID if values["version"] == "-1" else _DEFINITION_BY_VERSION


def _job_update_text(values: Mapping[str, str]) -> str:
    texts = {"retries": _RETRIES_INVALID, "timeout": _TIMEOUT_INVALID}
    return ", ".join(text for name, text in texts.items() if name in values)
