"""The queries for form data and full text: what they mean, and what cannot be read."""

import pytest

from signoff_gateway.dialects.orkes.answers import BadRequest
from signoff_gateway.dialects.orkes.field_queries import field_query, text_query
from signoff_gateway.reads.work import AllOf, AnyOf, FieldMatch, Matching, Word

A = FieldMatch(("a",), ("1",))
B = FieldMatch(("b",), ("x y",))
C = FieldMatch(("c", "d"), ("2", "3*"))


@pytest.mark.parametrize(
    ("query", "meaning"),
    [
        ("a = 1", A),
        ("a=1", A),
        ('a = "1"', A),
        ('"a" = 1', A),
        ('b = "x y"', B),
        ("c.d IN (2, 3*)", C),
        ("c.d in (2,3*)", C),
        ('a = "say \\"hi\\""', FieldMatch(("a",), ('say "hi"',))),
        ('a = 1 AND b = "x y"', AllOf((A, B))),
        ('a = 1 OR b = "x y" AND c.d IN (2, 3*)', AnyOf((A, AllOf((B, C))))),
        ('(a = 1 OR b = "x y") and c.d IN (2, 3*)', AllOf((AnyOf((A, B)), C))),
        ('packet = "abc"', FieldMatch(("packet",), ("abc",))),
    ],
)
def test_a_field_query(query: str, meaning: Matching) -> None:
    assert field_query("taskInputQuery", query) == meaning


@pytest.mark.parametrize(
    ("query", "meaning"),
    [
        ("loan", Word("loan")),
        ('"new loan"', Word("new loan")),
        ("lo*", Word("lo*")),
        ("new loan", AllOf((Word("new"), Word("loan")))),
        ("new AND loan OR old", AnyOf((AllOf((Word("new"), Word("loan"))), Word("old")))),
        ("new (loan OR old)", AllOf((Word("new"), AnyOf((Word("loan"), Word("old")))))),
        ("c1f3-77", Word("c1f3-77")),
    ],
)
def test_a_text_query(query: str, meaning: Matching) -> None:
    assert text_query("fullTextQuery", query) == meaning


@pytest.mark.parametrize("query", [None, "", "  "])
def test_nothing_is_asked_for(query: str | None) -> None:
    assert field_query("taskInputQuery", query) is None
    assert text_query("fullTextQuery", query) is None


@pytest.mark.parametrize(
    "query",
    [
        "a",
        "a =",
        "= 1",
        "a = 1 AND",
        "a = 1 b = 2",
        "a IN 1",
        "a IN (",
        "a IN ()",
        "a IN (1",
        'a = "1',
        "(a = 1",
        "a = 1)",
        "a == 1",
        "a\x00 = 1",
        " OR ".join(["a = 1"] * 60),
        "a IN (" + ",".join("12345") * 30 + ")",
        "(" * 30 + "a = 1" + ")" * 30,
        "a = " + "1" * 3000,
        ".".join(["a"] * 101) + " = 1",
    ],
)
def test_a_field_query_that_cannot_be_read(query: str) -> None:
    with pytest.raises(BadRequest, match="taskInputQuery"):
        field_query("taskInputQuery", query)


@pytest.mark.parametrize("query", ["AND a", "a OR", "(a", 'a "b', ","])
def test_a_text_query_that_cannot_be_read(query: str) -> None:
    with pytest.raises(BadRequest, match="fullTextQuery"):
        text_query("fullTextQuery", query)
