"""Changes of the directory that come again under their idempotency key."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from signoff_gateway.dialects.orkes.directory_editor import ATTEMPTS
from signoff_gateway.identity.entries import APPLICATION, GRANTS, GROUP, USER
from signoff_gateway.reads.work import DocumentRow
from signoff_schemas.documents import PutDocument
from signoff_schemas.envelope import Entry
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome
from tests.support.gateway import Stack, rejected
from tests.support.identity import Documents, as_user, guarded

ROOT = as_user("root")
KEYED = {"Idempotency-Key": "once"}
BUSY = rejected(RejectionType.RESOURCE_EXHAUSTED, Code.TOO_MANY_WAITERS, id="c1-x")
GRANT = {
    "subject": {"type": "USER", "id": "jane"},
    "target": {"type": "TASK_DEF", "id": "check"},
    "access": ["READ"],
}


def remembering(stack: Stack, kept: Documents) -> None:
    """What was decided of a command is told again if it comes again, as the engine does."""
    known: dict[str, Outcome] = {}

    def answer(entry: Entry) -> Outcome:
        if entry.id in known:
            return known[entry.id]
        outcome = kept.answer(entry)
        if outcome.rejection is None or outcome.rejection.code is not Code.DOCUMENT_CHANGED:
            known[entry.id] = outcome
        return outcome

    stack.broker.answer = answer


def fail_once(stack: Stack, is_it: Callable[[PutDocument], bool]) -> None:
    """There is no room for the first of these."""
    otherwise, failures = stack.broker.answer, iter([BUSY])

    def answer(entry: Entry) -> Outcome | str | None:
        if isinstance(entry.body, PutDocument) and is_it(entry.body):
            return next(failures, None) or otherwise(entry)
        return otherwise(entry)

    stack.broker.answer = answer


def overtake_once(stack: Stack, kept: Documents, user: str) -> None:
    """Another gateway saves a user just before the first change of it arrives."""
    otherwise, left = stack.broker.answer, [user]

    def answer(entry: Entry) -> Outcome | str | None:
        if isinstance(entry.body, PutDocument) and entry.body.id in left:
            left.clear()
            row = kept.rows[USER, user]
            kept.rows[USER, user] = replace(row, updated_at=row.updated_at + 5)
        return otherwise(entry)

    stack.broker.answer = answer


def groups_of(kept: Documents, user: str) -> object:
    return kept.rows[USER, user].content["groups"]


async def team(stack: Stack, *members: str) -> None:
    await stack.client.put("/api/groups/team", json={}, auth=ROOT)
    for name in members:
        body = {"name": name, "groups": ["team"]}
        assert (await stack.client.put(f"/api/users/{name}", json=body, auth=ROOT)).is_success


async def ask(stack: Stack, method: str, path: str, body: object = None) -> httpx.Response:
    return await stack.client.request(method, path, json=body, headers=KEYED, auth=ROOT)


async def test_the_rest_of_a_change_that_was_done_in_part_is_done() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        await team(stack, "u1", "u2", "u3")
        fail_once(stack, lambda body: body.id == "u2")
        first = await ask(stack, "DELETE", "/api/groups/team")
        left = groups_of(kept, "u2")
        second = await ask(stack, "DELETE", "/api/groups/team")

    assert (first.status_code, left, second.status_code) == (503, ["team"], 200)
    assert [groups_of(kept, name) for name in ("u1", "u2", "u3")] == [[], [], []]
    assert (GROUP, "team") not in kept.rows


async def test_a_deletion_that_comes_again_ends_as_it_did() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        await team(stack, "u1")
        body = {"name": "bot"}
        made = (await stack.client.post("/api/applications", json=body, auth=ROOT)).json()
        paths = ["/api/users/u1", "/api/groups/team", f"/api/applications/{made['id']}"]
        first = [await ask(stack, "DELETE", path) for path in paths]
        again = [await ask(stack, "DELETE", path) for path in paths]
        unknown = [await stack.client.delete(path, auth=ROOT) for path in paths]

    assert {each.status_code for each in first + again} == {200}
    assert [each.json()["message"] for each in unknown] == [
        f"No such {what} found by id: {path.rsplit('/', 1)[1]}"
        for what, path in zip(("user", "group", "application"), paths, strict=True)
    ]
    assert {each.status_code for each in unknown} == {404}


async def test_a_group_of_the_identity_file_loses_nobody() -> None:
    async with guarded() as (stack, kept):
        body = {"name": "Kim", "groups": ["staff"]}
        await stack.client.put("/api/users/kim", json=body, auth=ROOT)
        answer = await stack.client.delete("/api/groups/staff", auth=ROOT)

    assert answer.status_code == 409
    assert groups_of(kept, "kim") == ["staff"]


async def test_nobody_keeps_a_group_because_he_had_left_it_before() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        await team(stack, "u1", "u2")
        fail_once(stack, lambda body: body.id == "u2")
        await ask(stack, "DELETE", "/api/groups/team")
        await stack.client.post("/api/groups/team/users/u1", auth=ROOT)
        back = groups_of(kept, "u1")
        await ask(stack, "DELETE", "/api/groups/team")

    assert back == ["team"]
    assert groups_of(kept, "u1") == []


async def test_what_was_done_is_not_done_again_though_others_undid_it() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        await team(stack, "u1")
        member, one = "/api/groups/staff/users/u1", "/api/users/u1"
        await ask(stack, "POST", member)
        joined = groups_of(kept, "u1")
        await stack.client.delete(member, auth=ROOT)
        await ask(stack, "PUT", one, {"name": "A"})
        await stack.client.put(one, json={"name": "B"}, auth=ROOT)
        again = [await ask(stack, "POST", member), await ask(stack, "PUT", one, {"name": "A"})]

    assert (joined, groups_of(kept, "u1")) == (["team", "staff"], [])
    assert kept.rows[USER, "u1"].content["name"] == "B"
    assert {each.status_code for each in again} == {200}


async def test_who_was_overtaken_too_often_may_try_again_under_his_key() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        otherwise, others = stack.broker.answer, iter(range(1, ATTEMPTS + 1))
        name = (GRANTS, "USER:jane")

        def answer(entry: Entry) -> Outcome | str | None:
            body = entry.body
            saves = isinstance(body, PutDocument) and body.content
            if saves and (at := next(others, None)) is not None:
                kept.rows[name] = DocumentRow(*name, 1, {"grants": []}, 1, "x", at, "x")
            return otherwise(entry)

        stack.broker.answer = answer
        first = await ask(stack, "POST", "/api/auth/authorization", GRANT)
        second = await ask(stack, "POST", "/api/auth/authorization", GRANT)
        third = await ask(stack, "POST", "/api/auth/authorization", GRANT)

    assert [each.status_code for each in (first, second, third)] == [409, 200, 200]
    grants: Any = kept.rows[name].content["grants"]
    assert [each["target"] for each in grants] == ["check"]


async def test_an_application_is_made_once_and_shown_as_it_is() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        path = "/api/applications"
        made = (await ask(stack, "POST", path, {"name": "bot"})).json()
        await stack.client.put(f"{path}/{made['id']}", json={"name": "robot"}, auth=ROOT)
        again = (await ask(stack, "POST", path, {"name": "bot"})).json()
        other = await stack.client.post(path, json={"name": "bot"}, auth=ROOT)
        listed = await stack.client.get(path, auth=ROOT)

    assert (made["name"], again["name"]) == ("bot", "robot")
    assert again["id"] == made["id"] != other.json()["id"]
    assert {each["id"] for each in listed.json()} == {"ui", made["id"], other.json()["id"]}


async def test_no_secret_is_told_that_opens_nothing() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        made = (await stack.client.post("/api/applications", json={"name": "b"}, auth=ROOT)).json()
        keys = f"/api/applications/{made['id']}/accessKeys"
        first = await ask(stack, "POST", keys)
        second = await ask(stack, "POST", keys)
        row: Any = kept.rows[APPLICATION, made["id"]]
        login = {"keyId": first.json()["id"], "keySecret": first.json()["secret"]}
        token = await stack.client.post("/api/token", json=login)

    assert [each["id"] for each in row.content["keys"]] == [first.json()["id"]]
    assert (first.status_code, second.status_code, token.status_code) == (200, 409, 200)
    assert "secret" not in second.json()
    assert "by the first request with this Idempotency-Key" in second.json()["message"]


@pytest.mark.parametrize("times", [1, 2])
async def test_a_key_is_shown_as_switched_as_it_is(times: int) -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        made = (await stack.client.post("/api/applications", json={"name": "b"}, auth=ROOT)).json()
        keys = f"/api/applications/{made['id']}/accessKeys"
        key = (await stack.client.post(keys, auth=ROOT)).json()["id"]
        shown = [await ask(stack, "POST", f"{keys}/{key}/status") for _ in range(times)]
        listed = (await stack.client.get(keys, auth=ROOT)).json()

    assert [each.json()["status"] for each in shown] == ["INACTIVE"] * times
    assert [each["status"] for each in listed] == ["INACTIVE"]


async def test_a_deletion_that_was_overtaken_once_ends_as_it_did_when_it_comes_again() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        await team(stack, "u1")
        overtake_once(stack, kept, "u1")
        first = await ask(stack, "DELETE", "/api/groups/team")
        second = await ask(stack, "DELETE", "/api/groups/team")

    assert (first.status_code, second.status_code) == (200, 200)


async def test_what_is_taken_away_once_is_not_taken_away_again() -> None:
    grants, name = "/api/auth/authorization", (GRANTS, "USER:jane")
    other = {**GRANT, "target": {"type": "TASK_DEF", "id": "other"}}
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        await stack.client.post(grants, json=GRANT, auth=ROOT)
        await ask(stack, "DELETE", grants, GRANT)
        for each in (GRANT, other):
            await stack.client.post(grants, json=each, auth=ROOT)
        again = await ask(stack, "DELETE", grants, GRANT)

    assert again.status_code == 200
    left: Any = kept.rows[name].content["grants"]
    assert [each["target"] for each in left] == ["check", "other"]


async def test_what_is_gone_since_is_not_missed_by_who_removed_it() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        made = (await stack.client.post("/api/applications", json={"name": "b"}, auth=ROOT)).json()
        keys = f"/api/applications/{made['id']}/accessKeys"
        key = (await stack.client.post(keys, auth=ROOT)).json()["id"]
        await team(stack, "u1", "u2")
        paths = [f"{keys}/{key}", "/api/groups/team/users/u1"]
        first = [await ask(stack, "DELETE", path) for path in paths]
        await stack.client.delete("/api/groups/team", auth=ROOT)
        again = [await ask(stack, "DELETE", path) for path in paths]

    assert [each.status_code for each in first + again] == [200] * 4


async def test_a_group_made_since_keeps_its_members() -> None:
    async with guarded() as (stack, kept):
        remembering(stack, kept)
        await team(stack, "u1")
        first = await ask(stack, "DELETE", "/api/groups/team")
        await team(stack, "u2")
        again = await ask(stack, "DELETE", "/api/groups/team")

    assert [each.status_code for each in (first, again)] == [200, 200]
    assert (GROUP, "team") in kept.rows
    assert groups_of(kept, "u2") == ["team"]
