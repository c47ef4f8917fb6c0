"""Bearer tokens of an identity provider, with a real one on this machine."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from signoff_gateway.identity.oidc import KeysUnavailable, Oidc, Provider
from signoff_gateway.identity.tokens import TokenExpired, TokenInvalid
from signoff_schemas.limits import NAME_MAX
from tests.support.identity import entries, grant, guarded

AUDIENCE = "signoff"


@dataclass
class IdentityProvider:
    """Publishes keys, and signs what it is told."""

    url: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    fetched: int = 0

    def rotate(self, kid: str, *, elliptic: bool = False) -> None:
        made: Any = ec.generate_private_key(ec.SECP256R1()) if elliptic else None
        self.keys = {kid: made or rsa.generate_private_key(65537, 2048)}

    def token(self, kid: str, *, key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        now = int(time.time())
        content = {"iss": self.url, "aud": AUDIENCE, "sub": "kim", "exp": now + 300, **claims}
        content = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(content, key or self.keys[kid], algorithm, headers={"kid": kid})

    async def discovery(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def published(self, _: web.Request) -> web.Response:
        self.fetched += 1
        found = []
        for kid, key in self.keys.items():
            is_rsa = isinstance(key, rsa.RSAPrivateKey)
            algorithm: Any = jwt.get_algorithm_by_name("RS256" if is_rsa else "ES256")
            found.append({**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid})
        return web.json_response({"keys": [*found, {"kty": "unknown", "kid": "other"}]})


@asynccontextmanager
async def provider() -> AsyncIterator[IdentityProvider]:
    made = IdentityProvider()
    application = web.Application()
    application.router.add_get("/.well-known/openid-configuration", made.discovery)
    application.router.add_get("/keys", made.published)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    made.rotate("k1")
    yield made
    await runner.cleanup()


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now_ms(self) -> int:
        return int(time.time() * 1000)

    def monotonic(self) -> float:
        return self.seconds


async def test_a_token_makes_its_user_with_the_rights_of_its_groups() -> None:
    async with provider() as idp:
        staff = {"id": "staff", "grants": [grant("PROCESS_DEFINITION", "*", "READ_USER_TASK")]}
        trusted = Provider(idp.url, AUDIENCE)
        given: dict[str, Any] = {"entries": entries(groups=[staff]), "provider": trusted}
        async with guarded(**given) as (stack, _):
            headers = {"authorization": f"Bearer {idp.token('k1', groups=['staff', 'x'])}"}
            answers = [
                await stack.client.get("/v2/authentication/me", headers=headers) for _ in range(3)
            ]
            late = idp.token("k1", exp=int(time.time()) - 100)
            expired = await stack.client.get(
                "/v2/authentication/me", headers={"authorization": f"Bearer {late}"}
            )

        assert {each.json()["username"] for each in answers} == {"kim"}
        assert answers[0].json()["groups"] == ["staff", "x"]
        assert idp.fetched == 1
        assert (expired.status_code, expired.json()["detail"]) == (401, "The token has expired")


@pytest.mark.parametrize("user", ["app:ui", "app:", "k" * (NAME_MAX + 1), "k\0im", 5])
async def test_nobody_is_let_in_by_a_name_that_no_user_can_have(user: object) -> None:
    async with provider() as idp:
        trusted = Provider(idp.url, AUDIENCE, user_claim="name")
        async with guarded(provider=trusted) as (stack, _):
            answers = [
                await stack.client.get(
                    "/v2/authentication/me",
                    headers={"authorization": f"Bearer {idp.token('k1', name=name)}"},
                )
                for name in (user, "k" * NAME_MAX)
            ]

    assert [each.status_code for each in answers] == [401, 200]


async def test_groups_that_no_group_can_be_called_are_left_out() -> None:
    async with provider() as idp:
        oidc = Oidc(Provider(idp.url, AUDIENCE), Hands())
        vouched = await oidc.verify(
            idp.token("k1", groups=["staff", "a\0b", "g" * (NAME_MAX + 1), "", 5])
        )

    assert vouched.groups == ("staff",)


@pytest.mark.parametrize(
    "claims", [{"aud": "other"}, {"iss": "http://x"}, {"sub": None}, {"exp": None}, {"sub": ""}]
)
async def test_a_token_for_or_of_others_is_refused(claims: dict[str, Any]) -> None:
    async with provider() as idp:
        oidc = Oidc(Provider(idp.url, AUDIENCE), Hands())
        assert (await oidc.verify(idp.token("k1"))).user == "kim"

        with pytest.raises(TokenInvalid):
            await oidc.verify(idp.token("k1", **claims))


async def test_only_signatures_of_published_keys_count() -> None:
    async with provider() as idp:
        oidc = Oidc(Provider(idp.url, AUDIENCE), Hands())
        forged = rsa.generate_private_key(65537, 2048)
        unsigned = jwt.encode({"sub": "kim"}, "", "none", headers={"kid": "k1"})
        shared = jwt.encode({"sub": "kim"}, "x" * 40, "HS256", headers={"kid": "k1"})

        for token in (idp.token("k1", key=forged), unsigned, shared, "no token", ""):
            with pytest.raises(TokenInvalid):
                await oidc.verify(token)
        with pytest.raises(TokenExpired):
            await oidc.verify(idp.token("k1", exp=1))


async def test_new_keys_are_found_but_not_for_whoever_makes_up_a_name() -> None:
    async with provider() as idp:
        clock = Hands()
        oidc = Oidc(Provider(idp.url, AUDIENCE, f"{idp.url}/keys"), clock)
        await oidc.verify(idp.token("k1"))
        idp.rotate("k2", elliptic=True)
        token = idp.token("k2", algorithm="ES256")

        for _ in range(5):
            with pytest.raises(TokenInvalid):
                await oidc.verify(token)
        assert idp.fetched == 1
        clock.seconds += 11
        assert (await oidc.verify(token)).user == "kim"
        assert idp.fetched == 2


async def test_a_provider_that_is_away_is_no_reason_to_let_in_or_to_doubt() -> None:
    oidc = Oidc(Provider("http://127.0.0.1:1", AUDIENCE), Hands())
    async with provider() as idp:
        token = idp.token("k1")

    with pytest.raises(KeysUnavailable):
        await oidc.verify(token)
