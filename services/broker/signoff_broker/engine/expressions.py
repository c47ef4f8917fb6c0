"""Evaluates expressions over variables: within a budget, and with words for what went wrong.

``evaluate`` is the whole port: a fuller language replaces it and the tree that it walks, nothing
else. What cannot be worked out is null with a warning. Whoever needs a certain kind of value asks
one of the ``..._of`` functions, whose errors are fit for an incident.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from signoff_broker.engine.evaluation import Evaluation, ExpressionError, decimal_of, kind_of
from signoff_schemas.date_times import reprinted
from signoff_schemas.expressions import ExpressionSyntaxError, is_expression, parse
from signoff_schemas.frozen import frozen

__all__ = [
    "ExpressionError",
    "Result",
    "date_time_of",
    "evaluate",
    "filled_text_of",
    "is_expression",
    "number_of",
    "text_of",
    "texts_of",
]

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?")


@frozen
class Result:
    """The JSON value of an expression, and what was odd on the way to it."""

    expression: str
    """Without its leading ``=``."""
    value: object
    warnings: tuple[str, ...] = ()

    def refusal(self, expected: str, found: str = "") -> ExpressionError:
        """Say that the value is not what was expected, with all warnings."""
        text = (
            f"Expected result of the expression '{self.expression}' to be {expected}, "
            f"but was {found or repr(kind_of(self.value))}."
        )
        if self.warnings:
            text += " The evaluation reported the following warnings:\n" + "\n".join(self.warnings)
        return ExpressionError(text)


def evaluate(text: str, variables: Mapping[str, object]) -> Result:
    """Work out an expression (with its leading ``=``); a missing variable is null and a warning.

    Raises:
        ExpressionError: it cannot be read, or takes more steps than the budget allows.
    """
    try:
        node = parse(text)
    except ExpressionSyntaxError as error:
        raise ExpressionError(str(error)) from error
    evaluation = Evaluation(variables)
    value = evaluation.result(node)
    return Result(text[1:], value, tuple(evaluation.warnings))


def text_of(text: str, variables: Mapping[str, object]) -> str:
    """Give a literal, or the text that an expression gives.

    Raises:
        ExpressionError: there is none.
    """
    if not is_expression(text):
        return text
    result = evaluate(text, variables)
    if not isinstance(result.value, str):
        raise result.refusal("'STRING'")
    return result.value


def filled_text_of(text: str, variables: Mapping[str, object]) -> str:
    """Give a text that is not empty, as ``text_of`` does."""
    value = text_of(text, variables)
    if not value:
        result = Result(text[1:], value)
        raise result.refusal("a not-empty string", "an empty string")
    return value


def texts_of(text: str, variables: Mapping[str, object]) -> tuple[str, ...]:
    """Give the items of a comma-separated literal, or the list of texts that an expression gives.

    Raises:
        ExpressionError: it is no list, or holds something that is no text.
    """
    if not is_expression(text):
        return tuple(item for item in map(str.strip, text.split(",")) if item) if text else ()
    result = evaluate(text, variables)
    if not isinstance(result.value, list):
        raise result.refusal("'ARRAY'")
    items = cast("list[object]", result.value)  # isinstance knows nothing of items
    texts = tuple(item for item in items if isinstance(item, str))
    if len(texts) != len(items):
        raise result.refusal(
            "'ARRAY' containing 'STRING' items",
            "'ARRAY' containing at least one non-'STRING' item",
        )
    return texts


def number_of(text: str, variables: Mapping[str, object]) -> Decimal:
    """Give the number that a literal spells or an expression gives.

    Raises:
        ExpressionError: it is no number.
    """
    if is_expression(text):
        result = evaluate(text, variables)
    else:
        result = Result(text, Decimal(text) if _NUMBER.fullmatch(text) else text)
    if kind_of(result.value) != "NUMBER":
        raise result.refusal("'NUMBER'")
    return decimal_of(result.value)


def date_time_of(text: str, variables: Mapping[str, object]) -> str:
    """Give a date-time, printed in its shortest form, or nothing for null and the empty text.

    Raises:
        ExpressionError: it is neither.
    """
    if not text:
        return ""
    result = evaluate(text, variables) if is_expression(text) else Result(text, text)
    value = result.value
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise result.refusal("one of '[NULL, DATE_TIME, STRING]'")
    printed = reprinted(value)
    if printed is None:
        raise ExpressionError(
            f"Invalid date-time format '{value}' for expression '{result.expression}'."
        )
    return printed
