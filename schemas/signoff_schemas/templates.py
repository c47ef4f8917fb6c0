"""Values with references: what a node is given, made from what its instance knows by then.

A template is JSON in which any text may hold references; dialects compile their own notation into
this. A reference that finds nothing is null; alone it keeps its type, within a text it is printed.
"""

from typing import Annotated, Literal

from pydantic import Field

from signoff_schemas.frozen import frozen
from signoff_schemas.model import Record


class Value(Record):
    """A literal."""

    type: Literal["value"] = "value"
    value: object


class Reference(Record):
    """The value at a path through the instance's variables: names, and numbers of items."""

    type: Literal["reference"] = "reference"
    path: tuple[str | int, ...]


class Text(Record):
    """Texts and references one after another."""

    type: Literal["text"] = "text"
    parts: "tuple[Template, ...]"


class Object(Record):
    """A JSON object whose members are templates."""

    type: Literal["object"] = "object"
    members: "dict[str, Template]"


class Items(Record):
    """A JSON array of templates."""

    type: Literal["items"] = "items"
    items: "tuple[Template, ...]"


Template = Annotated[Value | Reference | Text | Object | Items, Field(discriminator="type")]

for _each in (Text, Object, Items):
    _each.model_rebuild()


@frozen
class Frame:
    """How the nodes of a graph see the world, for graphs without scopes.

    With a frame, a node sees only its own inputs, and its result goes under its id:
    ``<node id>`` → {"input": …, "output": …}. What the instance as a whole knows is one variable:
    ``<name>`` → {"input": …, "variables": …, and its facts}.
    """

    name: str
    key: str = ""
    """Name of the fact that is the instance's key, UUID-shaped; empty: not given. Others alike."""
    process_id: str = ""
    version: str = ""
    business_id: str = ""
    started_by: str = ""
