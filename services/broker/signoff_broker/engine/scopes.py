"""Variables by scope: what is visible at the token, and where a value belongs.

An instance has two scopes: its own, and that of the element at which its token is. In a graph with
a frame the element sees nothing but its own. What a person has saved of a task's output is a scope
beside these, that nothing but the task's end looks into.
"""

from collections.abc import Mapping

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.state import Instance
from signoff_schemas.process_events import VariableSet


def visible(instance: Instance) -> dict[str, object]:
    """Every variable that is seen at the token; the element's own shadow those of the instance."""
    process = instance.process
    own = values_of(instance, process.element_instance_key)
    if process.entered_at is not None:
        return own
    return values_of(instance, process.key) | own


def world_of(instance: Instance) -> dict[str, object]:
    """Every variable of the instance itself: what templates refer to."""
    return values_of(instance, instance.process.key)


def values_of(instance: Instance, scope_key: int) -> dict[str, object]:
    """The variables of one scope."""
    scope = instance.variables.get(scope_key, {})
    return {name: variable.value for name, variable in scope.items()}


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
