"""Bodies of the user task commands."""

from typing import Annotated

from signoff_gateway.dialects.camunda.validation import (
    Body,
    Int32,
    Int64,
    LongText,
    Text,
    Texts,
    enum_value,
)

EVENT_TYPES = ("creating", "assigning", "updating", "completing", "canceling")
EventType = Annotated[str, enum_value("eventType", EVENT_TYPES)]


class Changeset(Body):
    """What an update may change. Null keeps, an empty text or list clears."""

    assignee: Text | None = None
    """Not updatable here; the dialect ignores it."""
    due_date: Text | None = None
    follow_up_date: Text | None = None
    candidate_users: Texts | None = None
    candidate_groups: Texts | None = None
    priority: Int32 | None = None


class UpdateBody(Body):
    """PATCH of a task."""

    changeset: Changeset | None = None
    action: Text | None = None


class AssignmentBody(Body):
    """POST …/assignment."""

    assignee: Text | None = None
    allow_override: bool | None = None
    action: Text | None = None


class CompletionBody(Body):
    """POST …/completion."""

    variables: dict[str, object] | None = None
    action: Text | None = None


class VariablesBody(Body):
    """PUT of an element instance's variables."""

    variables: dict[str, object] | None = None
    local: bool | None = None
    operation_reference: Int64 | None = None


class ListenerBody(Body):
    """A listener of one task's own."""

    event_type: EventType
    type: Text
    retries: Int32 | None = None


class CreationBody(Body):
    """POST of a stand-alone task: an addition of ours to the dialect."""

    name: LongText | None = None
    assignee: Text | None = None
    candidate_users: Texts | None = None
    candidate_groups: Texts | None = None
    due_date: Text | None = None
    follow_up_date: Text | None = None
    priority: Int32 | None = None
    variables: dict[str, object] | None = None
    custom_headers: dict[LongText, LongText] | None = None
    listeners: list[ListenerBody] | None = None
    form_id: Text | None = None
    """The newest deployed form of this id."""
    external_form_reference: LongText | None = None
    tags: Texts | None = None
    tenant_id: Text | None = None
    business_id: Text | None = None
