"""What can be stored: checked where something comes in, at the gateway's edge and in the engine.

Each function names the offence in words for a caller's error message, or gives None.
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple, cast

NAME_MAX: Final = 500
"""Characters of whatever may be searched for: an index row of PostgreSQL holds 2,700 bytes."""
IDS_MAX: Final = 600
"""Characters of all ids of an envelope together."""
TEXT_MAX: Final = 10_000
"""Characters of free text."""
ITEMS_MAX: Final = 10_000
"""Entries of a list of names: candidates, tags."""
DEPTH_MAX: Final = 100
"""How deep JSON may be nested."""
VARIABLES_MAX: Final = 1_000
"""Names that one command may set."""
VARIABLES_BYTES_MAX: Final = 4 * 1024 * 1024
"""Size of one command's variables as JSON, roughly."""
NODES_MAX: Final = 1_000
"""Nodes of a process: a token may pass all in one step."""
MILLISECONDS_MAX: Final = 100 * 366 * 24 * 3600 * 1000
"""A century: whoever waits longer means for ever."""
DESCENDANTS_MAX: Final = 2_000
"""Processes that may come of what somebody did, by triggers and the triggers of those."""
INT32_MAX: Final = (1 << 31) - 1
INT64_MAX: Final = (1 << 63) - 1
COUNT_MAX: Final = 1_000_000_000
"""Of versions and retries that somebody names: there is room to count on in 32 bits."""

_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)


class Offence(NamedTuple):
    """What cannot be stored: where it is (names in dots, indexes in brackets), and why."""

    path: str
    reason: str


def is_date_time(text: str) -> bool:
    """Whether a text is a date-time with an offset (RFC 3339; seconds may be missing)."""
    if _DATE_TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def unstorable_text(text: str, length_max: int = TEXT_MAX) -> str | None:
    """NUL, lone surrogates, or too long."""
    if len(text) > length_max:
        return f"a text of more than {length_max} characters"
    if "\0" in text:
        return "a NUL character"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "a lone surrogate"
    return None


def printable(text: str) -> str:
    """The beginning of a text that may be unstorable, for a message about it."""
    return text[:100].encode(errors="replace").decode().replace("\0", "?")


def unstorable_names(names: Sequence[object]) -> str | None:
    """A list of names: too many, or one that is none or cannot be stored."""
    if len(names) > ITEMS_MAX:
        return f"a list of more than {ITEMS_MAX} entries"
    for name in names:
        if not isinstance(name, str):
            return "an entry that is not a text"
        if offence := unstorable_text(name, NAME_MAX):
            return offence
    return None


def unstorable_variables(variables: dict[str, object]) -> str | None:
    """A document of variables: too many names, a name too long, or values that cannot be stored."""
    if not variables:
        return None
    if len(variables) > VARIABLES_MAX:
        return f"more than {VARIABLES_MAX} variables"
    if any(len(name) > NAME_MAX for name in variables):
        return f"a variable name of more than {NAME_MAX} characters"
    return unstorable(variables)


def offence_in(variables: dict[str, object]) -> Offence | None:
    """As ``unstorable_variables``, with the value's path; empty for the document as a whole."""
    reason = unstorable_variables(variables)
    if reason is None:
        return None
    return first_offence(variables) or Offence("", reason)


def first_offence(value: object, path: str = "") -> Offence | None:
    """The first text, number or nesting within a JSON value that cannot be stored."""
    found = _first_offence(value, DEPTH_MAX)
    if found is None:
        return None
    names, reason = found
    for name in reversed(names):
        step = f"[{name}]" if isinstance(name, int) else printable(name)
        path += step if isinstance(name, int) or not path else f".{step}"
    return Offence(printable(path), reason)


def _first_offence(value: object, depth: int) -> tuple[list[str | int], str] | None:
    """The way to the offence, innermost first: nothing is copied on the way down."""
    if reason := _unstorable_scalar(value):
        return [], reason
    for name, inner in _members(value):
        if reason := _unstorable_scalar(name):
            return [], f"a name with {reason}"
        if depth == 0:
            return [], f"a nesting of more than {DEPTH_MAX} levels"
        if found := _first_offence(inner, depth - 1):
            found[0].append(name)
            return found
    return None


def _members(value: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).items()
    if isinstance(value, list | tuple):
        return enumerate(cast("Sequence[object]", value))
    return ()


def unstorable(value: object) -> str | None:
    """A JSON value: NUL, lone surrogates, numbers beyond 64 bit, NaN, infinities, depth, size."""
    size = 0
    level: list[object] = [value]
    for _ in range(DEPTH_MAX + 1):
        below: list[object] = []
        for each in level:
            if offence := _unstorable_scalar(each):
                return offence
            size += 4
            if isinstance(each, str):
                size += len(each) if each.isascii() else len(each.encode())
            elif isinstance(each, dict):
                below += each.keys()  # pyright: ignore[reportUnknownMemberType]
                below += each.values()  # pyright: ignore[reportUnknownMemberType]
            elif isinstance(each, list | tuple):
                below += each
        if size > VARIABLES_BYTES_MAX:
            return f"more than {VARIABLES_BYTES_MAX} bytes"
        if not below:
            return None
        level = below
    return f"a nesting of more than {DEPTH_MAX} levels"


def _unstorable_scalar(value: object) -> str | None:
    match value:
        case str():
            return unstorable_text(value, VARIABLES_BYTES_MAX)
        case int() if not -INT64_MAX - 1 <= value <= INT64_MAX:
            return "a number beyond 64 bit"
        case float() if not math.isfinite(value):
            return "a number that is not finite"
        case None | int() | float() | dict() | list() | tuple():
            return None
        case _:
            return "a value that is not JSON"
