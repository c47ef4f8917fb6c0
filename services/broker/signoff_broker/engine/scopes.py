"""Variables by scope: what is visible at the token, and where a value belongs.

An instance has two scopes at most: its own, and that of the element at which its token is.
"""

from collections.abc import Mapping

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.state import Instance
from signoff_schemas.process_events import VariableSet


def visible(instance: Instance) -> dict[str, object]:
    """Every variable that is seen at the token; the element's own shadow those of the instance."""
    values: dict[str, object] = {}
    for key in (instance.process.key, instance.process.element_instance_key):
        for name, variable in instance.variables.get(key, {}).items():
            values[name] = variable.value
    return values


def set_local(draft: Draft, scope_key: int, variables: Mapping[str, object]) -> None:
    """Set variables of this scope; a value that is there already is no change."""
    for name, value in variables.items():
        there = draft.open.variables.get(scope_key, {}).get(name)
        if there is not None and same(there.value, value):
            continue
        draft.emit(
            VariableSet(
                process_instance_key=draft.open.process.key,
                scope_key=scope_key,
                variable_key=draft.new_key() if there is None else there.key,
                name=name,
                value=value,
                created=there is None,
            )
        )


def merge(
    draft: Draft,
    scope_key: int,
    variables: Mapping[str, object],
    local: bool,  # noqa: FBT001
) -> None:
    """Set variables as asked: in this scope only, or wherever their names belong."""
    if local:
        set_local(draft, scope_key, variables)
    else:
        propagate(draft, scope_key, variables)


def propagate(draft: Draft, scope_key: int, variables: Mapping[str, object]) -> None:
    """Set each variable where its name is known from this scope upward, else at the instance."""
    own = draft.open.variables.get(scope_key, {})
    for name, value in variables.items():
        target = scope_key if name in own else draft.open.process.key
        set_local(draft, target, {name: value})


def same(one: object, other: object) -> bool:
    """Whether two JSON values are the same text: ``1``, ``1.0`` and ``true`` are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            same(value, other[name])  # pyright: ignore[reportUnknownArgumentType]
            for name, value in one.items()  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))  # pyright: ignore[reportUnknownArgumentType]
    return one == other
