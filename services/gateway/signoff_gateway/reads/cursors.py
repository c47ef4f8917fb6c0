"""Cursors: the sort values of a row, and which sort they belong to, as base64."""

import base64
import binascii
from collections.abc import Sequence
from typing import Final, cast

import orjson

from signoff_gateway.reads import BadCursor, Order
from signoff_gateway.reads.columns import Column

_INT64: Final = range(-(1 << 63), 1 << 63)


def encode(order: Sequence[Order], values: Sequence[object]) -> str:
    """The cursor of the row with these sort values, the tie-breaking one last."""
    data = orjson.dumps([_signature(order), *values])
    return base64.b64encode(data).decode("ascii")


def decode(cursor: str, order: Sequence[Order], columns: Sequence[Column]) -> list[object]:
    """The sort values in a cursor.

    Raises:
        BadCursor: It is none, or of a search with another sort.
    """
    try:
        data: object = orjson.loads(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadCursor(cursor) from error
    if not isinstance(data, list):
        raise BadCursor(cursor)
    # What JSON makes is a list of anything; each value is looked at below.
    signature, *values = cast("list[object]", data) or [None]
    fitting = len(values) == len(columns) and all(map(_fits, values, columns))
    if signature != _signature(order) or not fitting:
        raise BadCursor(cursor)
    return values


def _signature(order: Sequence[Order]) -> str:
    return ",".join(f"{'-' if each.descending else ''}{each.field}" for each in order)


def _fits(value: object, column: Column) -> bool:
    match value:
        case None:
            return column.nullable
        case bool():
            return column.sql_type == "boolean"
        case int():
            return column.sql_type == "bigint" and value in _INT64
        case str():
            return column.sql_type == "text" and "\0" not in value
        case _:
            return False
