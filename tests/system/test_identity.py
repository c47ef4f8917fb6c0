"""Claims by different people, on the running product with credentials: orkes.md 2.5."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable
from urllib.parse import quote

import httpx
import pytest

from tests.support.identity import KEY, PASSWORD, SECRET, as_user, entries
from tests.support.processes import until
from tests.support.stack import Dev, home
from tests.system.conftest import Product

pytestmark = pytest.mark.system
HUMAN = {
    "displayName": "Check",
    "assignments": [
        {"assignee": {"userType": "CONDUCTOR_GROUP", "user": "staff"}, "slaMinutes": 0}
    ],
}
LOAN = {
    "name": "loan",
    "version": 1,
    "schemaVersion": 2,
    "tasks": [
        {
            "name": "check",
            "taskReferenceName": "check_ref",
            "type": "HUMAN",
            "inputParameters": {"__humanTaskDefinition": HUMAN},
        }
    ],
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    with home("identity") as folder:
        path = folder / "identity.json"
        path.write_text(json.dumps(entries().model_dump(mode="json")))
        settings = {"SIGNOFF_AUTHENTICATION": "required", "SIGNOFF_IDENTITY_FILE": str(path)}
        dev = Dev(folder, settings)
        plain = dev.url
        dev.url = plain.replace("://", f"://root:{quote(PASSWORD)}@")
        try:
            await dev.start()
            async with httpx.AsyncClient(base_url=plain, timeout=60) as made:
                yield made
        finally:
            await dev.process.stop()


async def a_task(client: httpx.AsyncClient) -> str:
    root = as_user("root")
    query = "/api/metadata/workflow?overwrite=true"
    assert (await client.post(query, json=LOAN, auth=root)).status_code == 200
    assert (await client.post("/api/workflow", json={"name": "loan"}, auth=root)).is_success
    found: list[str] = []

    async def there() -> bool:
        answer = await client.post("/api/human/tasks/search", json={}, auth=root)
        found[:] = [each["taskId"] for each in answer.json()["results"]]
        return bool(found)

    await until(there, 60, "the task")
    return f"/api/human/tasks/{found[0]}"


async def test_each_may_do_what_he_is_to_the_task(client: httpx.AsyncClient) -> None:
    task = await a_task(client)

    async def status(who: str, way: str, **given: object) -> int:
        return (await client.post(f"{task}/{way}", auth=as_user(who), **given)).status_code  # type: ignore[arg-type]

    assert (await client.get(task, auth=as_user("eve"))).status_code == 403
    assert [await status("eve", way) for way in ("claim", "skip", "release")] == [403] * 3
    assert await status("eve", "reassign", json=[]) == 403
    assert (await client.get(task, auth=as_user("john"))).status_code == 200
    assert await status("jane", "claim") == 200
    assert await status("john", "claim") == 400
    assert await status("eve", "claim") == 403
    assert await status("john", "release") == 403
    assert await status("john", "update?complete=true", json={}) == 403
    assert await status("jane", "release") == 200
    assert await status("john", "claim") == 200
    assert await status("john", "update?complete=true", json={"ok": True}) == 200
    assert await status("root", "claim") == 400


async def test_an_application_claims_for_others_once_it_is_granted(
    client: httpx.AsyncClient,
) -> None:
    task = await a_task(client)
    answer = await client.post("/api/token", json={"keyId": KEY, "keySecret": SECRET})
    token = {"x-authorization": answer.json()["token"]}
    claim = f"{task}/externalUser/bob?overrideAssignment=true"
    search = {"json": {}, "headers": token}

    refused = await client.post(claim, headers=token)
    hidden = await client.post("/api/human/tasks/search", **search)  # type: ignore[arg-type]
    grant = {
        "subject": {"type": "USER", "id": "app:ui"},
        "target": {"type": "TASK_DEF", "id": "check"},
        "access": ["READ", "UPDATE"],
    }
    granted = await client.post("/api/auth/authorization", json=grant, auth=as_user("root"))
    shown = await client.post("/api/human/tasks/search", **search)  # type: ignore[arg-type]
    allowed = await client.post(claim, headers=token)

    assert (refused.status_code, hidden.json()["totalHits"]) == (403, 0)
    assert granted.status_code == 200
    assert (allowed.status_code, shown.json()["totalHits"]) == (200, 1)
    assert allowed.json()["claimant"] == {"userType": "EXTERNAL_USER", "user": "bob"}
    on_it = await client.get("/api/auth/authorization/TASK_DEF/check", auth=as_user("root"))
    assert on_it.json()["UPDATE"] == [{"type": "USER", "id": "app:ui"}]


async def test_users_that_the_api_made_log_in_until_they_are_gone(
    client: httpx.AsyncClient,
) -> None:
    root, kate = as_user("root"), as_user("kate", "a password of hers")
    body = {"name": "Kate", "groups": ["staff"], "roles": ["USER"], "password": kate_password()}

    async def asks() -> int:
        return (await client.get("/api/token/userInfo", auth=kate)).status_code

    assert await asks() == 401
    saved = await client.put("/api/users/kate", json=body, auth=root)
    members = await client.get("/api/groups/staff/users", auth=root)
    assert [each["id"] for each in members.json()] == ["kate", "jane", "john"]
    assert "argon2" not in saved.text + members.text
    assert await asks() == 200
    fixed = await client.put("/api/users/jane", json=body, auth=root)
    unknown = await client.put("/api/users/x", json={"name": "X", "roles": ["NONE"]}, auth=root)
    assert (fixed.status_code, unknown.status_code) == (409, 400)
    assert (await client.get("/api/users", auth=kate)).status_code == 403
    assert (await client.delete("/api/users/kate", auth=root)).status_code == 200
    assert await asks() == 401


async def test_a_key_that_is_switched_off_takes_its_tokens_with_it(
    client: httpx.AsyncClient,
) -> None:
    root = as_user("root")
    made = (await client.post("/api/applications", json={"name": "bot"}, auth=root)).json()
    keys = f"/api/applications/{made['id']}/accessKeys"
    key = (await client.post(keys, auth=root)).json()
    login = {"keyId": key["id"], "keySecret": key["secret"]}
    headers = {"x-authorization": (await client.post("/api/token", json=login)).json()["token"]}
    before = await client.get("/api/token/userInfo", headers=headers)

    off = await client.post(f"{keys}/{key['id']}/status", auth=root)
    after = await client.get("/api/token/userInfo", headers=headers)
    again = await client.post("/api/token", json=login)

    assert (before.status_code, off.json()["status"]) == (200, "INACTIVE")
    assert (after.status_code, again.status_code) == (401, 401)
    listed = await client.get(keys, auth=root)
    assert listed.json()[0].keys() == {"id", "createdAt", "status"}


async def test_grants_that_two_gateways_give_at_once_all_hold(
    product: Product, unique: str
) -> None:
    names = {f"task-{number}" for number in range(20)}
    async with (
        httpx.AsyncClient(base_url=product.front, timeout=30) as first,
        httpx.AsyncClient(base_url=product.back, timeout=30) as second,
    ):
        assert (await first.put(f"/api/users/{unique}", json={"name": "Kim"})).status_code == 200

        def grant(client: httpx.AsyncClient, name: str) -> Awaitable[httpx.Response]:
            subject, target = {"type": "USER", "id": unique}, {"type": "TASK_DEF", "id": name}
            body = {"subject": subject, "target": target, "access": ["READ"]}
            return client.post("/api/auth/authorization", json=body)

        clients = itertools.cycle((first, second))
        answers = await asyncio.gather(*map(grant, clients, sorted(names)))
        assert {each.status_code for each in answers} == {200}

        async def all_hold() -> bool:
            answer = await first.get(f"/api/users/{unique}/permissions")
            return {each["target"]["id"] for each in answer.json()["grantedAccess"]} == names

        await until(all_hold, 60, "all grants")


def kate_password() -> str:
    return "a password of hers"
