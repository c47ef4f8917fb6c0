"""Tokens of an identity provider: verified against its published keys."""

import asyncio
from typing import Any, Final, cast

import aiohttp
import jwt
import orjson
import structlog

from signoff_gateway.identity.entries import APPLICATION_PREFIX
from signoff_gateway.identity.tokens import TokenExpired, TokenInvalid
from signoff_process.clock import Clock
from signoff_schemas.frozen import frozen
from signoff_schemas.limits import NAME_MAX, unstorable_text

ALGORITHMS: Final = ("RS256", "ES256")
REFRESH_SECONDS: Final = 3600.0
"""How long keys are used until they are fetched again, and again if a token names one unknown."""
RETRY_SECONDS: Final = 10.0
"""The least time between two fetches, whatever callers send."""
FETCH_SECONDS: Final = 5.0
LEEWAY_SECONDS: Final = 30
"""How far the provider's clock may be off."""
_DISCOVERY: Final = "/.well-known/openid-configuration"

log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """The provider's keys could not be fetched, and none are known."""


@frozen
class Provider:
    """Whose tokens are accepted."""

    issuer: str
    audience: str
    jwks_url: str = ""
    """Empty: as the provider's discovery document says."""
    user_claim: str = "sub"
    groups_claim: str = "groups"


@frozen
class Vouched:
    """Whom a token vouches for, and until when (epoch seconds)."""

    user: str
    groups: tuple[str, ...]
    expires_at: float


class Oidc:
    """Verifies tokens of one provider.

    Args:
        provider: Whose.
        clock: For the age of the keys.
    """

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def verify(self, token: str) -> Vouched:
        """Whom it vouches for. Raises: TokenExpired, TokenInvalid, KeysUnavailable."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise TokenInvalid from error
        algorithm, identifier = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or not isinstance(identifier, str):
            raise TokenInvalid
        key = await self._key(identifier)
        if key is None or key.algorithm_name != algorithm:
            raise TokenInvalid
        return self._vouched(self._claims(token, key, algorithm))

    def _claims(self, token: str, key: jwt.PyJWK, algorithm: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._provider.audience,
                issuer=self._provider.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", self._provider.user_claim]},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired from error
        except jwt.PyJWTError as error:
            raise TokenInvalid from error

    def _vouched(self, claims: dict[str, Any]) -> Vouched:
        user: object = claims[self._provider.user_claim]
        groups: object = claims.get(self._provider.groups_claim)
        # What no user can be called: an application's principal, or what no log can keep.
        if not isinstance(user, str) or not _is_name(user) or user.startswith(APPLICATION_PREFIX):
            raise TokenInvalid
        if isinstance(groups, str):
            groups = [groups]
        named = cast("list[object]", groups) if isinstance(groups, list) else []
        found = tuple(each for each in named if isinstance(each, str) and _is_name(each))
        return Vouched(user, found, float(claims["exp"]) + LEEWAY_SECONDS)

    async def _key(self, identifier: str) -> jwt.PyJWK | None:
        if self._should_fetch(identifier):
            async with self._fetching:
                if self._should_fetch(identifier):
                    await self._fetch()
        if not self._keys:
            raise KeysUnavailable
        return self._keys.get(identifier)

    def _should_fetch(self, identifier: str) -> bool:
        now = self._clock.monotonic()
        if now - self._tried_at < RETRY_SECONDS:
            return False
        return identifier not in self._keys or now - self._fetched_at > REFRESH_SECONDS

    async def _fetch(self) -> None:
        """Replace the keys; those that are known stay if that fails."""
        self._tried_at = self._clock.monotonic()
        try:
            timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
            async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session:
                url = self._provider.jwks_url or await self._discovered(session)
                self._keys = _usable(await _json(session, url))
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
            log.warning("identity_provider_keys_not_fetched", reason=repr(error))
            return
        self._fetched_at = self._tried_at

    async def _discovered(self, session: aiohttp.ClientSession) -> str:
        found = await _json(session, self._provider.issuer.rstrip("/") + _DISCOVERY)
        return str(found["jwks_uri"])


async def _json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url) as answer:
        content = await answer.read()
    found: object = orjson.loads(content)
    if not isinstance(found, dict):
        raise TypeError("no JSON object")
    return cast("dict[str, Any]", found)


def _is_name(text: str) -> bool:
    return bool(text) and unstorable_text(text, NAME_MAX) is None


def _usable(found: dict[str, Any]) -> dict[str, jwt.PyJWK]:
    """Keys for signatures that we accept; others, which a provider may have too, are left out."""
    keys: dict[str, jwt.PyJWK] = {}
    for each in found["keys"]:
        try:
            key = jwt.PyJWK(each)
        except jwt.PyJWTError:
            continue
        is_for_signing = each.get("use", "sig") == "sig"
        if key.key_id and is_for_signing and key.algorithm_name in ALGORITHMS:
            keys[key.key_id] = key
    return keys
