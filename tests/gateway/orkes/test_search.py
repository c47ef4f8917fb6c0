"""Searches: what they ask the read side for, and on whose behalf."""

from typing import Any

import pytest

from signoff_gateway.dialects.orkes import permissions
from signoff_gateway.dialects.orkes.permissions import may_see, qualifies, visible_to
from signoff_gateway.reads.work import (
    AllOf,
    FieldMatch,
    PersonPattern,
    SeenBy,
    Word,
    WorkQuery,
)
from signoff_schemas.principal import ADMIN, Access, Grant, Principal
from signoff_schemas.work import Person, Policy, Work, WorkState
from tests.support.gateway import Stack
from tests.support.orkes import (
    JANE,
    JOHN,
    STAFF,
    TASK,
    TASK_ID,
    WORKFLOW,
    WORKFLOW_ID,
    WorkReads,
    task,
)

SEARCH = "/api/human/tasks/search"
CLIENT: dict[str, Any] = {
    "size": 15,
    "start": 0,
    "states": [],
    "taskInputQuery": "",
    "taskOutputQuery": "",
    "definitionNames": [],
    "taskRefNames": [],
    "claimants": [],
    "assignees": [],
}
"""What the JavaScript client always sends."""


async def test_what_is_empty_does_not_filter(stack: Stack, work: WorkReads) -> None:
    empty: dict[str, Any] = dict.fromkeys(["searchType", *CLIENT, "workflowIds", "fullTextQuery"])
    for body in (CLIENT, {}, empty, {**CLIENT, "states": [None, ""], "unknown": 1}):
        assert (await stack.client.post(SEARCH, json=body)).status_code == 200, body
    assert (await stack.client.post(SEARCH)).status_code == 200
    assert work.queries == [WorkQuery()] * 5


async def test_every_filter(stack: Stack, work: WorkReads) -> None:
    body = {
        "searchType": "ADMIN",
        "start": 30,
        "size": 10,
        "states": ["ASSIGNED", "IN_PROGRESS", "ASSIGNED"],
        "assignees": [
            {"userType": "EXTERNAL_GROUP", "user": "a*"},
            {"userType": "CONDUCTOR_USER", "user": "jane"},
        ],
        "claimants": [{"user": "ann"}, {"userType": "EXTERNAL_USER"}],
        "definitionNames": ["check"],
        "displayNames": ["Check it"],
        "taskRefNames": ["check_ref"],
        "workflowNames": ["loan"],
        "workflowIds": [WORKFLOW_ID, "abc"],
        "taskInputQuery": 'a = 1 AND b = "x"',
        "taskOutputQuery": "a.b = 1",
        "fullTextQuery": "loan",
        "updateStartTime": 5,
        "updateEndTime": 7,
    }
    assert (await stack.client.post(SEARCH, json=body)).status_code == 200
    assert work.queries == [
        WorkQuery(
            start=30,
            size=10,
            states=(WorkState.ASSIGNED, WorkState.CLAIMED),
            assignees=(
                PersonPattern("a*", group=True, external=True),
                PersonPattern("jane", group=False, external=False),
            ),
            claimants=(PersonPattern("ann"), PersonPattern("*", group=False, external=True)),
            definition_names=("check",),
            display_names=("Check it",),
            node_ids=("check_ref",),
            process_ids=("loan",),
            process_instance_keys=(WORKFLOW,),
            input=AllOf((FieldMatch(("a",), ("1",)), FieldMatch(("b",), ("x",)))),
            output=FieldMatch(("a", "b"), ("1",)),
            text=Word("loan"),
            updated_from=5,
            updated_until=7,
        )
    ]


async def test_workflows_that_cannot_be_find_nothing(stack: Stack, work: WorkReads) -> None:
    await stack.client.post(SEARCH, json={"workflowIds": ["abc"]})
    assert work.queries[0].process_instance_keys == ()


async def test_a_page_is_no_larger_than_we_give(stack: Stack, work: WorkReads) -> None:
    answer = await stack.client.post(SEARCH, json={"size": 1_000_000})
    assert answer.json()["pageSizeLimit"] == work.queries[0].size == 1000


async def test_the_result(stack: Stack, work: WorkReads) -> None:
    work.put(task())
    answer = (await stack.client.post(SEARCH, json=CLIENT)).json()
    [entry] = answer.pop("results")
    assert answer == {"start": 0, "pageSizeLimit": 15, "hits": 1, "totalHits": 1}
    assert "humanTaskDef" not in entry
    assert "claimant" not in entry
    assert (entry["taskId"], entry["state"]) == (TASK_ID, "ASSIGNED")
    assert "__humanTaskProcessContext" in entry["input"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"states": ["OPEN"]}, "states"),
        ({"states": "ASSIGNED"}, "states"),
        ({"size": -1}, "size"),
        ({"start": -1}, "start"),
        ({"size": "many"}, "size"),
        ({"size": 2**40}, "size"),
        ({"assignees": [{"userType": "ROBOT", "user": "x"}]}, "assignees.0.userType"),
        ({"assignees": ["jane"]}, "assignees.0"),
        ({"searchType": "MINE"}, "searchType"),
        ({"workflowIds": [7]}, "workflowIds.0"),
        ({"definitionNames": ["x" * 600]}, "definitionNames.0"),
        ({"definitionNames": ["x"] * 1001}, "definitionNames"),
        ({"updateStartTime": 2**70}, "updateStartTime"),
    ],
)
async def test_a_search_that_makes_no_sense(
    stack: Stack, work: WorkReads, body: object, told: str
) -> None:
    answer = await stack.client.post(SEARCH, json=body)
    assert answer.status_code == 400
    assert told in answer.text
    assert work.queries == []


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"7", b'"x"', b'{"taskInputQuery": "a ="}', b'{"fullTextQuery": "a\\u0000"}'],
)
async def test_what_cannot_be_read(stack: Stack, work: WorkReads, body: bytes) -> None:
    answer = await stack.client.post(
        SEARCH, content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["status"]) == (400, 400)


async def test_display_names(stack: Stack, work: WorkReads) -> None:
    path = "/api/human/tasks/getTaskDisplayNames"
    assert (await stack.client.get(f"{path}?searchType=ADMIN")).json() == ["A", "B"]
    assert (await stack.client.get(f"{path}?searchType=INBOX")).json() == ["A", "B"]
    assert work.names == [None, SeenBy("demo", involved=True, open=True)]
    assert (await stack.client.get(path)).status_code == 400
    assert (await stack.client.get(f"{path}?searchType=all")).status_code == 400


async def test_the_full_text_needs_no_filling(stack: Stack) -> None:
    path = "/api/human/tasks/backPopulateFullTextIndex?100=50"
    answer = await stack.client.get(path)
    assert (answer.status_code, answer.json()) == (200, {})


_READ = "READ_USER_TASK"
READ_LOANS = Grant("PROCESS_DEFINITION", "loan", (_READ,))
READ_CHECK = Grant("TASK_DEF", "check", ("READ",))
BOB = Principal("bob", ("staff",))


@pytest.mark.parametrize(
    ("caller", "search_type", "seen_by"),
    [
        (Principal("root", roles=(ADMIN,)), "ADMIN", None),
        (Principal("root", roles=(ADMIN,)), "", None),
        (Principal("root", roles=(ADMIN,)), "INBOX", SeenBy("root", involved=True, open=True)),
        (BOB, "INBOX", SeenBy("bob", ("staff",), involved=True, open=True, shared=True)),
        (BOB, "ADMIN", SeenBy("bob", owned=True)),
        (BOB, "", SeenBy("bob", ("staff",), involved=True, open=True, shared=True, owned=True)),
        (
            Principal("bob", grants=(READ_CHECK, Grant("WORKFLOW_DEF", "loan", ("READ",)))),
            "",
            SeenBy(
                "bob",
                involved=True,
                open=True,
                shared=True,
                owned=True,
                definition_names=("check",),
            ),
        ),
        (Principal("bob", grants=(Grant("TASK_DEF", "*", ("UPDATE",)),)), "", None),
        (
            Principal("bob", grants=(READ_LOANS, Grant("USER_TASK", f"{TASK}", ("READ", "CLAIM")))),
            "",
            SeenBy(
                "bob",
                involved=True,
                open=True,
                shared=True,
                owned=True,
                process_ids=("loan",),
                keys=(TASK,),
            ),
        ),
        (
            Principal("bob", grants=(READ_LOANS,)),
            "INBOX",
            SeenBy("bob", involved=True, open=True, shared=True),
        ),
        (Principal("bob", grants=(Grant("PROCESS_DEFINITION", "*", (_READ,)),)), "", None),
        (Principal("bob", grants=(Grant("USER_TASK", "*", ("READ",)),)), "", None),
        (
            Principal("bob", grants=(Grant("PROCESS_DEFINITION", "*", ("UPDATE_USER_TASK",)),)),
            "",
            SeenBy("bob", involved=True, open=True, shared=True, owned=True),
        ),
    ],
)
def test_whose_tasks_are_found(caller: Principal, search_type: str, seen_by: SeenBy | None) -> None:
    assert visible_to(caller, search_type) == seen_by


@pytest.mark.parametrize(
    ("caller", "work", "sees"),
    [
        (Principal("root", roles=(ADMIN,)), Work(JANE, index=0), True),
        (Principal("boss"), Work(JANE, index=0), True),
        (Principal("jane"), Work(JANE, index=0), True),
        (Principal("john"), Work(STAFF, JOHN, 0), True),
        (BOB, Work(STAFF, index=0), True),
        (BOB, Work(exhausted=True), True),
        (BOB, Work(JANE, index=0), False),
        (BOB, Work(Person("bob", external=True), index=0), False),
        (BOB, Work(Person("staff", group=True, external=True), index=0), False),
        (BOB, Work(JANE, Person("bob", external=True), 0), False),
        (Principal("bob", grants=(READ_CHECK,)), Work(JANE, index=0), True),
        (
            Principal("bob", grants=(Grant("TASK_DEF", "other", ("READ",)),)),
            Work(JANE, index=0),
            False,
        ),
    ],
)
def test_who_may_get_a_task(caller: Principal, work: Work, sees: bool) -> None:  # noqa: FBT001
    assert may_see(caller, task(work=work)) is sees


OWNER = Principal("boss")
UPDATER = Principal("u", grants=(Grant("TASK_DEF", "check", ("UPDATE",)),))
DELETER = Principal("d", grants=(Grant("TASK_DEF", "check", ("DELETE",)),))
APP = Principal("app:ui", grants=(Grant("TASK_DEF", "check", ("EXECUTE", "READ", "UPDATE")),))
ASSIGNEE = Principal("jane")
CLAIMANT = Principal("john")
STRANGER = Principal("stranger")
EVERYBODY = [OWNER, UPDATER, DELETER, APP, ASSIGNEE, CLAIMANT, STRANGER]


@pytest.mark.parametrize(
    ("access_of", "allowed"),
    [
        (lambda _: permissions.of_claim(), [OWNER, UPDATER, APP, ASSIGNEE]),
        (permissions.of_external_claim, [OWNER, APP]),
        (lambda _: permissions.of_reassignment(), [OWNER, UPDATER, APP, ASSIGNEE]),
        (permissions.of_work, [OWNER, APP, CLAIMANT]),
        (permissions.of_skip, [OWNER, APP, ASSIGNEE, CLAIMANT]),
        (lambda _: permissions.of_deletion(), [OWNER, DELETER]),
    ],
)
def test_who_may_do_what(access_of: Any, allowed: list[Principal]) -> None:
    """The table of orkes.md 2.5, on a task that is assigned to one and claimed by another."""
    claimed = task(WorkState.CLAIMED, Work(JANE, JOHN, 0))
    found = [each for each in EVERYBODY if qualifies(each, access_of(each), claimed)]
    assert found == allowed


def test_an_open_task_may_be_claimed_by_anybody() -> None:
    open_task = task(work=Work(exhausted=True))
    assert qualifies(STRANGER, permissions.of_claim(), open_task)
    assert qualifies(STRANGER, permissions.of_external_claim(STRANGER), open_task)
    assert not qualifies(STRANGER, Access(owner=True), open_task)


def test_an_open_task_with_candidates_is_theirs() -> None:
    of_users = task(work=Work(exhausted=True), policy=None, candidate_users=("bob",))
    of_groups = task(work=Work(exhausted=True), policy=None, candidate_groups=("staff",))
    for each in (of_users, of_groups):
        assert may_see(BOB, each)
        assert qualifies(BOB, permissions.of_claim(), each)
        assert not may_see(STRANGER, each)
        assert not qualifies(STRANGER, permissions.of_claim(), each)


def test_an_open_task_of_the_other_dialect_takes_its_grant() -> None:
    plain = task(work=Work(exhausted=True), policy=None)
    released = task(work=Work(exhausted=True), policy=Policy(open_to_all=False))
    granted = Principal("g", grants=(Grant("PROCESS_DEFINITION", "loan", ("UPDATE_USER_TASK",)),))
    reader = Principal("r", grants=(Grant("PROCESS_DEFINITION", "loan", ("READ_USER_TASK",)),))
    for each in (plain, released):
        assert qualifies(granted, permissions.of_claim(), each)
        assert not qualifies(reader, permissions.of_claim(), each)
        assert [may_see(who, each) for who in (reader, STRANGER)] == [True, False]


@pytest.mark.parametrize(
    ("grant", "sees"),
    [
        (READ_LOANS, True),
        (Grant("PROCESS_DEFINITION", "trip", (_READ,)), False),
        (Grant("USER_TASK", f"{TASK}", ("READ",)), True),
        (Grant("USER_TASK", "1", ("READ",)), False),
    ],
)
def test_whoever_may_read_a_task_in_the_other_dialect_may_here(grant: Grant, *, sees: bool) -> None:
    assert may_see(Principal("r", grants=(grant,)), task(work=Work(JANE, index=0))) is sees


@pytest.mark.parametrize("state", [WorkState.CLAIMED, WorkState.COMPLETED, WorkState.DELETED])
def test_what_was_open_is_no_longer_everybody_s(state: WorkState) -> None:
    assert not may_see(BOB, task(state, Work(None, JANE)))
    assert not may_see(BOB, task(WorkState.COMPLETED, Work(exhausted=True)))
