"""A deployment's files become resources together, or are refused together."""

from hashlib import sha256
from pathlib import Path

import pytest

from signoff_gateway.dialects.camunda.resources import Refused, resources_of

RESOURCES = Path(__file__).parent / "resources"
EXPENSE = (RESOURCES / "expense-approval.bpmn").read_bytes()
FORM = b'{"id": "expense-form",  "components": [{"key": "n\xc3\xa4me"}]}\n'
PREFIX = (
    "Command 'CREATE' rejected with code 'INVALID_ARGUMENT': "
    "Expected to deploy new resources, but encountered the following errors:\n"
)


def refusal(*files: tuple[str, bytes]) -> str:
    with pytest.raises(Refused) as refused:
        resources_of(files)
    return refused.value.message


def test_models_and_forms_are_read_and_others_stored() -> None:
    model, form, readme = resources_of(
        [("expense.bpmn", EXPENSE), ("expense.form", FORM), ("README", b"read me")]
    )

    assert [graph.process_id for graph in model.processes] == ["expense-approval"]
    assert model.digest == sha256(EXPENSE).hexdigest()
    assert (form.form_id, form.content, form.processes) == ("expense-form", FORM.decode(), ())
    assert (readme.name, readme.content, readme.processes) == ("README", "read me", ())


def test_a_model_under_another_name_is_only_stored() -> None:
    (blob,) = resources_of([("blob", EXPENSE)])

    assert (blob.name, blob.processes, blob.form_id) == ("blob", (), "")
    assert blob.content == EXPENSE.decode()


def test_models_may_end_in_xml() -> None:
    (model,) = resources_of([("expense.bpmn20.xml", EXPENSE)])

    assert len(model.processes) == 1


def test_all_problems_of_all_files_are_reported() -> None:
    unsupported = (RESOURCES / "unsupported.bpmn").read_bytes()
    empty = b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>'

    message = refusal(("u.bpmn", unsupported), ("e.bpmn", empty), ("x.bpmn", b"<"))

    assert message == (
        PREFIX + "'u.bpmn': - Element: approved\n"
        "    - ERROR: Elements of type 'ExclusiveGateway' are currently not supported. "
        "Supported are EndEvent, ServiceTask, StartEvent, UserTask, in one sequence.\n"
        "- Element: late\n"
        "    - ERROR: Elements of type 'BoundaryEvent' are currently not supported. "
        "Supported are EndEvent, ServiceTask, StartEvent, UserTask, in one sequence.\n"
        "- Element: f3\n"
        "    - ERROR: Conditions on sequence flows are currently not supported\n"
        "- Element: review > extensionElements > taskSchedule\n"
        "    - ERROR: Expected static value to be a valid DateTime String, e.g. "
        "'2023-03-02T15:35+02:00', but found 'soon'.\n"
        "- Element: review > extensionElements > priorityDefinition\n"
        "    - ERROR: Priority must be a number between 0 and 100, but was '101'.\n"
        "\n"
        "'e.bpmn': - Element: definitions\n"
        "    - ERROR: Must contain at least one executable process\n"
        "\n"
        "'x.bpmn': Line 1, column 1: unclosed token.\n"
    )


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.form", b"{}", "Expected the form id to be present, but none given"),
        ("a.form", b'{"id": 5}', "Expected the form id to be present, but none given"),
        ("a.form", b'{"id": " "}', "Expected the form id to be filled, but it is blank"),
        ("a.form", b"[]", "Failed to parse form JSON. 'a.form': it is no object"),
        ("a.form", b"nojson", "Failed to parse form JSON. 'a.form': "),
        ("a.form", b"[" * 100_000, "Failed to parse form JSON. 'a.form': "),
        ("a.bpmn", b"\xff\xfe<\x00", "'a.bpmn': Expected a text in UTF-8, but it is none."),
        ("a.png", b"\x89PNG", "'a.png': Expected a text in UTF-8, but it is none."),
        (
            "a.form",
            b'{"id":"%b"}' % (b"f" * 501),
            "'a.form': The form id exceeds the limit of 500 characters.",
        ),
        (
            "a.bpmn",
            EXPENSE.replace(b'name="', b'name="' + b"n" * 10_001, 1),
            "'a.bpmn': 'expense-approval.name' exceeds the limit of 10000 characters.",
        ),
        ("a.txt", b"a\0b", "'a.txt': Expected a text without NUL characters."),
        ("", b"x", "Expected the resource name '' to be valid, but it is not."),
        ("x" * 256, b"x", f"Expected the resource name '{'x' * 255}' to be valid, but it is not."),
    ],
)
def test_a_file_that_cannot_be_deployed_is_refused(name: str, data: bytes, reason: str) -> None:
    assert refusal((name, data)).startswith(PREFIX + reason)


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (
            ("a.bpmn", EXPENSE),
            ("b.bpmn", EXPENSE + b"\n"),
            "Duplicated process id in resources 'a.bpmn' and 'b.bpmn'",
        ),
        (
            ("a.form", FORM),
            ("b.form", FORM),
            (
                "Expected the form ids to be unique within a deployment but found a duplicated id "
                "'expense-form' in the resources 'a.form' and 'b.form'."
            ),
        ),
        (("a", b"1"), ("a", b"2"), "Duplicated resource name 'a'"),
    ],
)
def test_duplicates_in_one_deployment_are_refused(
    one: tuple[str, bytes], other: tuple[str, bytes], reason: str
) -> None:
    assert refusal(one, other) == PREFIX + reason


def test_a_deployment_without_files_is_refused() -> None:
    assert refusal() == (
        "Command 'CREATE' rejected with code 'INVALID_ARGUMENT': "
        "Expected to deploy at least one resource, but none given"
    )
