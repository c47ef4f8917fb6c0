"""What workers answer: the records it becomes, and the words of what is refused."""

from typing import Any

import pytest

from signoff_schemas.commands import CancelProcess, ResolveIncident, UpdateJob
from signoff_schemas.ids import key_of
from signoff_schemas.limits import MILLISECONDS_MAX
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError
from signoff_schemas.values import JobResult
from tests.support.gateway import Stack

KEY = key_of(1, 9)
JOB = f"/v2/jobs/{KEY}"


@pytest.mark.parametrize(
    ("method", "path", "body", "record"),
    [
        ("POST", f"{JOB}/completion", None, CompleteJob(job_key=KEY)),
        (
            "POST",
            f"{JOB}/completion",
            {"variables": {"a": 1}, "leaseToken": "7"},
            CompleteJob(job_key=KEY, variables={"a": 1}, lease_token="7"),
        ),
        (
            "POST",
            f"{JOB}/completion",
            {"variables": {}, "result": {"type": "userTask", "denied": True, "deniedReason": "no"}},
            CompleteJob(job_key=KEY, result=JobResult(denied=True, denied_reason="no")),
        ),
        (
            "POST",
            f"{JOB}/completion",
            {
                "result": {
                    "corrections": {
                        "assignee": "",
                        "dueDate": "2031-01-01T00:00:00+00:00",
                        "followUpDate": None,
                        "candidateUsers": [],
                        "candidateGroups": ["g"],
                        "priority": 7,
                    }
                },
                "jobLeaseToken": "8",
            },
            CompleteJob(
                job_key=KEY,
                result=JobResult(
                    corrections={
                        "assignee": "",
                        "candidate_groups": ["g"],
                        "candidate_users": [],
                        "due_date": "2031-01-01T00:00:00.000Z",
                        "priority": 7,
                    }
                ),
                lease_token="8",
            ),
        ),
        ("POST", f"{JOB}/failure", None, FailJob(job_key=KEY)),
        (
            "POST",
            f"{JOB}/failure",
            {"retries": 2, "errorMessage": "m", "retryBackOff": 50, "variables": {"x": 1}},
            FailJob(job_key=KEY, retries=2, error_message="m", back_off_ms=50, variables={"x": 1}),
        ),
        (
            "POST",
            f"{JOB}/error",
            {"errorCode": "E", "errorMessage": "m"},
            ThrowJobError(job_key=KEY, error_code="E", error_message="m"),
        ),
        (
            "PATCH",
            JOB,
            {"changeset": {"retries": 3, "timeout": 500}, "operationReference": 4},
            UpdateJob(job_key=KEY, retries=3, timeout_ms=500),
        ),
        (
            "PATCH",
            JOB,
            {"changeset": {"timeout": -1, "priority": -5}, "leaseToken": "7"},
            UpdateJob(job_key=KEY, timeout_ms=-1, priority=-5, lease_token="7"),
        ),
        (
            "POST",
            f"/v2/incidents/{KEY}/resolution",
            {"operationReference": 1},
            ResolveIncident(incident_key=KEY),
        ),
        (
            "POST",
            f"/v2/process-instances/{KEY}/cancellation",
            None,
            CancelProcess(process_instance_key=KEY),
        ),
    ],
)
async def test_a_request_becomes_its_record(
    stack: Stack, method: str, path: str, body: Any, record: object
) -> None:
    answer = await stack.client.request(method, path, **({} if body is None else {"json": body}))

    assert answer.status_code == 204
    assert stack.broker.commands[0].body == record


@pytest.mark.parametrize(
    ("method", "path", "body", "title", "detail"),
    [
        ("POST", f"{JOB}/error", b"", "Bad Request", "Required request body is missing"),
        ("POST", f"{JOB}/error", b"{}", "INVALID_ARGUMENT", "No errorCode provided."),
        ("PATCH", JOB, b"", "Bad Request", "Required request body is missing"),
        (
            "PATCH",
            JOB,
            b"{}",
            "INVALID_ARGUMENT",
            "At least one of [retries, timeout, priority] is required.",
        ),
        (
            "PATCH",
            JOB,
            b'{"changeset":{"priority":null}}',
            "INVALID_ARGUMENT",
            "At least one of [retries, timeout, priority] is required.",
        ),
        (
            "PATCH",
            JOB,
            b'{"changeset":{"timeout":9223372036854775807}}',
            "INVALID_ARGUMENT",
            (
                "The value for timeout is '9223372036854775807' but must be at most "
                f"{MILLISECONDS_MAX}."
            ),
        ),
        (
            "POST",
            f"{JOB}/failure",
            b'{"retryBackOff":9223372036854775807}',
            "INVALID_ARGUMENT",
            (
                "The value for retryBackOff is '9223372036854775807' but must be at most "
                f"{MILLISECONDS_MAX}."
            ),
        ),
        (
            "POST",
            f"{JOB}/completion",
            b'{"result":{"denied":true,"deniedReason":"%b"}}' % (b"x" * 10_001),
            "INVALID_ARGUMENT",
            "The provided result.deniedReason exceeds the limit of 10000 characters.",
        ),
        (
            "PATCH",
            JOB,
            b'{"changeset":{"retries":1},"operationReference":9223372036854775808}',
            "Bad Request",
            "Request property [operationReference] cannot be parsed",
        ),
        (
            "PATCH",
            JOB,
            b'{"changeset":{"retries":1},"operationReference":0}',
            "INVALID_ARGUMENT",
            "The value for operationReference is '0' but must be > 0.",
        ),
        (
            "PATCH",
            JOB,
            b'{"changeset":{"retries":2147483648}}',
            "Bad Request",
            "Request property [changeset.retries] cannot be parsed",
        ),
        (
            "POST",
            f"{JOB}/completion",
            b'{"result":{"type":"other"}}',
            "Bad Request",
            (
                "Cannot map value 'other' for type 'JobResult'. "
                "Use any of the following values: [userTask]"
            ),
        ),
        (
            "POST",
            f"{JOB}/completion",
            b'{"result":{"corrections":{"priority":101,"dueDate":"x"}}}',
            "INVALID_ARGUMENT",
            (
                "The provided due date 'x' cannot be parsed as a date according to RFC "
                "3339, section "
                "5.6. The value for priority is '101' but must be within the [0,100] range."
            ),
        ),
        (
            "POST",
            f"{JOB}/completion",
            b'{"result":{"corrections":{"name":"x"}}}',
            "Bad Request",
            "Request property [result.corrections.name] cannot be parsed",
        ),
        (
            "POST",
            "/v2/jobs/abc/completion",
            b"",
            "Bad Request",
            "Failed to convert 'jobKey' with value: 'abc'",
        ),
    ],
)
async def test_a_bad_answer_is_refused(
    stack: Stack, method: str, path: str, body: bytes, title: str, detail: str
) -> None:
    answer = await stack.client.request(
        method, path, content=body, headers={"content-type": "application/json"}
    )

    problem = answer.json()
    assert (answer.status_code, problem["title"], problem["detail"]) == (400, title, detail)
    assert not stack.broker.entries


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        (
            "/v2/jobs/5/completion",
            {},
            (
                "Command 'COMPLETE' rejected with code 'NOT_FOUND': Expected to "
                "complete job with key "
                "'5', but no such job was found"
            ),
        ),
        (
            "/v2/jobs/5/error",
            {"errorCode": "e"},
            (
                "Command 'THROW_ERROR' rejected with code 'NOT_FOUND': Expected to "
                "throw an error for "
                "job with key '5', but no such job was found"
            ),
        ),
        (
            "/v2/incidents/5/resolution",
            {},
            (
                "Command 'RESOLVE' rejected with code 'NOT_FOUND': Expected to resolve "
                "incident with "
                "key '5', but no such incident was found"
            ),
        ),
        (
            "/v2/process-instances/5/cancellation",
            {},
            (
                "Command 'CANCEL' rejected with code 'NOT_FOUND': Expected to cancel a process "
                "instance with key '5', but no such process was found"
            ),
        ),
    ],
)
async def test_a_key_of_no_partition_reads_like_any_unknown_one(
    stack: Stack, path: str, body: dict[str, str], detail: str
) -> None:
    answer = await stack.client.post(path, json=body)

    assert (answer.status_code, answer.json()["detail"]) == (404, detail)
