"""Expressions: what they give, what they say when they cannot, and that none hangs or crashes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_broker.engine.expressions import (
    ExpressionError,
    date_time_of,
    evaluate,
    filled_text_of,
    is_expression,
    number_of,
    text_of,
    texts_of,
)
from signoff_schemas.expressions import LENGTH_MAX, ExpressionSyntaxError, parse

VARIABLES: dict[str, object] = {
    "s": "str",
    "n": 5,
    "d": 2.5,
    "t": True,
    "z": None,
    "l": ["a", "b"],
    "ln": [1, "a"],
    "e": "",
    "o": {"a": {"b": "deep"}},
    "pq": {"p": 1, "q": 2},
    "f5": 5.0,
    "a b": "quoted",
    "orders": [{"id": 1}, {"id": 2}],
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("=s", "str"),
        ("= s ", "str"),
        ("=o.a.b", "deep"),
        ("=o . a . b", "deep"),
        ("=(o).a.b", "deep"),
        ("=`a b`", "quoted"),
        ("=orders.id", [1, 2]),
        ('="a" + "b" + s', "abstr"),
        ('="a\\"b\\\\\\n\\q"', 'a"b\\\n\\q'),
        ("=/* why */ s // because", "str"),
        ("=null", None),
        ("=[]", []),
        ('=[1, "x", null, [true]]', [1, "x", None, [True]]),
        ("=[s, missing]", ["str", None]),
        ("=0.1 + 0.2", 0.3),
        ("=1/3", 1 / 3),
        ("=2 * 3.50", 7),
        ("=10/4", 2.5),
        ("=1 + 2 * 3 - 4 / 2", 5),
        ("=(1 + 2) * 3", 9),
        ("=n - -n", 10),
        ("=-(-n)", 5),
        ("=.5", 0.5),
        ("=n > 3", True),
        ("=n <= 5.0", True),
        ("=d >= 3", False),
        ('="Z" < "a"', True),
        ("=1 = 1.0", True),
        ("=t = true", True),
        ("=missing = null", True),
        ("=z = 1", False),
        ("=s != null", True),
        ('=l = ["a", "b"]', True),
        ('=[1] = ["1"]', False),
        ("=o = o", True),
        ("=o = pq", False),
        ("=not(t)", False),
        ("=not (n > 3)", False),
        ("=t and n = 5", True),
        ("=false and missing", False),
        ("=missing or true", True),
        ("=false or false", False),
        ("=true and true and false", False),
        ("=string(n) + s", "5str"),
        ("=string(t)", "true"),
        ('=string("a")', "a"),
        ('=if n > 3 then "a" else "b"', "a"),
        ('=if missing then "a" else "b"', "b"),
        ('=if(t)then(if n = 5 then "x" else "y")else("z")', "x"),
    ],
)
def test_an_expression_gives_its_json_value(expression: str, value: object) -> None:
    result = evaluate(expression, VARIABLES).value

    assert json.dumps(result) == json.dumps(value)


@pytest.mark.parametrize(
    ("expression", "warnings"),
    [
        ("=missing", ["[NO_VARIABLE_FOUND] No variable found with name 'missing'"]),
        ("=missing.y.z", ["[NO_VARIABLE_FOUND] No variable found with name 'missing'"]),
        (
            "=pq.x",
            [
                (
                    "[NO_CONTEXT_ENTRY_FOUND] No context entry found with key 'x'. "
                    "Available keys: 'p', 'q'"
                )
            ],
        ),
        (
            "=o.x.y",
            [
                "[NO_CONTEXT_ENTRY_FOUND] No context entry found with key 'x'. Available keys: 'a'",
                "[NO_CONTEXT_ENTRY_FOUND] No context entry found with key 'y'. The context is null",
            ],
        ),
        (
            "=s.x",
            [
                (
                    "[NO_PROPERTY_FOUND] No property found with name 'x' of value '\"str\"'. "
                    "Available properties: "
                )
            ],
        ),
        ("=s + n", ["[INVALID_TYPE] Can't add '5' to '\"str\"'"]),
        ("=s + f5", ["[INVALID_TYPE] Can't add '5.0' to '\"str\"'"]),
        ("=o + 1.50", ["[INVALID_TYPE] Can't add '1.50' to '{a:{b:\"deep\"}}'"]),
        ("=n - s", ["[INVALID_TYPE] Can't subtract '\"str\"' from '5'"]),
        ("=n * l", ["[INVALID_TYPE] Can't multiply '5' by '[\"a\", \"b\"]'"]),
        ("=n / 0", ["[INVALID_TYPE] Can't divide '5' by '0'"]),
        ("=-s", ["[INVALID_TYPE] Expected number but found '\"str\"'"]),
        ("=n < s", ["[NOT_COMPARABLE] Can't compare '5' with '\"str\"'"]),
        ("=t < t", ["[NOT_COMPARABLE] Can't compare 'true' with 'true'"]),
        (
            "=s != n",
            [
                "[NOT_COMPARABLE] Can't compare '\"str\"' with '5'",
                "[INVALID_TYPE] Expected boolean but found 'null'",
            ],
        ),
        ("=n and t", ["[INVALID_TYPE] Expected boolean but found '5'"]),
        ("=t and n", ["[INVALID_TYPE] Expected boolean but found '5'"]),
        (
            "=n and t and t",
            [
                "[INVALID_TYPE] Expected boolean but found '5'",
                "[INVALID_TYPE] Expected boolean but found 'null'",
            ],
        ),
        ("=not(n)", []),
        ("=string(z)", []),
    ],
)
def test_what_cannot_be_worked_out_is_null_and_says_why(
    expression: str, warnings: list[str]
) -> None:
    result = evaluate(expression, VARIABLES)

    assert result.value is None
    assert list(result.warnings) == warnings


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("= ", 'Expected a value:1:2, found ""'),
        ("=a b", 'Expected the end of the expression:1:3, found "b"'),
        ('="a', 'Expected a value:1:1, found ""a"'),
        ("=1 +", 'Expected a value:1:4, found ""'),
        ("=1 < 2 < 3", 'Expected the end of the expression:1:7, found "< 3"'),
        ("=a..b", 'Expected a value:1:3, found ".b"'),
        ("=--n", 'Expected a value:1:2, found "-n"'),
        ("=[1,]", 'Expected a value:1:4, found "]"'),
        ("=(1", 'Expected ")":1:3, found ""'),
        ("=if a then b", 'Expected "else":1:12, found ""'),
        ("=1 =\n ?", 'Expected a value:2:2, found "?"'),
        ("=now()", "the function 'now' is not supported"),
        ("=for x in l return x", 'Expected a value:1:1, found "for x in l"'),
        ("=l[1]", 'Expected the end of the expression:1:2, found "[1]"'),
        ("=1" + "0" * 40, "the number '1000000000000000000000000000000000…' is too long"),
        ("=" + "(" * 60 + "1" + ")" * 60, "it is nested deeper than 25 levels"),
    ],
)
def test_a_text_that_is_no_expression_is_refused_with_its_place(
    expression: str, reason: str
) -> None:
    with pytest.raises(ExpressionSyntaxError) as refused:
        parse(expression)

    assert str(refused.value) == f"failed to parse expression '{expression[1:]}': {reason}"


def test_an_unreadable_expression_is_an_error_of_its_evaluation() -> None:
    with pytest.raises(ExpressionError, match="failed to parse expression 'a b'"):
        evaluate("=a b", {})


def test_a_lone_equals_sign_is_a_text() -> None:
    assert not is_expression("=")
    assert text_of("=", {}) == "="


def test_too_long_an_expression_is_refused() -> None:
    with pytest.raises(ExpressionSyntaxError, match="longer than"):
        parse("=" + "1+" * LENGTH_MAX + "1")


def test_a_long_chain_needs_no_deep_stack() -> None:
    assert evaluate("=" + "1+" * 4000 + "1", {}).value == 4001
    assert evaluate("=" + "true and " * 1000 + "true", {}).value is True


def test_numbers_that_json_cannot_hold_are_null() -> None:
    huge = "9" * 30

    result = evaluate("=" + "*".join([huge] * 20), {})

    assert result.value is None
    assert result.warnings[0].startswith("[INVALID_TYPE] Can't multiply")


def test_growing_texts_exhaust_the_budget() -> None:
    with pytest.raises(ExpressionError, match="takes more than 100000 steps"):
        evaluate("=" + "+".join(["s"] * 200), {"s": "x" * 1_000_000})


def test_comparing_large_values_exhausts_the_budget() -> None:
    large = {"l": list(range(60_000))}

    with pytest.raises(ExpressionError, match="takes more than 100000 steps"):
        evaluate("=l = l and l = l", large)


def test_comparing_deep_values_is_refused() -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]

    with pytest.raises(ExpressionError, match="nested deeper than"):
        evaluate("=v = v", {"v": deep})


def test_warnings_stay_short() -> None:
    result = evaluate("=" + " and ".join(["big < 1"] * 100), {"big": ["x" * 10_000] * 100})

    assert len(result.warnings) == 20
    assert max(map(len, result.warnings)) < 300


def test_variables_are_not_changed() -> None:
    variables: dict[str, object] = {"o": {"a": [1]}}

    evaluate("=[o, o.a, o = o]", variables)

    assert variables == {"o": {"a": [1]}}


@pytest.mark.parametrize(
    ("text", "texts"),
    [("", ()), ("u1", ("u1",)), (" u1 , u2", ("u1", "u2")), ("=l", ("a", "b")), ("=[]", ())],
)
def test_texts_are_a_literal_with_commas_or_a_list(text: str, texts: tuple[str, ...]) -> None:
    assert texts_of(text, VARIABLES) == texts


def test_a_type_must_not_be_empty() -> None:
    with pytest.raises(ExpressionError) as error:
        filled_text_of("=e", VARIABLES)

    assert str(error.value) == (
        "Expected result of the expression 'e' to be a not-empty string, but was an empty string."
    )


def test_a_number_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ExpressionError):
        number_of("=x", {"x": float("nan")})


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("", ""),
        ("=z", ""),
        ("=e", ""),
        ("2026-05-01T10:00:00Z", "2026-05-01T10:00Z"),
        ("2026-05-01t10:00z", "2026-05-01T10:00Z"),
        ("2026-01-31T23:59:59.000Z", "2026-01-31T23:59:59Z"),
        ("2026-05-01T10:00:00.12Z", "2026-05-01T10:00:00.120Z"),
        ("2026-05-01T10:00:01.1234Z", "2026-05-01T10:00:01.123400Z"),
        ("2026-05-01T10:00:01.123456789Z", "2026-05-01T10:00:01.123456789Z"),
        ("2026-05-01T10:00:00-00:00", "2026-05-01T10:00Z"),
        ("2026-05-01T10:00:00+05:30", "2026-05-01T10:00+05:30"),
    ],
)
def test_dates_are_printed_in_their_shortest_form(text: str, printed: str) -> None:
    assert date_time_of(text, VARIABLES) == printed


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2026-05-01",
        "2026-05-01T10:00:00",
        "2026-05-01T10:00:00+0100",
        "2026-05-01T10:00:00Z[Europe/Paris]",
        "2026-05-01 10:00:00Z",
        " 2026-05-01T10:00:00Z",
        "2026-05-01T10:00:00Z\n",
        "2026-02-29T10:00:00Z",
        "2026-05-01T24:00:00Z",
        "2026-05-01T10:60:00Z",
        "2026-05-01T23:59:60Z",
        "2026-05-01T10:00:00+18:01",
        "2026-05-01T10:00:00+01:99",
        "0000-05-01T10:00:00Z",
        "2026-05-01T10:00:00.1234567890Z",
        "٢٠٢٦-05-01T10:00:00Z",
    ],
)
def test_a_date_without_a_clear_instant_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as error:
        date_time_of(text, {})

    assert str(error.value) == f"Invalid date-time format '{text}' for expression '{text}'."


_WORDS = st.sampled_from(
    [
        "a",
        "b.c",
        "(",
        ")",
        "[",
        "]",
        ",",
        "+",
        "-",
        "*",
        "/",
        "=",
        "!=",
        "<=",
        ">",
        '"x"',
        "1.5",
        "and",
        "or",
        "not(",
        "string(",
        "if",
        "then",
        "else",
        "null",
        "true",
        " ",
        "`q`",
        ".",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.text() | st.lists(_WORDS).map("".join), st.dictionaries(st.sampled_from("abq"), _JSON))
def test_any_text_gives_a_value_or_an_expression_error(
    text: str, variables: dict[str, object]
) -> None:
    try:
        result = evaluate(f"={text}", variables)
    except ExpressionError:
        return

    json.dumps(result.value)


@given(st.text(alphabet='()[]-+=<.,"`/*\\ \nan1'))
def test_any_nesting_is_read_or_refused(text: str) -> None:
    try:
        parse(f"={text}")
    except ExpressionSyntaxError as error:
        assert str(error).startswith("failed to parse") or not text  # noqa: PT017
