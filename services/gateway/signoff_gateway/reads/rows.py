"""Rows as the read views give them: field by field, so that a row's fields are its columns.

Instants are epoch milliseconds; None means that there is no value.
"""

from collections.abc import Mapping

from signoff_schemas.frozen import frozen
from signoff_schemas.values import TaskSnapshot


@frozen
class UserTaskRow:
    """A user task with the attributes that are in effect."""

    key: int
    state: str
    name: str | None
    element_id: str
    element_instance_key: int
    assignee: str | None
    claimant: str | None
    candidate_groups: list[str]
    candidate_users: list[str]
    priority: int
    definition_key: int
    process_id: str
    process_version: int
    process_name: str | None
    process_instance_key: int
    tenant: str
    created_at: int
    completed_at: int | None
    due_at: int | None
    follow_up_at: int | None
    form_key: int | None
    form_external: str | None
    headers: Mapping[str, str]
    tags: list[str]
    business_id: str | None


@frozen
class JobRow:
    """A job; ``mark`` is the last thing that happened to it."""

    key: int
    job_type: str
    kind: str
    listener_event: str
    """Empty for what is no listener."""
    mark: str
    retries: int
    worker: str
    deadline: int | None
    denied: bool | None
    """None unless a listener has answered."""
    denied_reason: str | None
    error_code: str | None
    error_message: str | None
    failed_with_retries_left: bool
    headers: Mapping[str, str]
    snapshot: TaskSnapshot | None
    """The task as a listener is shown it."""
    element_id: str
    element_instance_key: int
    definition_key: int
    process_id: str
    process_instance_key: int
    tenant: str
    created_at: int
    ended_at: int | None
    updated_at: int
    priority: int


@frozen
class IncidentRow:
    """An incident."""

    key: int
    error_type: str
    message: str
    state: str
    created_at: int
    element_id: str
    element_instance_key: int
    job_key: int | None
    task_key: int | None
    definition_key: int
    process_id: str
    process_instance_key: int
    tenant: str


@frozen
class VariableRow:
    """A variable; ``value`` is compact JSON, or the beginning of it in a search for previews."""

    key: int
    name: str
    value: str
    is_long: bool
    """Whether a preview does not hold all of the value."""
    scope_key: int
    process_instance_key: int
    tenant: str


@frozen
class ProcessInstanceRow:
    """A process instance."""

    key: int
    state: str
    definition_key: int
    process_id: str
    process_version: int
    process_name: str | None
    tenant: str
    tags: list[str]
    business_id: str | None
    started_at: int
    ended_at: int | None
    element_id: str | None
    """Where it is; None between elements and at the end."""
    has_incident: bool
    ending: str = ""
    """How it ended, in whichever way; empty while it goes on."""
    started_by: str = ""


@frozen
class ResourceRow:
    """A deployed file that is only kept; ``content`` is all of it, verbatim."""

    key: int
    name: str
    version: int
    tenant: str
    content: str


@frozen
class FormRow:
    """A deployed form; ``content`` is its file, verbatim."""

    key: int
    form_id: str
    version: int
    tenant: str
    content: str
