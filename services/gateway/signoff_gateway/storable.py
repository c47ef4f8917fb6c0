"""JSON values that the store cannot keep: found at the door, so that they stop no partition."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

DEPTH_MAX: Final = 100
"""Levels of nesting."""
NUMBER_MAX: Final[int] = 10**300
"""The first whole number that is too large."""
_NUL: Final = "\x00"


def path_of_nul(value: object, path: str = "") -> str | None:
    """Where a text or a name holds the NUL character, in dots; None if none does."""
    if isinstance(value, str):
        return path if _NUL in value else None
    for name, inner in _members(value):
        if _NUL in name:
            return path
        inner_path = f"{path}.{name}" if path and name else path or name
        found = path_of_nul(inner, inner_path)
        if found is not None:
            return found
    return None


def is_storable(value: object, depth: int = DEPTH_MAX) -> bool:
    """Whether it is not nested too deep and all its numbers are in range."""
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return abs(value) < NUMBER_MAX
    if isinstance(value, float):
        return value - value == 0.0  # false for infinities and what is no number
    return depth >= 0 and all(is_storable(inner, depth - 1) for _, inner in _members(value))


def _members(value: object) -> Iterable[tuple[str, object]]:
    """Names and values of an object; of a list, values without a name."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).items()
    if isinstance(value, list | tuple):
        return (("", each) for each in cast("Sequence[object]", value))
    return ()
