"""What a node's texts come to when a token arrives, or why its incident says they do not."""

import pytest

from signoff_broker.engine.processors.values import (
    Failure,
    TaskValues,
    job_values,
    listener_values,
    mappings,
    task_values,
)
from signoff_schemas.graph import JobNode, Mapping, UserTaskNode
from signoff_schemas.values import (
    Attributes,
    FormReference,
    IncidentType,
    Listener,
    ListenerEvent,
)

VARIABLES: dict[str, object] = {
    "s": "str",
    "n": 5,
    "d": 2.5,
    "f5": 5.0,
    "t": True,
    "z": None,
    "e": "",
    "l": ["a", "b"],
    "ln": [1, "a"],
    "date": "2026-04-01T10:00:00.250+02:00",
    "o": {"a": {"x": 1}, "b": 2},
}
FORMS = {"expense": 42, "str": 43}


def values_with(variables: dict[str, object], **node: object) -> TaskValues | Failure:
    task = UserTaskNode.model_validate({"id": "review", "next": "end", **node})
    return task_values(task, variables, FORMS.get)


def values(**node: object) -> TaskValues | Failure:
    return values_with(VARIABLES, **node)


def failure(**node: object) -> str:
    result = values(**node)
    assert isinstance(result, Failure)
    assert result.error_type == IncidentType.EXTRACT_VALUE_ERROR
    return result.message


def test_a_bare_task_has_defaults() -> None:
    assert values() == TaskValues(Attributes(priority=50), None)


def test_every_attribute_of_the_model_is_worked_out() -> None:
    result = values(
        assignee="kim",
        candidate_users="u1,u2",
        candidate_groups="=l",
        due_date="2026-05-01T10:00:00Z",
        follow_up_date="=date",
        priority="77",
        form_id="expense",
    )

    assert result == TaskValues(
        Attributes(
            assignee="kim",
            candidate_users=("u1", "u2"),
            candidate_groups=("a", "b"),
            due_date="2026-05-01T10:00Z",
            follow_up_date="2026-04-01T10:00:00.250+02:00",
            priority=77,
        ),
        FormReference(id="expense", key=42),
    )


@pytest.mark.parametrize(
    ("text", "priority"),
    [("=n", 5), ("=f5", 5), ("=0", 0), ("=100", 100), ("=n + 1", 6), ("05", 5), ("=2.0", 2)],
)
def test_a_priority_is_a_whole_number(text: str, priority: int) -> None:
    result = values(priority=text)

    assert isinstance(result, TaskValues)
    assert result.attributes.priority == priority
    assert type(result.attributes.priority) is int


NO_X = (
    "The evaluation reported the following warnings:\n"
    "[NO_VARIABLE_FOUND] No variable found with name 'x'"
)
EXPECTED = "Expected result of the expression "


@pytest.mark.parametrize(
    ("attribute", "text", "message"),
    [
        ("priority", "=101", "Expected priority to be in the range [0,100] but was '101'."),
        ("priority", "=-1", "Expected priority to be in the range [0,100] but was '-1'."),
        ("priority", "=d", EXPECTED + "'d' to be an integer, but was a decimal."),
        ("priority", "=s", EXPECTED + "'s' to be 'NUMBER', but was 'STRING'."),
        ("priority", "=t", EXPECTED + "'t' to be 'NUMBER', but was 'BOOLEAN'."),
        ("priority", "=x", EXPECTED + f"'x' to be 'NUMBER', but was 'NULL'. {NO_X}"),
        ("priority", "abc", EXPECTED + "'abc' to be 'NUMBER', but was 'STRING'."),
        ("assignee", "=n", EXPECTED + "'n' to be 'STRING', but was 'NUMBER'."),
        ("assignee", "=z", EXPECTED + "'z' to be 'STRING', but was 'NULL'."),
        ("assignee", "=x", EXPECTED + f"'x' to be 'STRING', but was 'NULL'. {NO_X}"),
        ("assignee", "=o", EXPECTED + "'o' to be 'STRING', but was 'OBJECT'."),
        ("candidate_users", "=s", EXPECTED + "'s' to be 'ARRAY', but was 'STRING'."),
        (
            "candidate_groups",
            "=ln",
            EXPECTED + "'ln' to be 'ARRAY' containing 'STRING' items, "
            "but was 'ARRAY' containing at least one non-'STRING' item.",
        ),
        ("due_date", "=s", "Invalid date-time format 'str' for expression 's'."),
        (
            "follow_up_date",
            "=n",
            EXPECTED + "'n' to be one of '[NULL, DATE_TIME, STRING]', but was 'NUMBER'.",
        ),
        ("form_external", "=n", EXPECTED + "'n' to be 'STRING', but was 'NUMBER'."),
    ],
)
def test_a_value_that_does_not_fit_is_an_incident(attribute: str, text: str, message: str) -> None:
    assert failure(**{attribute: text}) == message


def test_values_are_worked_out_in_a_fixed_order() -> None:
    bad = {
        "assignee": "=x1",
        "candidate_groups": "=x2",
        "candidate_users": "=x3",
        "due_date": "=1",
        "follow_up_date": "=2",
        "form_external": "=3",
        "priority": "=x4",
    }
    named: list[str] = []
    while bad:
        message = failure(**bad)
        named.append(message.split("'")[1])
        bad.pop(next(iter(bad)))

    assert named == ["x1", "x2", "x3", "1", "2", "3", "x4"]


def test_a_missing_form_is_an_incident_before_the_priority() -> None:
    result = values(form_id="nope", priority="=x")

    assert result == Failure(
        IncidentType.FORM_NOT_FOUND,
        "Expected to find a form with id 'nope', but no form with this id is found, at least a "
        "form with this id should be available. To resolve the Incident please deploy a form "
        "with the same id",
    )


@pytest.mark.parametrize(
    ("node", "form"),
    [
        ({"form_id": "=s"}, FormReference(id="str", key=43)),
        ({"form_external": "=s"}, FormReference(external="str")),
        ({"form_external": "=e"}, None),
        ({}, None),
    ],
)
def test_a_form_is_linked_or_external(node: dict[str, str], form: FormReference | None) -> None:
    result = values(**node)

    assert isinstance(result, TaskValues)
    assert result.form == form


def test_a_corrected_variable_repairs_the_task() -> None:
    assert isinstance(values_with({"p": 101}, priority="=p"), Failure)
    assert isinstance(values_with({"p": 100}, priority="=p"), TaskValues)


@pytest.mark.parametrize(
    ("job_type", "retries", "expected"),
    [
        ("plain", "3", ("plain", 3)),
        (" spaced ", "", (" spaced ", 3)),
        ("=s", "=n", ("str", 5)),
        ("a", "=d", ("a", 2)),
        ("a", "=-2.7", ("a", -2)),
        ("a", "0", ("a", 0)),
        ("a", "2.5", ("a", 2)),
    ],
)
def test_type_and_retries_of_jobs(job_type: str, retries: str, expected: tuple[str, int]) -> None:
    listener = Listener(ListenerEvent.CREATING, job_type, retries)
    node = JobNode(id="pay", next="end", job_type=job_type, retries=retries)

    assert listener_values(listener, VARIABLES) == expected
    assert job_values(node, VARIABLES) == expected


@pytest.mark.parametrize(
    ("job_type", "retries", "message"),
    [
        ("=x", "=x", EXPECTED + f"'x' to be 'STRING', but was 'NULL'. {NO_X}"),
        ("=e", "3", EXPECTED + "'e' to be a not-empty string, but was an empty string."),
        ("a", '="3"', EXPECTED + "'\"3\"' to be 'NUMBER', but was 'STRING'."),
        ("a", "abc", EXPECTED + "'abc' to be 'NUMBER', but was 'STRING'."),
        (
            "a",
            "=99999999999",
            "Expected retries to be in the range [-2147483647,2147483647] but was '99999999999'.",
        ),
    ],
)
def test_a_job_without_type_or_retries_is_an_incident(
    job_type: str, retries: str, message: str
) -> None:
    listener = Listener(ListenerEvent.CREATING, job_type, retries)

    expected = Failure(IncidentType.EXTRACT_VALUE_ERROR, message)
    assert listener_values(listener, VARIABLES) == expected


@pytest.mark.parametrize(
    ("pairs", "made", "merged"),
    [
        ([("=s", "x")], {"x": "str"}, {"x": "str"}),
        ([("=missing", "x")], {"x": None}, {"x": None}),
        ([("5", "x"), ("", "y")], {"x": "5", "y": None}, {"x": "5", "y": None}),
        ([("=s", "x"), ("=x", "y")], {"x": "str", "y": "str"}, {"x": "str", "y": "str"}),
        ([("=n", "q.b"), ("=s", "q.c")], {"q": {"b": 5, "c": "str"}}, {"q": {"b": 5, "c": "str"}}),
        ([("=s", "q"), ("=n", "q.c")], {"q": {"c": 5}}, {"q": {"c": 5}}),
        (
            [("=n", "o.a.y"), ("=o.a.x", "q")],
            {"o": {"a": {"y": 5}}, "q": None},
            {"o": {"a": {"x": 1, "y": 5}, "b": 2}, "q": 1},
        ),
    ],
)
def test_mappings_make_variables_and_outputs_merge_into_objects(
    pairs: list[tuple[str, str]], made: dict[str, object], merged: dict[str, object]
) -> None:
    each = [Mapping(source, target) for source, target in pairs]

    assert mappings(each, VARIABLES) == made
    assert mappings(each, VARIABLES, merge=True) == merged
    assert VARIABLES["o"] == {"a": {"x": 1}, "b": 2}


def test_a_mapping_without_an_end_is_an_incident() -> None:
    each = [Mapping("=" + "+".join(["s"] * 200), "x")]

    result = mappings(each, {"s": "x" * 1_000_000})

    assert isinstance(result, Failure)
    assert result.error_type == IncidentType.IO_MAPPING_ERROR
