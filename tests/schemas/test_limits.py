"""Limits name the offence, and let through what can be stored."""

import pytest

from signoff_schemas.limits import (
    Offence,
    first_offence,
    is_date_time,
    offence_in,
    unstorable,
    unstorable_names,
    unstorable_text,
    unstorable_variables,
)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T23:59:59.000Z",
        "2026-01-31T23:59:59Z",
        "2026-01-31T23:59Z",
        "2026-01-31T23:59:59.123456789+02:00",
        "2026-01-31t23:59:59z",
    ],
)
def test_date_time_with_an_offset_is_one(text: str) -> None:
    assert is_date_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-01-31",
        "2026-01-31T23:59:59",
        "2026-02-30T00:00:00Z",
        "2026-01-31T23:59:59+0100",
        "2026-01-31T23:59:59+01:00[Europe/Paris]",
        "0000-01-01T00:00:00Z",
        "2026-01-31T23:59:59Z\n",
        "٢٠٢٦-01-31T23:59:59Z",
    ],
)
def test_anything_else_is_no_date_time(text: str) -> None:
    assert not is_date_time(text)


def test_offences_are_named() -> None:
    assert unstorable_text("a\0") == "a NUL character"
    assert unstorable_text("\udfff") == "a lone surrogate"
    assert unstorable_text("abc", 2) == "a text of more than 2 characters"
    assert unstorable_names([1]) == "an entry that is not a text"
    assert unstorable_names(["a"] * 10_001) == "a list of more than 10000 entries"
    assert unstorable([float("-inf")]) == "a number that is not finite"
    assert unstorable({"a": -(1 << 63) - 1}) == "a number beyond 64 bit"
    assert unstorable(object()) == "a value that is not JSON"
    assert unstorable(["x" * 1_000_000] * 5) == f"more than {4 * 1024 * 1024} bytes"
    assert unstorable_variables({"v" * 501: 1}) == "a variable name of more than 500 characters"


@pytest.mark.parametrize(
    ("variables", "path", "reason"),
    [
        (
            {"ok": 1, "order": {"items": [0, {"name": "a\0"}]}},
            "order.items[1].name",
            "a NUL character",
        ),
        ({"a": {"b\0": 1}}, "a", "a name with a NUL character"),
        ({"\0": 1}, "", "a name with a NUL character"),
        ({"a": ["\ud800"]}, "a[0]", "a lone surrogate"),
        ({"a": 1, "b": 1 << 63}, "b", "a number beyond 64 bit"),
        ({"n" * 400: {"deep": {"a": 1 << 63}}}, "n" * 100, "a number beyond 64 bit"),
        ({"a": [[float("nan")]]}, "a[0][0]", "a number that is not finite"),
        ({"a": "x" * (4 * 1024 * 1024 + 1)}, "a", "a text of more than 4194304 characters"),
        ({"a": ["x" * 1_000_000] * 5}, "", "more than 4194304 bytes"),
        ({f"v{number}": 1 for number in range(1_001)}, "", "more than 1000 variables"),
        ({"v" * 501: 1}, "", "a variable name of more than 500 characters"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_an_offence_says_where_and_why(
    variables: dict[str, object], path: str, reason: str
) -> None:
    assert offence_in(variables) == Offence(path, reason)


def test_a_nesting_that_is_too_deep_is_located_where_the_limit_is() -> None:
    value: object = 1
    for _ in range(100):
        value = [value]

    found = first_offence({"fine": 1, "deep": value})

    assert found is not None
    assert found.path.startswith("deep[0][0]")
    assert found.reason == "a nesting of more than 100 levels"


def test_nesting_ends_at_its_limit() -> None:
    value: object = 1
    for _ in range(100):
        value = [value]

    assert unstorable(value) is None
    assert unstorable([value]) == "a nesting of more than 100 levels"


def test_a_value_that_is_wide_is_measured_once() -> None:
    assert unstorable([0] * 1_000_000) is None
    assert unstorable([0] * 1_100_000) is not None
