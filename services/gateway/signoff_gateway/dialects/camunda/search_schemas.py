"""JSON Schemas of search requests, made from the tables that they are read by."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from signoff_gateway.dialects.camunda.search import LIMIT_MAX, OFFSET_MEMBERS, PAGE_MEMBERS
from signoff_gateway.dialects.camunda.search_fields import (
    EnumField,
    EnumListField,
    FilterField,
    FlagField,
    InstantField,
    IntegerField,
    KeyField,
    TextsField,
    ValueField,
    VariablesField,
)
from signoff_gateway.dialects.camunda.search_tables import Searchable

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_INTEGER: Final[Schema] = {"type": "integer", "format": "int64"}
_KEY: Final[Schema] = {"anyOf": [{"type": "string", "pattern": "^-?[0-9]+$"}, _INTEGER]}
_INSTANT: Final[Schema] = {"type": "string", "format": "date-time"}
_CURSORS: Final = ("after", "before")
_ENUM_OPERATORS: Final = ("$eq", "$neq", "$in", "$like", "$exists")


def search_schema(title: str, what: Searchable) -> Schema:
    """The schema of a search request."""
    sort = {
        "field": {"enum": list(what.sorts)},
        "order": _or_null({"enum": ["ASC", "DESC"]}),
    }
    members = {
        "filter": _or_null(_filter(what)),
        "sort": _or_null(_list(_object(sort, required=("field",)))),
        "page": _or_null(_page(PAGE_MEMBERS if what.cursors else OFFSET_MEMBERS)),
    }
    return {"title": title, **_object(members)}


def _filter(what: Searchable) -> Schema:
    fields = {name: _or_null(_field(field)) for name, field in what.filters.items()}
    if what.alternatives:
        return _object({**fields, "$or": _or_null(_list(_object(fields)))})
    return _object(fields)


def _page(members: Iterable[str]) -> Schema:
    of: Mapping[str, Schema] = {
        "from": {"type": "integer", "minimum": 0},
        "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
        **dict.fromkeys(_CURSORS, _TEXT),
    }
    page = _object({name: _or_null(of[name]) for name in members})
    return {**page, "minProperties": 1}


def _field(field: FilterField) -> Schema:
    match field:
        case ValueField():
            value = _value(field)
            return value if field.plain else _operated(value, field.operators())
        case EnumField():
            negated = ("$notIn",) if field.negated_lists else ()
            return _operated(_enum(field.names), (*_ENUM_OPERATORS, *negated))
        case EnumListField():
            each = _enum((field.whole, *field.members))
            return _list(_operated(each, _ENUM_OPERATORS))
        case TextsField():
            return _list(_TEXT)
        case VariablesField():
            return _list({"type": "object"})
        case _:
            raise TypeError(field)


def _value(field: ValueField) -> Schema:
    match field:
        case KeyField():
            return _KEY
        case IntegerField():
            return _INTEGER
        case InstantField():
            return _INSTANT
        case FlagField():
            return _FLAG
        case _:
            return _TEXT


def _operated(value: Schema, operators: Iterable[str]) -> Schema:
    """A value, or an object of operators."""
    of: Mapping[str, Schema] = {
        "$exists": _FLAG,
        "$in": _list(value),
        "$notIn": _list(value),
        "$like": _TEXT,
    }
    by_operator = _object({name: _or_null(of.get(name, value)) for name in operators})
    return {"anyOf": [value, by_operator]}


def _enum(names: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(names)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(members: Mapping[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    schema: Schema = {"type": "object", "properties": members, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
