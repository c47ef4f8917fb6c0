"""Every record type that is on the log or stored, and values of any, from the types alone."""

from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from pydantic import BaseModel

from signoff_schemas.codec import EventBatch, JobBatch, ReplyBatch
from signoff_schemas.commands import Command
from signoff_schemas.envelope import Entry
from signoff_schemas.events import Event
from signoff_schemas.jobs import JobMessage
from signoff_schemas.replies import Outcome, ReplyMessage
from signoff_schemas.results import WorkerResult
from signoff_schemas.templates import Items, Object, Reference, Text, Value

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBER = st.integers(-(2**63), 2**63 - 1)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBER | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def members(union: Any) -> tuple[type[BaseModel], ...]:
    """The record types of a union, however deep it is nested."""
    if get_origin(union) is Annotated:
        return members(get_args(union)[0])
    if get_origin(union) in {Union, UnionType}:
        return tuple(one for part in get_args(union) for one in members(part))
    return (union,)


BODIES = (*members(Command), *members(WorkerResult))
EVENTS = members(Event)
REPLIES = members(ReplyMessage)
JOBS = members(JobMessage)
WHOLE = (Entry, ReplyBatch, JobBatch, EventBatch, Outcome)


def name_of(record: type[BaseModel]) -> str:
    """The wire name, or for what has none the name of the type."""
    field = record.model_fields.get("type")
    return field.default if field is not None and field.default else record.__name__


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type."""
    origin, parameters = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return any_of(parameters[0])
    if origin in {Union, UnionType}:
        return TEMPLATES if Text in parameters else st.one_of(*map(any_of, parameters))
    if origin is Literal:
        return st.sampled_from(parameters)
    if origin is tuple:
        return st.lists(any_of(parameters[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXT, any_of(parameters[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if kind is Object:
        return st.builds(Object, members=st.dictionaries(TEXT, TEMPLATES, max_size=2))
    if structure := _structure(kind):
        return st.builds(kind, **{name: any_of(part) for name, part in structure.items()})
    return {int: NUMBER, str: TEXT, bool: st.booleans(), object: JSON, NoneType: st.none()}[kind]


def _templates() -> st.SearchStrategy[Any]:
    """Templates are made of templates."""
    leaves = st.builds(Value, value=JSON) | st.builds(
        Reference, path=st.lists(TEXT | NUMBER, max_size=3).map(tuple)
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(Text, parts=st.lists(inner, max_size=2).map(tuple))
            | st.builds(Items, items=st.lists(inner, max_size=2).map(tuple))
            | st.builds(Object, members=st.dictionaries(TEXT, inner, max_size=2))
        ),
        max_leaves=4,
    )


TEMPLATES = _templates()


def example_of(kind: Any, name: str = "") -> Any:
    """One value of a type, the same every time, with nothing left out."""
    origin, parameters = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return example_of(parameters[0], name)
    if origin in {Union, UnionType}:
        return example_of(parameters[0], name)
    if origin is Literal:
        return parameters[0]
    if origin is tuple:
        return (example_of(parameters[0], name),)
    if origin is dict:
        return {"a": example_of(parameters[1], name)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if structure := _structure(kind):
        return kind(**{each: example_of(part, each) for each, part in structure.items()})
    values = {int: 7, str: name, bool: True, object: [1, 2.5, "ü", None, {"b": False}]}
    return values[kind]


def _structure(kind: Any) -> dict[str, Any]:
    if is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        return {field.name: hints[field.name] for field in fields(kind)}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return {}
