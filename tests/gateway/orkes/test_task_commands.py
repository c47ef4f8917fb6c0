"""Release, skip, reassign, update, complete and delete: what is sent, what comes back."""

from typing import Any

import httpx
import pytest

from signoff_schemas.ids import key_of, uuid_of
from signoff_schemas.principal import Access
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.work import Assignment, Person, Work, WorkState
from signoff_schemas.work_commands import (
    FinishTask,
    ReassignTask,
    ReleaseTask,
    RemoveTask,
    SaveOutput,
    SkipAssignment,
)
from tests.support.gateway import Stack, apply, rejected
from tests.support.orkes import (
    JANE,
    TASK,
    TASK_ID,
    WORKFLOW_ID,
    WorkReads,
    definition,
    document,
    task,
)

TASKS = "/api/human/tasks"
ONE = f"{TASKS}/{TASK_ID}"
BY_REF = f"{TASKS}/update/taskRef?workflowId={WORKFLOW_ID}&taskRefName=check_ref"
OWN_WORK = Access(owner=True, claimant=True)
FORM = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean"},
        "amount": {"type": "number", "minimum": 1},
    },
    "required": ["approved"],
}


def is_void(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.headers["Content-Length"]) == (200, "0")


@pytest.fixture
def with_form(work: WorkReads) -> WorkReads:
    raw = definition(userFormTemplate={"name": "loan", "version": 1})
    work.put(task(WorkState.CLAIMED, Work(JANE, JANE, 0), raw=raw))
    work.kept.append(document("form_template", "loan", 1, {"jsonSchema": FORM, "templateUI": {}}))
    return work


async def test_release_and_skip(stack: Stack) -> None:
    assert is_void(await stack.client.post(f"{ONE}/release"))
    assert is_void(await stack.client.post(f"{ONE}/skip?reason=on%20leave"))
    release, skip = (each.body for each in stack.broker.commands)
    assert release == ReleaseTask(task_key=TASK, access=OWN_WORK)
    skipping = Access(owner=True, assignee=True, claimant=True)
    assert skip == SkipAssignment(task_key=TASK, reason="on leave", access=skipping)


async def test_reassign(stack: Stack) -> None:
    chain = [
        {"assignee": {"userType": "CONDUCTOR_GROUP", "user": "staff"}, "slaMinutes": 5},
        {"assignee": {"userType": "EXTERNAL_USER", "user": "ann@x"}},
    ]
    assert is_void(await stack.client.post(f"{ONE}/reassign", json=chain))
    assert is_void(await stack.client.post(f"{ONE}/reassign", json=[]))
    first, second = (each.body for each in stack.broker.commands)
    assert isinstance(first, ReassignTask)
    assert first.assignments == (
        Assignment(Person("staff", group=True), 5),
        Assignment(Person("ann@x", external=True), None),
    )
    assert first.access == Access(owner=True, assignee=True, verb="UPDATE", kind="TASK_DEF")
    assert isinstance(second, ReassignTask)
    assert second.assignments == ()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([{"assignee": {"userType": "ROBOT", "user": "x"}}], "0.assignee.userType"),
        ([{"assignee": {"userType": "CONDUCTOR_USER", "user": ""}}], "0.assignee.user"),
        ([{"slaMinutes": 5}], "0.assignee"),
        (
            [{"assignee": {"userType": "CONDUCTOR_USER", "user": "x"}, "slaMinutes": -1}],
            "0.slaMinutes",
        ),
        ({"assignee": {}}, "body"),
    ],
)
async def test_a_chain_that_is_none(stack: Stack, body: object, path: str) -> None:
    answer = await stack.client.post(f"{ONE}/reassign", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"] == "Validation failed, check below errors for detail."
    assert answer.json()["validationErrors"][0]["path"] == path
    assert stack.broker.commands == []


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_update_and_complete(stack: Stack, work: WorkReads, method: str) -> None:
    work.put(task())
    output: dict[str, object] = {"output": {"approved": True}}
    assert is_void(await stack.client.request(method, f"{ONE}/update", json=output))
    done = await stack.client.request(method, f"{ONE}/update?complete=true", json=output)
    assert is_void(done)
    save, finish = (each.body for each in stack.broker.commands)
    assert save == SaveOutput(task_key=TASK, output=output, access=OWN_WORK)
    assert finish == FinishTask(task_key=TASK, output=output, access=OWN_WORK)


async def test_completing_needs_no_body(stack: Stack, work: WorkReads) -> None:
    work.put(task())
    assert is_void(await stack.client.post(f"{ONE}/update?complete=true"))
    [entry] = stack.broker.commands
    assert isinstance(entry.body, FinishTask)
    assert entry.body.output == {}


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_update_by_reference(stack: Stack, work: WorkReads, method: str) -> None:
    work.put(task())
    path = f"{BY_REF}&complete=true&iteration=1"
    assert is_void(await stack.client.request(method, path, json={"a": 1}))
    [entry] = stack.broker.commands
    assert entry.body == FinishTask(task_key=TASK, output={"a": 1}, access=OWN_WORK)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"workflowId={WORKFLOW_ID}&taskRefName=other", 404),
        (f"workflowId={TASK_ID}&taskRefName=check_ref", 404),
        ("workflowId=abc&taskRefName=check_ref", 404),
        (f"workflowId={WORKFLOW_ID}&taskRefName=check_ref&iteration=2", 404),
        (f"workflowId={WORKFLOW_ID}", 400),
        ("taskRefName=check_ref", 400),
        (f"workflowId={WORKFLOW_ID}&taskRefName=check_ref&iteration=one", 400),
    ],
)
async def test_a_reference_that_leads_nowhere(
    stack: Stack, work: WorkReads, query: str, status: int
) -> None:
    work.put(task())
    answer = await stack.client.post(f"{TASKS}/update/taskRef?{query}", json={})
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert stack.broker.commands == []


async def test_what_is_entered_must_fit_the_form(stack: Stack, with_form: WorkReads) -> None:
    answer = await stack.client.post(f"{ONE}/update", json={"amount": "much"})
    assert answer.status_code == 400
    [error] = answer.json()["validationErrors"]
    assert (error["path"], error["invalidValue"]) == ("amount", "much")
    assert "amount" in answer.json()["message"]
    assert stack.broker.commands == []


async def test_only_completion_asks_for_required_fields(stack: Stack, with_form: WorkReads) -> None:
    assert is_void(await stack.client.post(f"{ONE}/update", json={"amount": 5}))
    answer = await stack.client.post(f"{ONE}/update?complete=true", json={"amount": 5})
    assert answer.status_code == 400
    assert answer.json()["validationErrors"] == [{"path": "approved", "message": "is required"}]
    assert "approved" in answer.json()["message"]
    by_reference = await stack.client.post(f"{BY_REF}&complete=true", json={})
    assert by_reference.status_code == 400
    assert len(stack.broker.commands) == 1


async def test_what_was_saved_counts_at_completion(stack: Stack, work: WorkReads) -> None:
    raw = definition(userFormTemplate={"name": "loan", "version": 0})
    work.put(task(raw=raw, output={"approved": True}, inputs={"amount": "not output"}))
    work.kept.append(document("form_template", "loan", 3, {"jsonSchema": FORM, "templateUI": {}}))
    assert is_void(await stack.client.post(f"{ONE}/update?complete=true", json={"amount": 2}))


@pytest.mark.parametrize("action", ["release", "skip", "reassign", "update"])
async def test_what_is_not_there_is_a_bad_request(
    stack: Stack, work: WorkReads, action: str
) -> None:
    stack.broker.answer = lambda _: rejected(
        RejectionType.NOT_FOUND, Code.TASK_NOT_FOUND, verb=action, key=str(TASK)
    )
    body: Any = [] if action == "reassign" else {}
    answers = [await stack.client.post(f"{ONE}/{action}", json=body)]
    unknown = uuid_of(key_of(9, 1))
    answers += [
        await stack.client.post(f"{TASKS}/{each}/{action}", json=body) for each in ("abc", unknown)
    ]
    assert [each.status_code for each in answers] == [400, 400, 400]
    assert len({tuple(each.json()) for each in answers}) == 1


async def test_delete_one_and_many(stack: Stack) -> None:
    others = [uuid_of(key_of(1, each)) for each in (8, 9)]
    assert is_void(await stack.client.delete(f"{TASKS}/delete/{TASK_ID}"))
    many = await stack.client.request("DELETE", f"{TASKS}/delete", json=[*others, others[0]])
    assert is_void(many)
    access = Access(owner=True, verb="DELETE", kind="TASK_DEF")
    keys = [TASK, key_of(1, 8), key_of(1, 9)]
    bodies = [each.body for each in stack.broker.commands]
    assert bodies == [RemoveTask(task_key=key, access=access) for key in keys]


async def test_a_key_keeps_the_commands_of_a_request_apart(stack: Stack) -> None:
    body = [uuid_of(key_of(1, each)) for each in (8, 9)]
    headers = {"Idempotency-Key": "once"}
    for _ in range(2):
        await stack.client.request("DELETE", f"{TASKS}/delete", json=body, headers=headers)
    ids = [each.id for each in stack.broker.commands]
    assert (len(ids), len(set(ids))) == (4, 2)


@pytest.mark.parametrize("body", [["abc"], [7], {"a": 1}, None])
async def test_deleting_what_is_no_list_of_ids(stack: Stack, body: object) -> None:
    answer = await stack.client.request("DELETE", f"{TASKS}/delete", json=body)
    assert answer.status_code == 400
    assert stack.broker.commands == []


async def test_deleting_many_tells_of_the_first_that_is_not_there(stack: Stack) -> None:
    def answer(entry: Any) -> Any:
        if entry.body.task_key == TASK:
            return rejected(RejectionType.NOT_FOUND, Code.TASK_NOT_FOUND, verb="remove", key="1")
        return apply(entry)

    stack.broker.answer = answer
    body = [TASK_ID, uuid_of(key_of(1, 8))]
    given = await stack.client.request("DELETE", f"{TASKS}/delete", json=body)
    assert given.status_code == 400
    assert len(stack.broker.commands) == 2
