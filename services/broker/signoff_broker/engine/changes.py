"""Attributes compared and changed by name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from signoff_schemas.limits import NAME_MAX, is_date_time, unstorable_names, unstorable_text
from signoff_schemas.values import ATTRIBUTE_NAMES, VARIABLES, Attributes, Changes, Variables

_TEXTS: Final = ("assignee", "due_date", "follow_up_date")
_DATES: Final = ("due_date", "follow_up_date")
_LISTS: Final = ("candidate_groups", "candidate_users")
PRIORITY_MAX: Final = 100


def applied(attributes: Attributes, changes: Mapping[str, object]) -> Attributes:
    """The attributes with the named ones replaced; ``offence`` must have found none."""
    if not changes:
        return attributes
    values: dict[str, Any] = dict(changes)
    for name in _LISTS:
        if name in values:
            values[name] = tuple(values[name])
    return replace(attributes, **values)


def differing(asked: Attributes, held: Attributes) -> tuple[str, ...]:
    """Names of the attributes that differ, sorted."""
    if asked is held:
        return ()
    return tuple(name for name in ATTRIBUTE_NAMES if getattr(asked, name) != getattr(held, name))


def really_changed(
    changes: Mapping[str, object], asked: Attributes, held: Attributes
) -> tuple[str, ...]:
    """Those names of ``changes`` whose value differs, in the order in which they were named."""
    return tuple(name for name in changes if getattr(asked, name) != getattr(held, name))


def changed_so_far(asked: Attributes, variables: Variables, held: Attributes) -> tuple[str, ...]:
    """What listeners after the first, and the final event, are told: all that differs, sorted."""
    names = differing(asked, held)
    return (*names, VARIABLES) if variables else names


def named(changes: Changes) -> Changes:
    """Only what was really named: ``None`` leaves an attribute alone."""
    return {name: value for name, value in changes.items() if value is not None}


def unknown(changes: Mapping[str, object]) -> str | None:
    """The first name that is no attribute."""
    return next((name for name in changes if name not in ATTRIBUTE_NAMES), None)


def offence(changes: Mapping[str, object]) -> str | None:
    """The first attribute whose value is of the wrong kind, out of range or cannot be stored."""
    return next((name for name, value in changes.items() if not _fits(name, value)), None)


def _fits(name: str, value: object) -> bool:
    if name in _DATES:
        return isinstance(value, str) and (value == "" or is_date_time(value))
    if name in _TEXTS:
        return isinstance(value, str) and not unstorable_text(value, NAME_MAX)
    if name in _LISTS:
        return isinstance(value, list | tuple) and not unstorable_names(value)  # pyright: ignore[reportUnknownArgumentType] - any items
    return type(value) is int and 0 <= value <= PRIORITY_MAX
