"""Templates evaluated: JSON with references, filled from what an instance knows by then.

Whatever a definition says, it takes a bounded number of steps and gives a value of bounded size: a
``Budget`` is spent by every part of a template and by every part of a value that it refers to. The
same large value referred to many times is paid for each time, as it will be when it is stored.
"""

import json
from collections.abc import Mapping
from typing import Final, assert_never, cast

from signoff_broker.engine.budget import Budget, TemplateError
from signoff_schemas.limits import DEPTH_MAX
from signoff_schemas.templates import Items, Object, Reference, Template, Text, Value

_PART: Final = 4
"""What a value costs besides its texts: as ``limits.unstorable`` counts it."""
_TOO_DEEP: Final = f"There is a nesting of more than {DEPTH_MAX} levels."


def evaluate(
    template: Template, variables: Mapping[str, object], budget: Budget | None = None
) -> object:
    """The value that a template makes.

    A reference that finds nothing is null; within a text it is printed, null as nothing. Values
    that are referred to are not copied: nobody may change the result in place. What is made of
    storable parts is storable: neither too large nor nested too deep.
    Raises: TemplateError.
    """
    return _evaluated(template, variables, budget or Budget(), DEPTH_MAX + 1)


def printed(value: object) -> str:
    """A value within a text: texts as they are, null as nothing, all else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _evaluated(
    template: Template, variables: Mapping[str, object], budget: Budget, depth: int
) -> object:
    match template:
        case Value():
            return _paid(template.value, budget, depth)
        case Reference():
            return _paid(_found(variables, template.path), budget, depth)
        case _:
            budget.spend(_PART)
    if depth <= 0:
        raise TemplateError(_TOO_DEEP)
    match template:
        case Text():
            parts = [_evaluated(part, variables, budget, depth - 1) for part in template.parts]
            text = "".join(map(printed, parts))
            budget.spend(len(text))  # quoting what is quoted doubles it, level by level
            return text
        case Object():
            budget.spend(sum(map(len, template.members)))
            return {
                name: _evaluated(member, variables, budget, depth - 1)
                for name, member in template.members.items()
            }
        case Items():
            return [_evaluated(item, variables, budget, depth - 1) for item in template.items]
        case _:
            assert_never(template)


def _found(variables: Mapping[str, object], path: tuple[str | int, ...]) -> object:
    """What is at the end of a path; None if it leads nowhere."""
    value: object = variables
    for name in path:
        if isinstance(value, Mapping) and isinstance(name, str):
            value = cast("dict[str, object]", value).get(name)
        elif isinstance(value, list | tuple) and isinstance(name, int):
            items = cast("list[object]", value)
            value = items[name] if 0 <= name < len(items) else None
        else:
            return None
    return value


def _paid(value: object, budget: Budget, depth: int) -> object:
    """The value, once its size is spent, level by level, and it is nested no deeper than this."""
    level: list[object] = [value]
    for _ in range(depth):
        texts = sum(len(each) for each in level if isinstance(each, str))
        budget.spend(_PART * len(level) + texts)
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                below += cast("dict[str, object]", each).keys()
                below += cast("dict[str, object]", each).values()
            elif isinstance(each, list | tuple):
                below += cast("list[object]", each)
        if not below:
            return value
        level = below
    raise TemplateError(_TOO_DEEP)
