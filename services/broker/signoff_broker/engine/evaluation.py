"""Walks the tree of one expression, counting its steps and noting what was odd."""

import math
from collections.abc import Mapping
from decimal import Context, Decimal
from itertools import islice
from typing import assert_never, cast

from signoff_schemas.expressions import (
    Arithmetic,
    Branch,
    Call,
    Comparison,
    Constant,
    Items,
    Logic,
    Negation,
    Node,
    Path,
    Variable,
)

STEPS_MAX = 100_000
"""Nodes visited, values compared, and kilobytes of text handled by one evaluation."""
DEPTH_MAX = 60
"""How deep values are compared."""
WARNINGS_MAX = 20
PRINTED_MAX = 200
"""Characters of a value in a warning."""
PRINTED_ITEMS_MAX = 20
PRINTED_DEPTH_MAX = 5

# decimal128, but within what a JSON number can hold; nothing is raised, results are looked at.
_DECIMALS = Context(prec=34, Emax=307, Emin=-306, traps=[])
_LONG = 1 << 63
_KINDS: dict[type[object], str] = {
    bool: "BOOLEAN",
    int: "NUMBER",
    float: "NUMBER",
    Decimal: "NUMBER",
    str: "STRING",
    list: "ARRAY",
    dict: "OBJECT",
}
_REFUSALS = {
    "+": "add '{right}' to '{left}'",
    "-": "subtract '{right}' from '{left}'",
    "*": "multiply '{left}' by '{right}'",
    "/": "divide '{left}' by '{right}'",
}


class ExpressionError(Exception):
    """An expression gave no usable value; the message says why."""


class _Nothing:
    """What an unknown variable stands for while its path is followed: null, warned of already."""


_NOTHING = _Nothing()


def kind_of(value: object) -> str:
    """Give the kind of a value: NULL, BOOLEAN, NUMBER, STRING, ARRAY or OBJECT."""
    return _KINDS.get(type(value), "NULL")


class Evaluation:
    """One evaluation over one set of variables."""

    def __init__(self, variables: Mapping[str, object]) -> None:
        self.warnings: list[str] = []
        self._variables = variables
        self._steps = 0

    def result(self, node: Node) -> object:
        """Give the expression's JSON value.

        Raises:
            ExpressionError: it takes too many steps.
        """
        return _json(self._of(node))

    def _of(self, node: Node) -> object:
        self._charge(1)
        match node:
            case Constant():
                return node.value
            case Variable():
                return _null_for_nothing(self._variable(node.name))
            case Path():
                return _null_for_nothing(self._path(node))
            case Items():
                return [_json(self._of(item)) for item in node.items]
            case Negation() | Arithmetic():
                return self._calculated(node)
            case Comparison():
                return self._compared(node)
            case Logic() | Call() | Branch():
                return self._decided(node)
            case _:
                assert_never(node)

    def _decided(self, node: Logic | Call | Branch) -> object:
        match node:
            case Logic():
                return self._joined(node)
            case Call():
                return self._called(node)
            case Branch():
                met = self._boolean(self._of(node.condition))
                return self._of(node.then if met else node.otherwise)
            case _:
                assert_never(node)

    def _variable(self, name: str) -> object:
        if name in self._variables:
            return self._variables[name]
        self._warn("NO_VARIABLE_FOUND", f"No variable found with name '{name}'")
        return _NOTHING

    def _path(self, node: Path) -> object:
        base = node.base
        value = self._variable(base.name) if isinstance(base, Variable) else self._of(base)
        for name in node.names:
            value = self._property(value, name)
        return value

    def _property(self, value: object, name: str) -> object:
        self._charge(1)
        if isinstance(value, _Nothing):
            return value
        if isinstance(value, list):
            items = cast("list[object]", value)
            return [_null_for_nothing(self._property(item, name)) for item in items]
        if isinstance(value, dict):
            entries = cast("dict[str, object]", value)
            if name in entries:
                return entries[name]
            keys = ", ".join(f"'{key}'" for key in islice(entries, PRINTED_ITEMS_MAX))
            problem = f"No context entry found with key '{name}'. Available keys: {keys}"
            self._warn("NO_CONTEXT_ENTRY_FOUND", problem)
            return None
        if value is None:
            problem = f"No context entry found with key '{name}'. The context is null"
            self._warn("NO_CONTEXT_ENTRY_FOUND", problem)
            return None
        problem = f"No property found with name '{name}' of value '{printed(value)}'."
        self._warn("NO_PROPERTY_FOUND", f"{problem} Available properties: ")
        return None

    def _calculated(self, node: Negation | Arithmetic) -> object:
        if isinstance(node, Negation):
            value = self._of(node.operand)
            if kind_of(value) == "NUMBER":
                return decimal_of(value).copy_negate()
            self._warn("INVALID_TYPE", f"Expected number but found '{printed(value)}'")
            return None
        left = self._of(node.first)
        for operator, operand in node.rest:
            left = self._combined(operator, left, self._of(operand))
        return left

    def _combined(self, operator: str, left: object, right: object) -> object:
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            self._charge((len(left) + len(right)) // 1024)
            return left + right
        if kind_of(left) == kind_of(right) == "NUMBER":
            value = _arithmetic(operator, decimal_of(left), decimal_of(right))
            if value.is_finite():
                return value
        problem = _REFUSALS[operator].format(left=printed(left), right=printed(right))
        self._warn("INVALID_TYPE", f"Can't {problem}")
        return None

    def _compared(self, node: Comparison) -> bool | None:
        left, right = self._of(node.left), self._of(node.right)
        if node.operator in {"=", "!="}:
            equal = self._equal(left, right, 0)
        else:
            equal = self._ordered(node.operator, left, right)
        if equal is None:
            problem = f"Can't compare '{printed(left)}' with '{printed(right)}'"
            self._warn("NOT_COMPARABLE", problem)
        if node.operator != "!=":
            return equal
        equal = self._boolean(equal)
        return None if equal is None else not equal

    def _equal(self, left: object, right: object, depth: int) -> bool | None:
        self._charge(1)
        if left is None or right is None:
            return left is right
        kind = kind_of(left)
        if kind != kind_of(right):
            return None
        if kind == "NUMBER":
            return decimal_of(left) == decimal_of(right)
        if depth == DEPTH_MAX:
            raise ExpressionError(f"A value is nested deeper than {DEPTH_MAX} levels.")
        if kind == "ARRAY":
            return self._equal_lists(left, right, depth + 1)
        if kind == "OBJECT":
            return self._equal_objects(left, right, depth + 1)
        if isinstance(left, str):
            self._charge(len(left) // 1024)
        return left == right

    def _equal_lists(self, left: object, right: object, depth: int) -> bool:
        ours, theirs = cast("list[object]", left), cast("list[object]", right)
        return len(ours) == len(theirs) and all(
            self._equal(one, other, depth) for one, other in zip(ours, theirs, strict=True)
        )

    def _equal_objects(self, left: object, right: object, depth: int) -> bool:
        ours, theirs = cast("dict[str, object]", left), cast("dict[str, object]", right)
        return len(ours) == len(theirs) and all(
            key in theirs and self._equal(value, theirs[key], depth) for key, value in ours.items()
        )

    def _ordered(self, operator: str, left: object, right: object) -> bool | None:
        if isinstance(left, str) and isinstance(right, str):
            self._charge(len(left) // 1024)
            order = (left > right) - (left < right)
        elif kind_of(left) == kind_of(right) == "NUMBER":
            ours, theirs = decimal_of(left), decimal_of(right)
            order = (ours > theirs) - (ours < theirs)
        else:
            return None
        if operator[1:] and order == 0:
            return True
        return order < 0 if operator[0] == "<" else order > 0

    def _joined(self, node: Logic) -> bool | None:
        # The first operand that decides ends it: false for "and", true for "or".
        decisive = node.operator == "or"
        joined = self._of(node.operands[0])
        for operand in node.operands[1:]:
            left = self._boolean(joined)
            if left is decisive:
                return left
            right = self._of(operand)
            if right is decisive:
                return decisive
            joined = None if left is None else self._boolean(right)
        return joined if isinstance(joined, bool) else None

    def _called(self, node: Call) -> object:
        value = self._of(node.argument)
        if node.function == "not":
            return (not value) if isinstance(value, bool) else None
        if value is None or isinstance(value, str):
            return value
        if kind_of(value) in {"NUMBER", "BOOLEAN"}:
            return _scalar(value)
        problem = f"Expected text, number or boolean but found '{printed(value)}'"
        self._warn("INVALID_TYPE", problem)
        return None

    def _boolean(self, value: object) -> bool | None:
        if isinstance(value, bool):
            return value
        self._warn("INVALID_TYPE", f"Expected boolean but found '{printed(value)}'")
        return None

    def _warn(self, reason: str, problem: str) -> None:
        if len(self.warnings) < WARNINGS_MAX:
            self.warnings.append(f"[{reason}] {problem}")

    def _charge(self, steps: int) -> None:
        self._steps += steps
        if self._steps > STEPS_MAX:
            raise ExpressionError(f"The expression takes more than {STEPS_MAX} steps.")


def printed(value: object) -> str:
    """Print a value for people, cut to a length that fits a message."""
    text = _piece(value, 0)
    return text if len(text) <= PRINTED_MAX else f"{text[:PRINTED_MAX]}…"


def _piece(value: object, depth: int) -> str:
    if isinstance(value, str):
        return f'"{value[:PRINTED_MAX]}"'
    if not isinstance(value, list | dict):
        return _scalar(value)
    if depth == PRINTED_DEPTH_MAX:
        return "…"
    if isinstance(value, dict):
        entries = islice(cast("dict[str, object]", value).items(), PRINTED_ITEMS_MAX)
        return "{" + ", ".join(f"{key}:{_piece(item, depth + 1)}" for key, item in entries) + "}"
    items = islice(cast("list[object]", value), PRINTED_ITEMS_MAX)
    return "[" + ", ".join(_piece(item, depth + 1) for item in items) + "]"


def _scalar(value: object) -> str:
    """Print a number (with the zeros that it came with), truth value or null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float | Decimal):
        return "null"
    return format(decimal_of(value), "f")


def _null_for_nothing(value: object) -> object:
    return None if isinstance(value, _Nothing) else value


def _json(value: object) -> object:
    """Turn a decimal into the number that JSON has for it."""
    if not isinstance(value, Decimal):
        return value
    if abs(value) < _LONG and value == value.to_integral_value():
        return int(value)
    return float(value)


def decimal_of(value: object) -> Decimal:
    """Give the exact decimal of a number (a float's shortest one).

    Raises:
        ExpressionError: it is infinite, or not a number at all.
    """
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError("A variable is no finite number.")
        return Decimal(repr(value))
    assert isinstance(value, int)
    return Decimal(value)


def _arithmetic(operator: str, left: Decimal, right: Decimal) -> Decimal:
    match operator:
        case "+":
            return _DECIMALS.add(left, right)
        case "-":
            return _DECIMALS.subtract(left, right)
        case "*":
            return _DECIMALS.multiply(left, right)
        case _:
            return _DECIMALS.divide(left, right)
