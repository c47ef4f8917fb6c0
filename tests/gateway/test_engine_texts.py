"""Every refusal of the engine has a text, and listener jobs their reserved headers."""

import re
from pathlib import Path

import pytest

import signoff_schemas.rejections
from signoff_gateway.dialects.camunda.headers import job_headers
from signoff_gateway.dialects.camunda.problems import rejection_detail
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.values import Attributes, TaskSnapshot

SOURCE = Path(signoff_schemas.rejections.__file__).read_text()
EXAMPLES = {"operation": "cancel", "transition": "update", "verb": "fail", "property": "due_date"}


def names_of_values(code: Code) -> list[str]:
    """The names behind a code, as its comment lists them."""
    told = re.search(rf'"{code.value}"  # (.*)', SOURCE)
    assert told is not None
    listed = told.group(1).partition("(")[0]
    return [name.strip("? ") for name in re.split(r"[,|]", listed)]


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_text_for_its_values(code: Code) -> None:
    values = {name: EXAMPLES.get(name, f"<{name}>") for name in names_of_values(code)}

    detail = rejection_detail(
        Rejection(type=RejectionType.INVALID_STATE, code=code, intent="TRY", values=values)
    )

    assert detail.startswith("Command 'TRY' rejected with code 'INVALID_STATE': ")
    assert "{" not in detail


@pytest.mark.parametrize(
    ("code", "values", "expected"),
    [
        (
            Code.JOB_NOT_FOUND,
            {"verb": "throw_error", "key": "7"},
            "Expected to throw an error for job with key '7', but no such job was found",
        ),
        (
            Code.JOB_UPDATE_INVALID,
            {"key": "7", "retries": "0", "timeout": "5"},
            (
                "Expected to update retries for job with key '7' with a positive amount of"
                " retries, but the amount given was '0', Expected to update the timeout of job"
                " with key '7', but it is not active"
            ),
        ),
        (
            Code.TRANSITION_DENIED,
            {"transition": "variables", "key": "7", "reason": "{x}"},
            (
                "Variable update for user task instance with key '7' was denied by Task Listener."
                " Reason to deny: '{x}'"
            ),
        ),
        (
            Code.TRANSITION_CANCELED,
            {"transition": "variables"},
            "user task was canceled during handling task variables update",
        ),
        (
            Code.TRANSITION_WITHDRAWN,
            {"transition": "variables", "key": "7"},
            "Variable update of the User Task with key '7' was withdrawn before it took effect",
        ),
        (
            Code.DEFINITION_NOT_FOUND,
            {"process_id": "p", "version": "3"},
            (
                "Expected to find process definition with process ID 'p' and version '3',"
                " but none found"
            ),
        ),
        (
            Code.TENANT_FORBIDDEN,
            {"operation": "set_variables", "tenant": "t"},
            (
                "Expected to perform operation 'UPDATE_PROCESS_INSTANCE' on resource"
                " 'PROCESS_DEFINITION' for tenant 't', but user is not assigned to this tenant"
            ),
        ),
    ],
)
def test_text_depends_on_the_values(code: Code, values: dict[str, str], expected: str) -> None:
    rejection = Rejection(type=RejectionType.INVALID_STATE, code=code, values=values)

    assert rejection_detail(rejection) == expected


def test_headers_leave_out_what_is_empty_and_a_priority_of_zero() -> None:
    empty = TaskSnapshot(5, "", Attributes(priority=0))

    assert job_headers({"team": "red"}, empty) == {
        "team": "red",
        "io.camunda.zeebe:userTaskKey": "5",
    }
    assert job_headers({"team": "red"}, None) == {"team": "red"}


def test_headers_carry_lists_as_json_and_the_form() -> None:
    snapshot = TaskSnapshot(
        5, "go", Attributes(candidate_users=("ä", "b")), ("priority", "candidate_users"), 9
    )

    headers = job_headers({}, snapshot)

    assert headers["io.camunda.zeebe:candidateUsers"] == '["ä","b"]'
    assert headers["io.camunda.zeebe:changedAttributes"] == '["candidateUsersList","priority"]'
    assert headers["io.camunda.zeebe:formKey"] == "9"
