"""What a dialect says of its routes, beyond what the routes themselves say."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from signoff_gateway.exchange import Route
from signoff_schemas.frozen import frozen

JSON = "application/json"


@frozen
class Content:
    """A body: a type that pydantic knows, or a JSON Schema with a title, and its media types."""

    type: Any
    media: tuple[str, ...] = (JSON,)


@frozen
class Parameter:
    """A query parameter."""

    name: str
    type: Any
    required: bool = False


@frozen
class Operation:
    """One endpoint."""

    tag: str
    summary: str
    answers: Mapping[int, Content | None]
    """Of success, by status; None: no body."""
    request: Content | None = None
    required: bool = True
    """Whether there must be a body."""
    query: Sequence[Parameter] = ()
    refusals: tuple[int, ...] = ()
    """Statuses beyond those that all routes of its kind have."""


@frozen
class Description:
    """One dialect.

    Args:
        name: What people call it.
        prefix: Of the names of its schemas.
        operations: By method and template, one for each route.
        path: Types of path parameters by name; text, if a name is not there.
        refusal: The body of errors.
        refusals: The same for those statuses that have a body of their own.
    """

    name: str
    prefix: str
    operations: Mapping[tuple[str, str], Operation]
    path: Mapping[str, Any]
    refusal: Content
    refusals: Mapping[int, Content] = field(default_factory=dict[int, Content])


class Described(Protocol):
    """A dialect that tells what it is."""

    routes: Sequence[Route]
    description: Description
