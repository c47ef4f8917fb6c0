"""The ways to say no: a type, a code and its values. Dialects own the texts."""

from enum import StrEnum

from pydantic import Field

from signoff_schemas.model import Record


class RejectionType(StrEnum):
    """The kind of refusal, which decides the status of an answer."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    INVALID_STATE = "INVALID_STATE"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    CONFLICTING_REUSE = "CONFLICTING_REUSE"
    """An idempotency key came back with another body."""
    PROCESSING_ERROR = "PROCESSING_ERROR"


class Code(StrEnum):
    """Why, precisely. Behind each code: the names of its values."""

    TASK_NOT_FOUND = "task_not_found"  # verb, key
    TASK_IN_STATE = "task_in_state"  # verb, key, state
    TASK_FORBIDDEN = "task_forbidden"  # verb, key, target (what a grant would be on)
    TASK_TAKEN = "task_taken"  # verb, key, claimant
    TASK_NOT_TAKEN = "task_not_taken"  # verb, key
    TASK_UNASSIGNED = "task_unassigned"  # verb, key
    TASK_OF_OTHERS = "task_of_others"  # verb, key, assignee
    CLAIM_WITHOUT_ASSIGNEE = "claim_without_assignee"  # key
    CLAIM_ASSIGNED = "claim_assigned"  # key
    VARIABLES_TASK_IN_STATE = "variables_task_in_state"  # key, state
    SCOPE_NOT_FOUND = "scope_not_found"  # key
    TRANSITION_DENIED = "transition_denied"  # transition, key, reason
    TRANSITION_CANCELED = "transition_canceled"  # transition
    TRANSITION_WITHDRAWN = "transition_withdrawn"  # transition, key
    PROCESS_NOT_FOUND = "process_not_found"  # key
    DEFINITION_NOT_FOUND = "definition_not_found"  # process_id | key, version
    DEFINITION_EXISTS = "definition_exists"  # process_id, version
    DOCUMENT_EXISTS = "document_exists"  # kind, id, version
    DOCUMENT_CHANGED = "document_changed"  # kind, id
    DOCUMENT_NOT_FOUND = "document_not_found"  # kind, id, version?
    FORM_NOT_FOUND = "form_not_found"  # form_id
    JOB_NOT_FOUND = "job_not_found"  # verb, key
    JOB_IN_STATE = "job_in_state"  # verb, key, state
    JOB_LEASE_MISMATCH = "job_lease_mismatch"  # key
    JOB_LISTENER_VARIABLES = "job_listener_variables"  # key, type, process
    JOB_DENIAL_UNSUPPORTED = "job_denial_unsupported"  # event, key, type, process
    JOB_DENIED_WITH_CORRECTIONS = "job_denied_with_corrections"  # key, type, process
    JOB_ASSIGNEE_MODELLED = "job_assignee_modelled"  # key, type, process
    JOB_UNKNOWN_CORRECTION = "job_unknown_correction"  # property, key, type, process
    JOB_INVALID_CORRECTION = "job_invalid_correction"  # property, value
    JOB_LISTENER_ERROR = "job_listener_error"  # key, type, process
    JOB_UPDATE_INVALID = "job_update_invalid"  # key, retries?, timeout?  (those that failed)
    INCIDENT_NOT_FOUND = "incident_not_found"  # key
    INCIDENT_JOB_WITHOUT_RETRIES = "incident_job_without_retries"  # key, job
    LISTENER_EXISTS = "listener_exists"  # id
    LISTENER_NOT_FOUND = "listener_not_found"  # id
    COMMAND_EXPIRED = "command_expired"  # issued_at
    COMMAND_REUSED = "command_reused"  # id
    COMMAND_WITHDRAWN = "command_withdrawn"  # id
    TOO_MANY_WAITERS = "too_many_waiters"  # id
    LISTENER_WAITS_EXHAUSTED = "listener_waits_exhausted"  # type
    VALUE_UNSTORABLE = "value_unstorable"  # field
    TENANT_FORBIDDEN = "tenant_forbidden"  # operation, tenant
    FORBIDDEN = "forbidden"  # operation, resource, target (what a grant would be on)
    COMMAND_FAILED = "command_failed"  # error


class Rejection(Record):
    """A refusal: recorded under the command's id, so that a repeated command is refused alike."""

    type: RejectionType
    code: Code
    intent: str = ""
    """The verb of the refused command, in capitals: ASSIGN, CLAIM, COMPLETE, THROW_ERROR …"""
    values: dict[str, str] = Field(default_factory=dict[str, str])
