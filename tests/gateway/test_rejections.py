"""What the engine refuses, as callers see it: status, title and detail of every code."""

import pytest

from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from tests.support.gateway import TASK, Stack, rejected

PATH = f"/v2/user-tasks/{TASK}/completion"
STATUS = {
    RejectionType.INVALID_ARGUMENT: (400, "INVALID_ARGUMENT"),
    RejectionType.NOT_FOUND: (404, "NOT_FOUND"),
    RejectionType.ALREADY_EXISTS: (409, "ALREADY_EXISTS"),
    RejectionType.INVALID_STATE: (409, "INVALID_STATE"),
    RejectionType.UNAUTHORIZED: (401, "UNAUTHORIZED"),
    RejectionType.FORBIDDEN: (403, "FORBIDDEN"),
    RejectionType.RESOURCE_EXHAUSTED: (503, "RESOURCE_EXHAUSTED"),
    RejectionType.UNAVAILABLE: (503, "UNAVAILABLE"),
    RejectionType.CONFLICTING_REUSE: (422, "CONFLICTING_REUSE"),
    RejectionType.PROCESSING_ERROR: (500, "INTERNAL"),
}
VALUES = {
    "amount": "1",
    "claimant": "ann",
    "assignee": "ann",
    "resource": "RESOURCE",
    "kind": "user",
    "error": "boom",
    "event": "CREATING",
    "field": "variables.x",
    "form_id": "form-1",
    "id": "some-id",
    "issued_at": "0",
    "job": "5",
    "key": "7",
    "operation": "deploy",
    "process": "9",
    "process_id": "order",
    "property": "priority",
    "reason": "no 'budget'",
    "retries": "0",
    "state": "UPDATING",
    "target": "order",
    "tenant": "t1",
    "transition": "completion",
    "type": "check",
    "value": "x",
    "verb": "complete",
    "version": "3",
}


@pytest.mark.parametrize("type_", list(RejectionType))
async def test_every_type_has_its_status_and_title(stack: Stack, type_: RejectionType) -> None:
    stack.broker.answer = lambda _: rejected(type_, Code.COMMAND_FAILED, "COMPLETE", error="x")

    answer = await stack.client.post(PATH)

    assert (answer.status_code, answer.json()["title"]) == STATUS[type_]
    assert ("retry-after" in answer.headers) == (type_ is RejectionType.RESOURCE_EXHAUSTED
                                                 or type_ is RejectionType.UNAVAILABLE)  # fmt: skip


async def test_every_code_is_answered_with_a_text_and_five_members(stack: Stack) -> None:
    for code in Code:
        stack.broker.answer = lambda _, code=code: rejected(
            RejectionType.INVALID_STATE, code, "COMPLETE", **VALUES
        )

        answer = await stack.client.post(PATH)

        problem = answer.json()
        assert answer.status_code == 409, code
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["detail"].startswith(
            "Command 'COMPLETE' rejected with code 'INVALID_STATE': "
        )
        assert "{" not in problem["detail"], code
        assert problem["instance"] == PATH
        assert problem["type"] == "about:blank"
        assert problem["status"] == 409
        command_id = stack.broker.commands[-1].id
        assert answer.headers["signoff-command-id"] == command_id
        assert set(problem) == {"type", "title", "status", "detail", "instance"}


async def test_a_denial_reads_as_the_dialect_says(stack: Stack) -> None:
    stack.broker.answer = lambda _: rejected(
        RejectionType.INVALID_STATE,
        Code.TRANSITION_DENIED,
        "COMPLETE",
        transition="completion",
        key=str(TASK),
        reason="no 'budget'",
    )

    answer = await stack.client.post(PATH)

    assert answer.json()["detail"] == (
        "Command 'COMPLETE' rejected with code 'INVALID_STATE': Completion of the User Task with "
        f"key '{TASK}' was denied by Task Listener. Reason to deny: 'no 'budget''"
    )


async def test_what_was_withdrawn_before_it_came_is_a_conflict(stack: Stack) -> None:
    stack.broker.answer = lambda _: Outcome(status=OutcomeStatus.WITHDRAWN)

    answer = await stack.client.post(PATH)

    assert (answer.status_code, answer.json()["title"]) == (409, "INVALID_STATE")
    assert stack.broker.commands[0].id in answer.json()["detail"]
