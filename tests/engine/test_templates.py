"""Templates: what references find, how values are printed, and that none can blow up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_broker.engine.budget import Budget, TemplateError
from signoff_broker.engine.processors.templates import evaluate, printed
from signoff_schemas.commands import StartProcess
from signoff_schemas.limits import unstorable
from signoff_schemas.templates import Items, Object, Reference, Template, Text, Value
from signoff_schemas.work import Ending
from tests.support.engine import Bench, result_of
from tests.support.frames import deploy, framed, human, of, process, sets

WORLD = {"a": {"list": [1, {"b": "x"}], "0": "zero", "none": None}, "text": "abc"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("a", "list", 1, "b"), "x"),
        (("a", "list", 0), 1),
        (("a", "list"), [1, {"b": "x"}]),
        (("a", "list", 2), None),
        (("a", "list", -1), None),
        (("a", "list", "b"), None),
        (("a", "0"), "zero"),
        (("a", 0), None),
        (("text", 0), None),
        (("text", "b"), None),
        (("nothing", "at", 0, "all"), None),
        (("a", "none", "x"), None),
        ((), WORLD),
    ],
)
def test_reference_finds(path: tuple[str | int, ...], found: object) -> None:
    assert evaluate(Reference(path=path), WORLD) == found


def test_template_keeps_its_shape() -> None:
    template = of({"n": 1, "list": ["$a.list.0", {"deep": "$text"}], "none": None, "t": True})
    assert evaluate(template, WORLD) == {
        "n": 1,
        "list": [1, {"deep": "abc"}],
        "none": None,
        "t": True,
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (None, ""),
        (True, "true"),
        (1, "1"),
        (1.5, "1.5"),
        ([1, "a"], '[1,"a"]'),
        ({"ä": None}, '{"ä":null}'),
    ],
)
def test_value_is_printed_within_a_text(value: object, text: str) -> None:
    assert printed(value) == text
    template = Text(parts=(Value(value="<"), Reference(path=("v",)), Value(value=">")))
    assert evaluate(template, {"v": value}) == f"<{text}>"


def test_same_value_referred_to_many_times_is_paid_for_each_time() -> None:
    template = Items(items=(Reference(path=("big",)),) * 1_000)
    with pytest.raises(TemplateError):
        evaluate(template, {"big": ["x"] * 10_000})
    with pytest.raises(TemplateError):
        evaluate(Text(parts=template.items), {"big": "x" * 100_000})


def test_result_is_not_nested_too_deep() -> None:
    value: object = 1
    for _ in range(99):
        value = [value]
    assert unstorable(evaluate(Items(items=(Reference(path=("v",)),)), {"v": value})) is None
    with pytest.raises(TemplateError, match="levels"):
        evaluate(Items(items=(Items(items=(Reference(path=("v",)),)),)), {"v": value})


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)
"""That can be stored: deployment refuses the others."""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)
NAMES: list[str | int] = ["a", "b", "", 0, 1]
PATHS = st.lists(st.sampled_from(NAMES), max_size=3)
LEAVES: st.SearchStrategy[Template] = VALUES.map(lambda value: Value(value=value)) | PATHS.map(
    lambda path: Reference(path=tuple(path))
)
TEMPLATES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: Text(parts=tuple(parts)))
        | st.lists(inner, max_size=3).map(lambda items: Items(items=tuple(items)))
        | st.dictionaries(TEXTS, inner).map(lambda all_: Object(members=all_))
    ),
    max_leaves=8,
)


@given(TEMPLATES, st.dictionaries(st.sampled_from(["a", "b"]), VALUES), st.integers(0, 200))
def test_whatever_the_template_the_result_is_within_the_budget(
    template: Template, variables: dict[str, object], left: int
) -> None:
    try:
        made = evaluate(template, variables, Budget(left))
    except TemplateError:
        return
    assert unstorable(made) is None
    assert len(printed(made)) <= 6 * left + 10  # six: an escaped character


def test_text_that_is_quoted_again_and_again_is_paid_for() -> None:
    template: Template = Value(value='"' * 100)
    for _ in range(45):
        template = Text(parts=(Items(items=(template,)),))
    with pytest.raises(TemplateError):
        evaluate(template, {})


def test_values_that_double_end_the_instance() -> None:
    bench = Bench()
    doubled = Text(parts=(Reference(path=("whole", "variables", "v")),) * 2)
    nodes = [sets("n0", "n1", {"v": "x"})]
    for number in range(1, 60):
        node = sets(f"n{number}", f"n{number + 1}", {}).model_copy(
            update={"template": Object(members={"v": doubled})}
        )
        nodes.append(node)
    result_of(deploy(bench, framed(*nodes, human("n60"))))
    started = bench.send(StartProcess(process_id="f"))

    done = process(bench, result_of(started)["process_instance_key"])
    assert done.ending is Ending.FAILED
    assert "large" in done.reason or "bytes" in done.reason
