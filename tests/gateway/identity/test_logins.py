"""Who is let in, by which proof, and what the others are told."""

import asyncio
import logging
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

import httpx
import pytest

from signoff_gateway.identity import passwords
from signoff_gateway.identity.directory import Credential
from signoff_gateway.identity.passwords import Passwords
from signoff_gateway.identity.throttle import PER_PAIR
from signoff_schemas.commands import AssignTask
from tests.support.gateway import TASK, Stack
from tests.support.identity import HASH, KEY, PASSWORD, SECRET, as_user, entries, guarded

ASSIGNMENT = f"/v2/user-tasks/{TASK}/assignment"
SEARCH = "/api/human/tasks/search"


class Checks:
    """Checks of secrets: how many there are, and none ends before ``go``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.waiting = 0
        """Requests that wait for the end of one."""
        self.count = 0
        self._matches = passwords._matches
        verify = Passwords.verify

        async def counted(of: Passwords, credential: Credential | None, secret: str) -> bool:
            self.waiting += 1
            return await verify(of, credential, secret)

        monkeypatch.setattr(passwords, "_matches", self._held)
        monkeypatch.setattr(Passwords, "verify", counted)

    async def at_once(
        self, stack: Stack, asked: Sequence[Coroutine[Any, Any, httpx.Response]]
    ) -> list[httpx.Response]:
        """The answers to what is all asked before the first check ends."""
        asking = [asyncio.ensure_future(each) for each in asked]
        try:
            await stack.until(lambda: self.waiting + sum(map(_is_done, asking)) == len(asked))
        finally:
            self.go.set()
        return await asyncio.gather(*asking)

    def _held(self, secret_hash: str, secret: str) -> bool:
        self.count += 1
        assert self.go.wait(10)
        return self._matches(secret_hash, secret)


def _is_done(asking: asyncio.Future[httpx.Response]) -> bool:
    return asking.done()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    return Checks(monkeypatch)


async def token(stack: Stack, **more: object) -> str:
    body = {"keyId": KEY, "keySecret": SECRET, **more}
    answer = await stack.client.post("/api/token", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


async def test_a_command_carries_who_has_logged_in() -> None:
    async with guarded() as (stack, _):
        answer = await stack.client.post(ASSIGNMENT, json={"assignee": "x"}, auth=as_user("jane"))

        assert answer.status_code == 204
        [entry] = [each for each in stack.broker.entries if isinstance(each.body, AssignTask)]
        assert (entry.principal.id, entry.principal.groups) == ("jane", ("staff",))
        assert entry.principal.roles == ("user",)


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "An Authentication object was not found in the SecurityContext"),
        ({"authorization": ""}, "An Authentication object was not found in the SecurityContext"),
        ({"authorization": "Basic"}, "The credentials are not valid"),
        ({"authorization": "Basic ???"}, "The credentials are not valid"),
        ({"authorization": "Bearer abc"}, "The credentials are not valid"),
        ({"x-authorization": "abc"}, "The credentials are not valid"),
        ({"authorization": "Basic amFuZTp3cm9uZw=="}, "Bad credentials"),
    ],
)
async def test_who_proves_nothing_gets_401_before_his_body_is_read(
    headers: dict[str, str], detail: str
) -> None:
    async with guarded() as (stack, _):
        lines = [f"POST {ASSIGNMENT} HTTP/1.1", "host: x", "content-length: 50"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        reader, writer = await stack.raw("\r\n".join([*lines, "", ""]).encode())

        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = await reader.read(1000)
        writer.close()

        assert head.startswith("HTTP/1.1 401")
        assert "www-authenticate: Basic" in head
        assert '"title":"Unauthorized"' in body.decode()
        assert f'"detail":"{detail}"' in body.decode()
        assert stack.broker.commands == []


async def test_the_other_dialect_says_it_in_the_shape_that_its_clients_read() -> None:
    async with guarded() as (stack, _):
        answer = await stack.client.post(SEARCH, json={})
        wrong = await stack.client.post("/api/token", json={"keyId": KEY, "keySecret": "wrong"})

    assert answer.status_code == wrong.status_code == 401
    body = answer.json()
    assert (body["error"], body["message"]) == ("INVALID_TOKEN", "Token cannot be null or empty")
    assert body.keys() == {"message", "error", "timestamp"}
    # INVALID_TOKEN would have clients ask for a token while they ask for one.
    assert wrong.json()["error"] == "INVALID_CREDENTIALS"


async def test_a_key_gets_a_token_that_names_its_application() -> None:
    async with guarded() as (stack, _):
        headers = {"x-authorization": await token(stack)}

        info = await stack.client.get("/api/token/userInfo", headers=headers)
        claims = await stack.client.get("/api/token/userInfo?claims=true", headers=headers)
        also = await stack.client.get("/v2/authentication/me", headers=headers)

    assert info.json()["id"] == "app:ui"
    assert info.json()["applicationUser"] is True
    assert claims.json()["claims"]["sub"] == "app:ui"
    assert also.json()["username"] == "app:ui"


async def test_a_token_ends_with_its_time_and_says_so() -> None:
    async with guarded() as (stack, _):
        headers = {"x-authorization": await token(stack, expiration=1000)}
        first = await stack.client.get("/api/token/userInfo", headers=headers)

        answer = first
        async with asyncio.timeout(5):
            while answer.status_code == 200:
                answer = await stack.client.get("/api/token/userInfo", headers=headers)

    assert first.status_code == 200
    assert (answer.status_code, answer.json()["error"]) == (401, "EXPIRED_TOKEN")


async def test_tokens_outlive_a_restart_and_are_good_at_every_gateway() -> None:
    async with guarded() as (stack, documents):
        given = await token(stack)
    async with guarded(documents) as (stack, _):
        headers = {"x-authorization": given}
        answer = await stack.client.get("/api/token/userInfo", headers=headers)
        assert answer.status_code == 200


async def test_a_secret_of_the_settings_is_kept_nowhere() -> None:
    async with guarded(token_secret="x" * 40) as (stack, documents):
        headers = {"x-authorization": await token(stack)}
        answer = await stack.client.get("/api/token/userInfo", headers=headers)

    assert answer.status_code == 200
    assert documents.rows == {}


async def test_a_token_of_an_open_installation_proves_nothing() -> None:
    async with guarded(required=False) as (stack, documents):
        given = await token(stack, keySecret="whatever")
    async with guarded(documents) as (stack, _):
        answer = await stack.client.get("/api/users", headers={"x-authorization": given})
        assert (answer.status_code, answer.json()["error"]) == (401, "INVALID_TOKEN")


async def test_nobody_is_let_guess_and_nobody_else_is_locked_out() -> None:
    async with guarded() as (stack, _):
        me = "/v2/authentication/me"
        assert (await stack.client.get(me, auth=as_user("jane"))).status_code == 200
        statuses = [
            (await stack.client.get(me, auth=as_user(name, f"guess {each}"))).status_code
            for name in ("jane", "nobody")
            for each in range(PER_PAIR + 1)
        ]
        told = await stack.client.post("/api/token", json={"keyId": "jane", "keySecret": "guess"})

        assert statuses == ([401] * PER_PAIR + [429]) * 2
        assert told.status_code == 429
        assert 0 < int(told.headers["retry-after"]) <= 61
        assert told.json()["message"].startswith("Too many logins failed, try again in ")
        # Who has proved it before is not asked again, and others are others.
        assert (await stack.client.get(me, auth=as_user("jane"))).status_code == 200
        assert (await stack.client.get(me, auth=as_user("john"))).status_code == 200


async def test_a_password_is_checked_once_and_not_for_each_request(checks: Checks) -> None:
    checks.go.set()
    async with guarded() as (stack, documents):
        for _ in range(50):
            answer = await stack.client.get("/v2/authentication/me", auth=as_user("jane"))
            assert answer.status_code == 200

        assert checks.count == 1
        assert documents.reads < 50


async def test_what_everybody_may_have_asks_for_nothing() -> None:
    async with guarded() as (stack, _):
        for path, status in (
            ("/v2/status", {200, 204}),
            ("/v2/license", {200}),
            ("/metrics", {200}),
            ("/v2/topology", {401}),
            ("/v2/user-tasks/1", {401}),
        ):
            assert (await stack.client.get(path)).status_code in status, path


async def test_an_open_installation_believes_what_it_is_told() -> None:
    async with guarded(required=False) as (stack, _):

        async def named(**given: Any) -> tuple[str, list[str]]:
            answer = await stack.client.get("/v2/authentication/me", **given)
            return answer.json()["username"], answer.json()["roles"]

        assert await named() == ("demo", ["admin"])
        assert await named(headers={"authorization": ""}) == ("demo", ["admin"])
        assert await named(auth=as_user("jane", "no matter")) == ("jane", ["user"])
        assert await named(auth=as_user("unknown", "x")) == ("demo", ["admin"])
        assert await named(headers={"authorization": "Bearer x"}) == ("demo", ["admin"])
        john = await token(stack, keyId="john", keySecret="")
        assert (await named(headers={"x-authorization": john}))[0] == "john"
        # The sign for clients that no keys are asked for.
        unknown = await stack.client.post("/api/token", json={"keyId": "k", "keySecret": "s"})
        assert unknown.status_code == 404


async def test_no_secret_is_ever_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with guarded() as (stack, documents):
        await stack.client.get("/v2/topology", auth=as_user("jane"))
        await stack.client.get("/v2/topology", auth=as_user("jane", "my wrong password"))
        given = await token(stack)
        await stack.client.post("/api/token", json={"keyId": 5, "keySecret": SECRET})
        documents.rows.clear()
        stack.broker.answer = lambda _: (_ for _ in ()).throw(RuntimeError("lost"))
        kept = repr(stack.gateway) + repr(documents)

    printed = capsys.readouterr()
    said = caplog.text + printed.out + printed.err + kept
    for secret in (PASSWORD, SECRET, "my wrong password", given):
        assert secret not in said


async def test_basic_for_the_second_dialect_and_a_token_for_the_first() -> None:
    async with guarded() as (stack, _):
        basic = await stack.client.get("/api/token/userInfo", auth=as_user("jane"))
        named = await stack.client.get(
            "/v2/authentication/me", headers={"x-authorization": await token(stack)}
        )
        by_key = await stack.client.get("/v2/authentication/me", auth=as_user(KEY, SECRET))

    assert [each["id"] for each in basic.json()["groups"]] == ["staff"]
    assert named.json()["username"] == by_key.json()["username"] == "app:ui"


def test_entries_show_no_hash() -> None:

    assert HASH not in repr(entries())


async def test_guesses_at_the_same_time_count_as_well(checks: Checks) -> None:
    async with guarded() as (stack, _):
        me = "/v2/authentication/me"
        guesses = [stack.client.get(me, auth=as_user("jane", f"guess {n}")) for n in range(40)]
        answers = await checks.at_once(stack, guesses)

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [401] * PER_PAIR + [429] * (40 - PER_PAIR)
    refused = [each for each in answers if each.status_code == 429]
    assert {each.headers["retry-after"] for each in refused} == {"1"}
    assert {each.json()["detail"] for each in refused} == {
        "Too many logins are under way, try again in a second."
    }


async def test_logins_under_way_are_told_so_in_the_other_dialect_too(checks: Checks) -> None:
    async with guarded() as (stack, _):
        bodies = [{"keyId": "jane", "keySecret": f"guess {n}"} for n in range(2 * PER_PAIR)]
        asked = [stack.client.post("/api/token", json=body) for body in bodies]
        answers = await checks.at_once(stack, asked)
        refused = [each for each in answers if each.status_code == 429]

    assert len(refused) == PER_PAIR
    assert {each.json()["message"] for each in refused} == {
        "Too many logins are under way, try again in a second."
    }


async def test_many_requests_of_one_who_logs_in_are_one_attempt(checks: Checks) -> None:
    async with guarded() as (stack, _):
        asked = [stack.client.get("/v2/authentication/me", auth=as_user("jane")) for _ in range(40)]
        answers = await checks.at_once(stack, asked)

    assert {answer.status_code for answer in answers} == {200}
    assert checks.count == 1


async def test_a_login_of_any_length_is_refused_and_not_echoed() -> None:
    async with guarded() as (stack, _):
        body = {"keyId": "k" * 10_000, "keySecret": "s3cret" * 1000}
        answer = await stack.client.post("/api/token", json=body)

    assert answer.status_code == 400
    assert "s3cret" not in answer.text
    assert {each["path"] for each in answer.json()["validationErrors"]} == {"keyId", "keySecret"}


async def test_nothing_is_hashed_for_who_may_not_change_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with guarded() as (stack, _):
        await stack.client.get("/api/token/userInfo", auth=as_user("jane"))

        async def hashed(*_: object) -> str:
            raise AssertionError("work for nothing")

        monkeypatch.setattr(Passwords, "hashed", hashed)
        body = {"name": "Ann", "password": "a password of hers"}
        saved = await stack.client.put("/api/users/ann", json=body, auth=as_user("jane"))
        key = await stack.client.post("/api/applications/ui/accessKeys", auth=as_user("jane"))

    assert (saved.status_code, key.status_code) == (403, 403)


async def test_a_password_that_is_refused_is_not_echoed() -> None:
    async with guarded() as (stack, _):
        path, body = "/api/users/ann", {"password": "s3cret"}
        answer = await stack.client.put(path, json=body, auth=as_user("root"))

    assert answer.status_code == 400
    assert "password" in answer.text
    assert "s3cret" not in answer.text
