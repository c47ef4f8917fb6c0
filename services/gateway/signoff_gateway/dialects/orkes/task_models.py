"""Bodies of the human-task endpoints."""

from typing import Annotated, Any

from pydantic import Field

from signoff_gateway.dialects.orkes.people import USER_TYPES
from signoff_gateway.dialects.orkes.validation import (
    Body,
    Int32,
    Int64,
    Name,
    Names,
    RequiredName,
    enum_text,
    some,
)

UserType = Annotated[str, enum_text(*USER_TYPES)]
State = Annotated[
    str,
    enum_text("PENDING", "ASSIGNED", "IN_PROGRESS", "COMPLETED", "TIMED_OUT", "DELETED"),
]
SearchType = Annotated[str | None, enum_text("ADMIN", "INBOX", None, "")]


class PersonBody(Body):
    """A user or a group."""

    user_type: UserType
    user: RequiredName


class AssignmentBody(Body):
    """One link of a chain; without minutes, or with 0, the last that it comes to."""

    assignee: PersonBody
    sla_minutes: Annotated[Int64 | None, Field(ge=0)] = None


class UserFilter(Body):
    """Matches users; ``*`` stands for anything."""

    user_type: UserType | None = None
    user: Name | None = None


UserFilters = Annotated[list[UserFilter], Field(max_length=100), some(UserFilter)]


class SearchBody(Body):
    """A search. What is empty does not filter."""

    search_type: SearchType = None
    start: Annotated[Int32 | None, Field(ge=0)] = None
    size: Annotated[Int32 | None, Field(ge=0)] = None
    states: Annotated[list[State], some(State)] = Field(default_factory=list)
    assignees: UserFilters = Field(default_factory=list)
    claimants: UserFilters = Field(default_factory=list)
    definition_names: Names = Field(default_factory=list)
    display_names: Names = Field(default_factory=list)
    task_ref_names: Names = Field(default_factory=list)
    workflow_names: Names = Field(default_factory=list)
    workflow_ids: Names = Field(default_factory=list)
    task_input_query: str | None = None
    task_output_query: str | None = None
    full_text_query: str | None = None
    update_start_time: Int64 | None = None
    update_end_time: Int64 | None = None


class TagBody(Body):
    """A tag of a user form."""

    key: Annotated[str, Field(min_length=1, max_length=200)]
    value: Annotated[str, Field(max_length=500)] | None = None


class TemplateBody(Body):
    """A user form to be saved. What the server knows better is ignored."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Annotated[Int32 | None, Field(ge=0)] = None
    """0 and None: none is asked for."""
    json_schema: dict[str, Any]
    template_ui: Annotated[dict[str, Any], Field(alias="templateUI")]
    owner_app: Name | None = None
    tags: Annotated[list[TagBody], Field(max_length=100), some(TagBody)] = Field(
        default_factory=list
    )
