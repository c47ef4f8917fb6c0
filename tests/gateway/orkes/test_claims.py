"""Claims: the command that goes to the engine, and the task that comes back."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from signoff_gateway.reads import ReadsUnavailable
from signoff_schemas.envelope import Entry
from signoff_schemas.ids import key_of, uuid_of
from signoff_schemas.principal import Access
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.work import Assignment, Person, Policy, Work, WorkState
from signoff_schemas.work_commands import TakeTask
from tests.support.gateway import Stack, rejected
from tests.support.orkes import (
    JANE,
    JOHN,
    STAFF,
    TASK,
    TASK_ID,
    WORKFLOW_ID,
    WorkReads,
    assigned,
    claimed,
    definition,
    document,
    task,
)

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def taken(
    work: Work, *, at: int, logged: int, updated_at: int = 1000
) -> Callable[[Entry], Outcome]:
    """The engine's answer to a claim."""
    shown: dict[str, object] = {"exhausted": work.exhausted, "index": work.index}
    for name, person in (("assignee", work.assignee), ("claimant", work.claimant)):
        if person is not None:
            shown[name] = {"id": person.id, "group": person.group, "external": person.external}
    result: dict[str, object] = {
        "work": shown,
        "at": at,
        "logged": logged,
        "updated_at": updated_at,
    }
    return lambda _: Outcome(status=OutcomeStatus.APPLIED, result=result)


def actions(entry: dict[str, Any]) -> list[dict[str, Any]]:
    return entry["input"]["__humanTaskProcessContext"]["humanTaskActionLogs"]


async def test_a_claim_is_sent_with_all_that_decides_it(stack: Stack, work: WorkReads) -> None:
    work.put(task(WorkState.CLAIMED))
    stack.broker.answer = taken(Work(JANE, Person("demo"), 0), at=2000, logged=1)
    answer = await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim?overrideAssignment=true")
    assert answer.status_code == 200
    [command] = stack.broker.bodies(TakeTask)
    assert command == TakeTask(
        task_key=TASK,
        claimant=Person("demo"),
        override=True,
        access=Access(
            owner=True, assignee=True, anybody_if_open=True, verb="UPDATE", kind="TASK_DEF"
        ),
    )
    assert answer.headers["Signoff-Command-Id"].startswith("c1-")


async def test_an_external_claim_names_the_user_of_the_path(stack: Stack, work: WorkReads) -> None:
    user = Person("ann@x/y z", external=True)
    work.put(task(WorkState.CLAIMED, Work(JANE, user, 0)))
    stack.broker.answer = taken(Work(JANE, user, 0), at=2000, logged=1)
    path = f"/api/human/tasks/{TASK_ID}/externalUser/ann%40x%2Fy%20z"
    answer = await stack.client.post(path)
    assert answer.json()["claimant"] == {"userType": "EXTERNAL_USER", "user": "ann@x/y z"}
    [command] = stack.broker.bodies(TakeTask)
    assert (command.claimant, command.override) == (user, False)
    assert command.access == Access(owner=True, anybody_if_open=True)


async def test_the_claimed_task_comes_back_whole(stack: Stack, work: WorkReads) -> None:
    """The shape of orkes.md 1.1-1.3: a claim of what is assigned to the caller (G1)."""
    log = (assigned(1000, JOHN), claimed(2000, JOHN, JOHN, "john"))
    raw = definition({"userType": "CONDUCTOR_USER", "user": "john"}, taskTriggers=[])
    work.put(
        task(
            WorkState.CLAIMED,
            Work(JOHN, JOHN, 0),
            raw=raw,
            policy=Policy((Assignment(JOHN, 0),)),
            log=log,
            inputs={"amount": 5},
            updated_at=2000,
        )
    )
    stack.broker.answer = taken(Work(JOHN, JOHN, 0), at=2000, logged=2)
    entry = (await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim")).json()
    john = {"userType": "CONDUCTOR_USER", "user": "john"}
    assert all(UUID4.fullmatch(each.pop("id")) for each in actions(entry))
    assert entry == {
        "createdBy": "boss",
        "updatedBy": "boss",
        "taskId": TASK_ID,
        "state": "IN_PROGRESS",
        "displayName": "Check it",
        "definitionName": "check",
        "workflowId": WORKFLOW_ID,
        "workflowName": "loan",
        "taskRefName": "check_ref",
        "assignee": john,
        "claimant": john,
        "humanTaskDef": {
            "assignments": [{"assignee": john, "slaMinutes": 0}],
            "taskTriggers": [],
            "assignmentCompletionStrategy": "LEAVE_OPEN",
            "displayName": "Check it",
        },
        "input": {
            "_createdBy": "boss",
            "amount": 5,
            "__humanTaskDefinition": raw,
            "__humanTaskProcessContext": {
                "state": "IN_PROGRESS",
                "lastUpdated": 2000,
                "assigneeIndex": 0,
                "assignmentsCompleted": False,
                "skippedAssigneeIndexes": [],
                "humanTaskActionLogs": [
                    {
                        "state": "ASSIGNED",
                        "stateStart": 1000,
                        "assignee": john,
                        "action": "ASSIGNMENT",
                        "actedBy": "system",
                    },
                    {
                        "state": "IN_PROGRESS",
                        "stateStart": 2000,
                        "assignee": john,
                        "claimant": john,
                        "action": "CLAIM",
                        "actedBy": "CONDUCTOR_USER:john",
                    },
                ],
                "humanTaskTriggerLog": [],
            },
        },
        "output": {},
        "createdOn": 990,
        "updatedOn": 1000,
    }


async def test_a_claim_of_an_open_task_leaves_it_without_assignee(
    stack: Stack, work: WorkReads
) -> None:
    """G4: neither assignee nor index."""
    standing = Work(None, JOHN, None, exhausted=True)
    log = (assigned(1000, None), claimed(2000, None, JOHN, "john"))
    work.put(task(WorkState.CLAIMED, standing, raw=definition(), policy=Policy(), log=log))
    stack.broker.answer = taken(standing, at=2000, logged=2)
    entry = (await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim")).json()
    context = entry["input"]["__humanTaskProcessContext"]
    assert "assignee" not in entry
    assert "assigneeIndex" not in context
    assert context["assignmentsCompleted"] is True
    assert [(each["action"], "assignee" in each) for each in actions(entry)] == [
        ("ASSIGNMENTS_COMPLETED", False),
        ("CLAIM", False),
    ]


async def test_the_answer_shows_the_claim_even_if_more_has_happened_since(
    stack: Stack, work: WorkReads
) -> None:
    released = assigned(3000, STAFF)
    log = (assigned(1000, STAFF), claimed(2000, STAFF, JOHN, "john"), released)
    work.put(task(work=Work(STAFF, index=0), log=log, updated_at=3000))
    stack.broker.answer = taken(Work(STAFF, JOHN, 0), at=2000, logged=2, updated_at=1500)
    entry = (await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim")).json()
    assert (entry["state"], entry["claimant"]["user"]) == ("IN_PROGRESS", "john")
    assert [each["action"] for each in actions(entry)] == ["ASSIGNMENT", "CLAIM"]
    context = entry["input"]["__humanTaskProcessContext"]
    assert (entry["updatedOn"], context["lastUpdated"]) == (1500, 2000)


async def test_a_claim_is_laid_over_the_task_as_it_was(stack: Stack, work: WorkReads) -> None:
    """What was read while the claim was under way will do, if it is what the claim found."""
    work.put(task(work=Work(STAFF, index=0), log=(assigned(1000, STAFF),)))
    stack.broker.answer = taken(Work(STAFF, Person("demo"), 0), at=2000, logged=2)
    entry = (await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim")).json()
    assert len(work.asked) == 1
    assert (entry["state"], entry["claimant"]["user"]) == ("IN_PROGRESS", "demo")
    assert (entry["assignee"]["user"], entry["updatedBy"]) == ("staff", "demo")
    assert [(each["action"], each["actedBy"]) for each in actions(entry)] == [
        ("ASSIGNMENT", "system"),
        ("CLAIM", "CONDUCTOR_USER:demo"),
    ]
    context = entry["input"]["__humanTaskProcessContext"]
    assert (entry["updatedOn"], context["lastUpdated"]) == (1000, 2000)


@pytest.mark.parametrize("after", [{"updated_at": 1500}, {"log": ()}])
async def test_a_task_that_the_claim_did_not_find_so_is_read_again(
    stack: Stack, work: WorkReads, after: dict[str, Any]
) -> None:
    before: dict[str, Any] = {"log": (assigned(1000, JANE),), "updated_at": 1000, **after}
    work.put(task(**before))

    def answer(entry: Entry) -> Outcome:
        log = (assigned(1000, JANE), claimed(2000, JANE, JANE, "demo"))
        new = Work(JANE, JANE, 0)
        work.put(task(WorkState.CLAIMED, new, log=log, updated_at=2000, output={"a": 1}))
        return taken(new, at=2000, logged=2)(entry)

    stack.broker.answer = answer
    entry = (await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim")).json()
    assert entry["output"] == {"a": 1}
    assert [each["action"] for each in actions(entry)] == ["ASSIGNMENT", "CLAIM"]


async def test_the_form_comes_along_when_it_is_asked_for(stack: Stack, work: WorkReads) -> None:
    raw = definition(userFormTemplate={"name": "loan form", "version": 0})
    work.put(task(WorkState.CLAIMED, raw=raw))
    form: dict[str, object] = {
        "jsonSchema": {"type": "object"},
        "templateUI": {"type": "VerticalLayout"},
    }
    work.kept += [document("form_template", "loan form", each, form) for each in (1, 2)]
    stack.broker.answer = taken(Work(JANE, JANE, 0), at=2000, logged=1)
    path = f"/api/human/tasks/{TASK_ID}/claim"
    plain = (await stack.client.post(path)).json()["humanTaskDef"]
    assert plain["userFormTemplate"] == {"name": "loan form", "version": 0}
    assert "fullTemplate" not in plain
    entry = (await stack.client.post(f"{path}?withTemplate=true")).json()
    assert entry["humanTaskDef"]["fullTemplate"] == {
        "name": "loan form",
        "version": 2,
        "createTime": 100,
        "updateTime": 200,
        "createdBy": "USER:boss",
        "updatedBy": "USER:jane",
        **form,
    }
    assert "fullTemplate" not in entry["input"]["__humanTaskDefinition"]


async def test_a_form_that_is_gone_is_left_out(stack: Stack, work: WorkReads) -> None:
    raw = definition(userFormTemplate={"name": "gone", "version": 1})
    work.put(task(raw=raw))
    answer = await stack.client.get(f"/api/human/tasks/{TASK_ID}?withTemplate=true")
    assert answer.status_code == 200
    assert "fullTemplate" not in answer.json()["humanTaskDef"]


REFUSALS = [
    (RejectionType.NOT_FOUND, Code.TASK_NOT_FOUND, 400, {"verb": "claim"}),
    (RejectionType.INVALID_STATE, Code.TASK_TAKEN, 400, {"verb": "claim", "claimant": "ann"}),
    (RejectionType.INVALID_STATE, Code.TASK_OF_OTHERS, 400, {"verb": "claim", "assignee": "ann"}),
    (RejectionType.INVALID_STATE, Code.TASK_IN_STATE, 400, {"verb": "claim", "state": "ASSIGNING"}),
    (
        RejectionType.INVALID_STATE,
        Code.TRANSITION_DENIED,
        409,
        {"transition": "assignment", "reason": "not on Fridays"},
    ),
    (RejectionType.FORBIDDEN, Code.TASK_FORBIDDEN, 403, {"verb": "claim", "target": "check"}),
    (
        RejectionType.RESOURCE_EXHAUSTED,
        Code.LISTENER_WAITS_EXHAUSTED,
        503,
        {"type": "audit"},
    ),
]


@pytest.mark.parametrize(("type_", "code", "status", "values"), REFUSALS)
async def test_the_engine_refuses_a_claim(
    stack: Stack,
    work: WorkReads,
    type_: RejectionType,
    code: Code,
    status: int,
    values: dict[str, str],
) -> None:
    stack.broker.answer = lambda _: rejected(type_, code, "CLAIM", key=str(TASK), **values)
    answer = await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert set(body) == {"status", "message", "instance", "retryable"}
    assert body["retryable"] is (status == 503)
    assert answer.headers["Signoff-Command-Id"]
    assert ("Retry-After" in answer.headers) is (status == 503)
    assert str(TASK) not in body["message"], "ids are written as clients know them"
    for told in ("ann", "not on Fridays"):
        if told in values.values():
            assert told in body["message"]


async def test_permissions_are_refused_in_the_words_of_the_original(
    stack: Stack, work: WorkReads
) -> None:
    stack.broker.answer = lambda _: rejected(
        RejectionType.FORBIDDEN,
        Code.TASK_FORBIDDEN,
        "CLAIM",
        verb="claim",
        key=str(TASK),
        target="check",
    )
    answer = await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim")
    assert answer.json()["message"] == "You don't have permissions to claim task: check"


@pytest.mark.parametrize("identifier", ["abc", "7", uuid_of(key_of(9, 1)), TASK_ID[:-1]])
async def test_an_id_that_is_none_is_an_unknown_one(stack: Stack, identifier: str) -> None:
    answer = await stack.client.post(f"/api/human/tasks/{identifier}/claim")
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    assert stack.broker.commands == []


@pytest.mark.parametrize("query", ["overrideAssignment=maybe", "withTemplate=1"])
async def test_a_flag_is_true_or_false(stack: Stack, query: str) -> None:
    answer = await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["message"]
    assert stack.broker.commands == []


async def test_who_waits_for_a_listener_too_long_is_told_the_command(hasty: Stack) -> None:
    hasty.broker.answer = lambda _: "audit"
    answer = await hasty.client.post(f"/api/human/tasks/{TASK_ID}/claim")
    body = answer.json()
    assert (answer.status_code, body["status"], body["retryable"]) == (504, 504, False)
    assert body["commandId"] == answer.headers["Signoff-Command-Id"]
    assert body["commandId"] in body["message"]


async def test_a_claim_that_cannot_be_read_again_is_not_denied(
    stack: Stack, work: WorkReads
) -> None:
    """503 would say that nothing was done."""

    async def gone(*_: object) -> None:
        raise ReadsUnavailable

    stack.reads.work_tasks = gone  # type: ignore[attr-defined]
    stack.broker.answer = taken(Work(JANE, JANE, 0), at=2000, logged=2)
    answer = await stack.client.post(f"/api/human/tasks/{TASK_ID}/claim")
    assert answer.status_code == 504
    assert answer.json()["commandId"] == answer.headers["Signoff-Command-Id"]


async def test_a_key_makes_the_same_command_of_a_repetition(stack: Stack, work: WorkReads) -> None:
    work.put(task(WorkState.CLAIMED))
    stack.broker.answer = taken(Work(JANE, JANE, 0), at=2000, logged=1)
    headers = {"Idempotency-Key": "once"}
    path = f"/api/human/tasks/{TASK_ID}/claim"
    answers = [await stack.client.post(path, headers=headers) for _ in range(2)]
    assert len({each.headers["Signoff-Command-Id"] for each in answers}) == 1


async def test_many_claims_share_their_reads(stack: Stack, work: WorkReads) -> None:
    """Tasks that are asked for while a query is under way wait for one that asks for all."""
    keys = [key_of(1, each) for each in range(100, 130)]
    for key in keys:
        work.put(task(WorkState.CLAIMED, key=key))
    begun = asyncio.Event()
    direct = work.work_tasks

    async def slow(keys: list[int], tenants: object) -> object:
        await begun.wait()
        return await direct(keys, tenants)

    stack.reads.work_tasks = slow  # type: ignore[attr-defined]
    stack.broker.answer = taken(Work(JANE, JANE, 0), at=2000, logged=1)

    async def claim(key: int) -> httpx.Response:
        return await stack.client.post(f"/api/human/tasks/{uuid_of(key)}/claim")

    asking = [asyncio.create_task(claim(key)) for key in keys]
    await stack.broker.until(lambda: len(stack.broker.commands) == len(keys))
    await asyncio.sleep(0.05)
    begun.set()
    answers = [await each for each in asking]
    assert [each.json()["taskId"] for each in answers] == [uuid_of(key) for key in keys]
    assert len(work.asked) < 10
