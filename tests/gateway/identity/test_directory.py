"""Changes of the directory, of which several gateways may make some at once."""

import asyncio
from typing import Any

from signoff_gateway.identity.entries import APPLICATION, GRANTS, USER, GrantedTo
from signoff_schemas.documents import DeleteDocument, PutDocument
from signoff_schemas.envelope import Entry
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome
from tests.support.gateway import Stack, rejected
from tests.support.identity import Documents, as_user, guarded
from tests.support.orkes import document

ROOT = as_user("root")
AUTHORIZATION = "/api/auth/authorization"
EDITS = 20


def a_grant(target: str) -> dict[str, Any]:
    return {
        "subject": {"type": "USER", "id": "jane"},
        "target": {"type": "TASK_DEF", "id": target},
        "access": ["READ"],
    }


async def at_once(first: Stack, second: Stack, method: str, edits: list[Any]) -> None:
    """Every other edit by each gateway. All are made."""
    answers = await asyncio.gather(
        *(
            stack.client.request(method, path, json=body, auth=ROOT)
            for stack, (path, body) in zip([first, second] * len(edits), edits, strict=False)
        )
    )
    assert {each.status_code for each in answers} == {200}


def targets(kept: Documents) -> set[str]:
    """What jane was granted."""
    granted = GrantedTo.model_validate(kept.rows[GRANTS, "USER:jane"].content)
    return {each.target for each in granted.grants}


async def test_no_edit_is_lost_that_two_gateways_make_at_once() -> None:
    names = {f"task-{number}" for number in range(EDITS)}
    async with guarded() as (first, kept), guarded(kept) as (second, _):
        await at_once(first, second, "POST", [(AUTHORIZATION, a_grant(name)) for name in names])
        granted = targets(kept)
        rest = {f"task-{number}" for number in range(3)}
        await at_once(
            first, second, "DELETE", [(AUTHORIZATION, a_grant(name)) for name in names - rest]
        )
        left = targets(kept)

    assert granted == names
    assert left == rest
    assert kept.conflicts, "nothing was made at once"


async def test_keys_roles_and_tags_of_an_application_all_hold() -> None:
    async with guarded() as (first, kept), guarded(kept) as (second, _):
        made = await first.client.post("/api/applications", json={"name": "bot"}, auth=ROOT)
        one = f"/api/applications/{made.json()['id']}"
        await at_once(
            first, second, "POST", [(f"{one}/accessKeys", None), (f"{one}/roles/USER", None)] * 3
        )
        row = kept.rows[APPLICATION, made.json()["id"]]

    assert (len(row.content["keys"]), row.content["roles"]) == (6 // 2, ["USER"])  # type: ignore[arg-type]


async def test_members_of_two_groups_stay_in_both() -> None:
    async with guarded() as (first, kept), guarded(kept) as (second, _):
        for group in ("a", "b"):
            await first.client.put(f"/api/groups/{group}", json={}, auth=ROOT)
        await first.client.put("/api/users/kim", json={"name": "Kim"}, auth=ROOT)
        edits = [(f"/api/groups/{group}/users/kim", None) for group in ("a", "b")]
        await at_once(first, second, "POST", edits)

    assert sorted(kept.rows[USER, "kim"].content["groups"]) == ["a", "b"]  # type: ignore[call-overload]


def overtaken(stack: Stack, kept: Documents, times: int) -> None:
    """Somebody else is always faster, so many times."""
    left = iter(range(times))

    def answer(entry: Entry) -> Outcome:
        if isinstance(entry.body, PutDocument) and next(left, None) is not None:
            values = {"kind": entry.body.kind, "id": entry.body.id}
            return rejected(RejectionType.INVALID_STATE, Code.DOCUMENT_CHANGED, **values)
        return kept.answer(entry)

    stack.broker.answer = answer


async def test_who_is_overtaken_again_and_again_is_told_so() -> None:
    async with guarded() as (stack, kept):
        overtaken(stack, kept, 1_000)
        answer = await stack.client.post(AUTHORIZATION, json=a_grant("check"), auth=ROOT)
        tried = len(stack.broker.bodies(PutDocument))

    assert answer.status_code == 409
    assert answer.json()["message"] == (
        "What this would change is being changed by others too: try again"
    )
    assert 1 < tried <= 100


async def test_a_run_of_losses_against_another_gateway_is_no_conflict() -> None:
    async with guarded() as (stack, kept):
        overtaken(stack, kept, 20)
        answer = await stack.client.post(AUTHORIZATION, json=a_grant("check"), auth=ROOT)

    assert answer.status_code == 200
    assert targets(kept) == {"check"}


async def test_an_attempt_made_anew_is_the_same_command_under_one_idempotency_key() -> None:
    headers = {"Idempotency-Key": "once"}
    async with guarded() as (stack, kept):
        overtaken(stack, kept, 2)
        answer = await stack.client.post(
            AUTHORIZATION, json=a_grant("check"), headers=headers, auth=ROOT
        )
        ids = {each.id for each in stack.broker.commands}

    assert answer.status_code == 200
    assert len(ids) == 1
    assert targets(kept) == {"check"}


async def test_grants_go_with_who_had_them_though_others_gave_them_meanwhile() -> None:
    async with guarded() as (stack, kept):

        def answer(entry: Entry) -> Outcome:
            body = entry.body
            if isinstance(body, DeleteDocument) and body.kind == USER:
                content: dict[str, object] = {"grants": []}
                kept.rows[GRANTS, "USER:kim"] = document(GRANTS, "USER:kim", 1, content)
            return kept.answer(entry)

        stack.broker.answer = answer
        await stack.client.put("/api/users/kim", json={"name": "Kim"}, auth=ROOT)
        gone = await stack.client.delete("/api/users/kim", auth=ROOT)

    assert gone.status_code == 200
    assert (GRANTS, "USER:kim") not in kept.rows
