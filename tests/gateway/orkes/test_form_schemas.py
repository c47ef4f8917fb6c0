"""Forms' schemas: which are taken, and what they say of data; never for long."""

import itertools
import time
from contextlib import suppress
from typing import Any

import pytest

from signoff_gateway.dialects.orkes import form_schemas
from signoff_gateway.dialects.orkes.answers import BadRequest, Invalid
from signoff_gateway.dialects.orkes.form_data import check_form_data
from signoff_gateway.dialects.orkes.form_schemas import SchemaError, check_schema

DRAFT7 = "http://json-schema.org/draft-07/schema"
CATASTROPHE = "^(a|a)*$"


def of(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties}


def refused(schema: dict[str, Any], data: dict[str, Any], *, complete: bool = True) -> list[str]:
    """The paths of what is wrong."""
    try:
        check_form_data(schema, data, complete=complete)
    except Invalid as invalid:
        return [path for path, _, _ in invalid.errors]
    return []


@pytest.mark.parametrize(
    "schema",
    [
        {},
        of(a={"type": "string", "pattern": r"^\d+$"}),
        {"$schema": DRAFT7, **of(a={"format": "date", "title": "When"})},
        {"$schema": f"{DRAFT7}#", "definitions": {"a": {}}, "$ref": "#/definitions/a"},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {"a": {}}},
        {"$schema": "https://json-schema.org/draft/2019-09/schema", "$ref": "#"},
        of(a={"enum": [{"$ref": "http://elsewhere"}]}),
    ],
)
def test_a_schema(schema: dict[str, object]) -> None:
    check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "thing"}, "type"),
        ({"properties": []}, "properties"),
        ({"required": "a"}, "required"),
        (of(a={"minimum": "5"}), "properties.a.minimum"),
        ({"$schema": "http://example.com/mine"}, "$schema"),
        ({"$schema": 7}, "$schema"),
        (of(a={"$ref": "http://json-schema.org/draft-07/schema#"}), "$ref"),
        (of(a={"$ref": "file:///etc/passwd"}), "$ref"),
        (of(a={"$ref": "#/definitions/none"}), "leads nowhere"),
        (of(a={"pattern": "(unclosed"}), "pattern"),
        ({"patternProperties": {"[": {}}}, "pattern"),
        (of(a={"pattern": "a" * 1001}), "pattern"),
        (of(a={"description": "x" * 200_000}), "larger"),
        (
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "unevaluatedProperties": False,
            },
            "unevaluatedProperties: is not supported",
        ),
        (of(a={"unevaluatedItems": {}}), "unevaluatedItems: is not supported"),
        (
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "$dynamicRef": "#"},
            "$dynamicRef: is not supported",
        ),
        ({"allOf": [{"$ref": "#"}] * 1001}, "more than 1000 references"),
    ],
)
def test_what_is_no_schema(schema: dict[str, object], told: str) -> None:
    with pytest.raises(SchemaError) as caught:
        check_schema(schema)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "data", "paths"),
    [
        (of(a={"type": "integer"}), {"a": 1}, []),
        (of(a={"type": "integer"}), {"a": "1"}, ["a"]),
        (of(a={"type": "integer"}), {"b": "1"}, []),
        (of(a=of(b={"enum": ["x"]})), {"a": {"b": "y"}}, ["a.b"]),
        (of(a={"items": {"type": "string"}}), {"a": ["x", 1]}, ["a.1"]),
        ({"required": ["a", "b"]}, {}, ["a", "b"]),
        (of(a={"required": ["b"]}), {"a": {}}, ["a.b"]),
        ({"additionalProperties": False}, {"a": 1}, ["a"]),
        ({"additionalProperties": {"type": "string"}}, {"a": 1, "b": "x"}, ["a"]),
        ({"patternProperties": {"^n": {"type": "number"}}}, {"n1": "x", "m": "x"}, ["n1"]),
        (
            {"patternProperties": {"^n": {}}, "additionalProperties": False},
            {"n1": "x", "m": "x"},
            ["m"],
        ),
        (of(a={"pattern": "^[a-z]+$"}), {"a": "A"}, ["a"]),
        (of(a={"uniqueItems": True}), {"a": [1, 1.0]}, ["a"]),
        (of(a={"uniqueItems": True}), {"a": [1, True, "1"]}, []),
        ({"not": {"required": ["a"]}}, {"a": 1}, ["output"]),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, ["b"]),
        (
            {
                "properties": {"a": {"$ref": "#/definitions/t"}},
                "definitions": {"t": {"type": "null"}},
            },
            {"a": 1},
            ["a"],
        ),
    ],
)
def test_data(schema: dict[str, object], data: dict[str, object], paths: list[str]) -> None:
    check_schema(schema)
    assert refused(schema, data) == paths


@pytest.mark.parametrize(
    "schema",
    [
        {"required": ["b"]},
        {"minProperties": 5},
        {"dependencies": {"a": ["b"]}},
        {"anyOf": [{"required": ["b"]}, {"required": ["c"]}]},
        {"oneOf": [{"required": ["b"]}, {"required": ["c"]}]},
        {"not": {"required": ["a"]}},
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "dependentRequired": {"a": ["b"]},
        },
    ],
)
def test_a_draft_may_lack_what_still_can_come(schema: dict[str, object]) -> None:
    assert refused(schema, {"a": 1}, complete=False) == []
    assert refused(schema, {"a": 1}) != []


def test_a_draft_must_fit_so_far() -> None:
    schema = {**of(a={"type": "integer"}), "required": ["b"]}
    assert refused(schema, {"a": "x"}, complete=False) == ["a"]


def doubling(depth: int) -> dict[str, Any]:
    """Small, and 2**depth to apply."""
    names = [f"d{number}" for number in range(depth)]
    definitions: dict[str, object] = {
        name: {"allOf": [{"$ref": f"#/definitions/{after}"}] * 2}
        for name, after in itertools.pairwise(names)
    }
    return {"$ref": "#/definitions/d0", "definitions": {**definitions, names[-1]: {}}}


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        (of(a={"pattern": CATASTROPHE}), {"a": "a" * 40 + "!"}),
        ({"patternProperties": {CATASTROPHE: {}}}, {"a" * 40 + "!": 1}),
        (
            {"patternProperties": {CATASTROPHE: {}}, "additionalProperties": False},
            {"a" * 40 + "!": 1},
        ),
        (doubling(40), {"a": 1}),
        ({"allOf": [{"$ref": "#"}]}, {"a": 1}),
        ({"$ref": "#"}, {"a": 1}),
        (of(a={"$schema": DRAFT7, "pattern": CATASTROPHE}), {"a": "a" * 40 + "!"}),
        ({"$schema": DRAFT7, **doubling(40), "properties": {"a": {"$ref": "#"}}}, {"a": {}}),
        (of(a={"uniqueItems": True}), {"a": [{"n": number} for number in range(20_000)] * 2}),
    ],
)
def test_no_schema_holds_us_up(
    schema: dict[str, Any], data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert form_schemas.DATA_SECONDS <= 0.25
    monkeypatch.setattr(form_schemas, "DATA_SECONDS", 0.05)
    check_schema(schema)
    begun = time.thread_time()
    with pytest.raises(BadRequest):
        check_form_data(schema, data, complete=True)
    assert time.thread_time() - begun < 1.3


@pytest.mark.parametrize(
    "schema",
    [
        {
            "definitions": {str(each): {"$id": f"#n{each}"} for each in range(3000)},
            "allOf": [{"$ref": f"#n{each}"} for each in range(900)],
        },
        {"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"a": {
            "enum": [{"a": each} for each in range(9000)]}}},
    ],
)  # fmt: skip
def test_no_schema_holds_up_its_own_check(schema: dict[str, Any]) -> None:
    begun = time.thread_time()
    with suppress(SchemaError):
        check_schema(schema)
    assert time.thread_time() - begun < 1.5


def test_what_no_check_has_seen_is_not_applied() -> None:
    hidden = {"unevaluatedProperties": False}
    latest = "https://json-schema.org/draft/2020-12/schema"
    assert refused({"$schema": latest, "default": hidden, "$ref": "#/default"}, {"a": 1}) == []
