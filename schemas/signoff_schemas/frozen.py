"""Values: dataclasses that nobody changes."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """A dataclass with slots, equal and hashed by value, whose fields are set once.

    For what is made at every command: only the type checkers hold that nobody changes it.
    ``frozen=True`` would ask at run time too, field by field, and a step makes dozens of values.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
