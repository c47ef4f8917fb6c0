"""Decides who calls, from the headers of a request and before its body is read."""

import base64
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, Protocol

from signoff_gateway.identity.directory import Credential, Directory
from signoff_gateway.identity.keeper import Keeper
from signoff_gateway.identity.oidc import KeysUnavailable, Oidc, Vouched
from signoff_gateway.identity.passwords import Passwords
from signoff_gateway.identity.throttle import TRYING_SECONDS, Throttle
from signoff_gateway.identity.tokens import Claims, TokenExpired, TokenInvalid, Tokens
from signoff_gateway.refusals import (
    Cause,
    Lack,
    TooManyLogins,
    Unauthenticated,
    Unavailable,
)
from signoff_process.clock import Clock
from signoff_schemas.frozen import frozen
from signoff_schemas.principal import ADMIN, Principal

OPEN_PRINCIPAL: Final = Principal("demo", roles=(ADMIN,))
"""Who asks, in an installation that asks nobody for a name."""
READ_MAX: Final = 10_000
"""Tokens whose signature is not checked again."""
_TOKEN: Final = b"x-authorization"
_AUTHORIZATION: Final = b"authorization"
_BASIC: Final = "basic"
_BEARER: Final = "bearer"

Headers = Mapping[bytes, bytes]


@frozen
class LoggedIn:
    """Who has proved to be somebody by a name and a secret; ``key`` of an application."""

    subject: str
    key: str = ""


class Authenticator(Protocol):
    """One way of an installation to know its callers."""

    def at_once(self, headers: Headers) -> Principal | None:
        """The caller, if that takes no waiting."""
        ...

    async def identify(self, headers: Headers, address: str) -> Principal:
        """The caller. Raises: Unauthenticated, TooManyLogins, ReadsError."""
        ...

    async def log_in(self, name: str, secret: str, address: str) -> LoggedIn | None:
        """Who has this name; None in an installation that asks nobody, and does not know it.

        Raises: Unauthenticated, TooManyLogins, ReadsError.
        """
        ...


class OpenAuthenticator:
    """Everybody is let in, as an admin or as the user of the directory that he says he is.

    Args:
        keeper: Has the directory.
        tokens: Reads tokens.
    """

    def __init__(self, keeper: Keeper, tokens: Tokens) -> None:
        self._keeper = keeper
        self._tokens = tokens

    def at_once(self, headers: Headers) -> Principal | None:
        """Who says nothing about himself."""
        says = headers.get(_TOKEN) or headers.get(_AUTHORIZATION)
        return None if says else OPEN_PRINCIPAL

    async def identify(self, headers: Headers, address: str) -> Principal:  # noqa: ARG002
        """Whom the caller names; a name that nobody has counts as none."""
        directory = await self._keeper.current()
        token = headers.get(_TOKEN)
        if token:
            subject = self._subject(directory, token.decode("latin-1"))
        else:
            named = _basic(headers.get(_AUTHORIZATION, b""))
            subject = "" if named is None else directory.subject(named[0])
        return directory.principal(subject) or OPEN_PRINCIPAL

    async def log_in(self, name: str, secret: str, address: str) -> LoggedIn | None:  # noqa: ARG002
        """Whoever has this name."""
        subject = (await self._keeper.current()).subject(name)
        return LoggedIn(subject) if subject else None

    def _subject(self, directory: Directory, token: str) -> str:
        try:
            return self._tokens.read(directory.signing_secret, token).subject
        except TokenExpired:
            # So that a client gets itself a new one, and goes on under the same name.
            raise Unauthenticated(Lack.EXPIRED, self._tokens.clock.now_ms()) from None
        except TokenInvalid:
            return ""


class StrictAuthenticator:
    """Everybody proves who he is: by a name and a secret, a token of ours, or one of a provider.

    Args:
        keeper: Has the directory.
        passwords: Checks names and secrets.
        tokens: Reads tokens of ours.
        oidc: Verifies those of a provider, if there is one.
        clock: The time.
    """

    def __init__(
        self,
        keeper: Keeper,
        passwords: Passwords,
        tokens: Tokens,
        oidc: Oidc | None,
        clock: Clock,
    ) -> None:
        self._keeper = keeper
        self._passwords = passwords
        self._tokens = tokens
        self._oidc = oidc
        self._throttle = Throttle(clock)
        self._clock = clock
        self._digest_key = secrets.token_bytes(32)
        self._read: OrderedDict[bytes, Claims | Vouched] = OrderedDict()

    def at_once(self, headers: Headers) -> Principal | None:
        """Who has proved it before, with the same header."""
        directory = self._keeper.at_once()
        if directory is None:
            return None
        token = headers.get(_TOKEN)
        if token:
            return self._remembered(directory, token)
        given = headers.get(_AUTHORIZATION, b"")
        named = _basic(given)
        if named is None:
            return self._remembered(directory, given) if given else None
        credential = directory.credential(named[0])
        if credential is None or not self._passwords.is_known(credential, named[1]):
            return None
        return directory.principal(credential.subject)

    async def identify(self, headers: Headers, address: str) -> Principal:
        """Who can prove it. Raises: Unauthenticated, TooManyLogins, ReadsError."""
        directory = await self._keeper.current()
        token = headers.get(_TOKEN)
        if token:
            principal = self._by_token(directory, token)
        else:
            principal = await self._by_authorization(
                directory, headers.get(_AUTHORIZATION, b""), address
            )
        if principal is None:
            raise self._unauthenticated(Lack.INVALID)
        return principal

    async def log_in(self, name: str, secret: str, address: str) -> LoggedIn | None:
        """Who has this name and knows the secret."""
        directory = await self._keeper.current()
        found = await self._proved(directory, name, secret, address)
        return LoggedIn(found.subject, found.key)

    async def _by_authorization(
        self, directory: Directory, given: bytes, address: str
    ) -> Principal | None:
        scheme, _, value = given.decode("latin-1").strip().partition(" ")
        if not scheme:
            raise self._unauthenticated(Lack.MISSING)
        if scheme.lower() == _BEARER and self._oidc is not None:
            return await self._by_provider(self._oidc, directory, given, value.strip())
        named = _basic(given)
        if named is None:
            return None
        found = await self._proved(directory, *named, address)
        return directory.principal(found.subject)

    async def _proved(
        self, directory: Directory, name: str, secret: str, address: str
    ) -> Credential:
        credential, passwords = directory.credential(name), self._passwords
        if credential is not None and passwords.is_known(credential, secret):
            return credential
        if credential is not None and passwords.is_checking(credential, secret):
            # The same once more is no further guess: it gets the same answer.
            if not await passwords.verify(credential, secret):
                raise self._unauthenticated(Lack.WRONG)
            return credential
        wait = self._throttle.wait_seconds(name, address)
        if wait:
            raise TooManyLogins(wait)
        if self._throttle.is_busy(name, address):
            raise TooManyLogins(TRYING_SECONDS, under_way=True)
        with self._throttle.trying(name, address):
            is_right = await passwords.verify(credential, secret)
        if not is_right or credential is None:
            self._throttle.failed(name, address)
            raise self._unauthenticated(Lack.WRONG)
        self._throttle.succeeded(name, address)
        return credential

    async def _by_provider(
        self, oidc: Oidc, directory: Directory, given: bytes, token: str
    ) -> Principal | None:
        try:
            vouched = await oidc.verify(token)
        except TokenExpired:
            raise self._unauthenticated(Lack.EXPIRED) from None
        except TokenInvalid:
            return None
        except KeysUnavailable:
            raise Unavailable(Cause.IDENTITY) from None
        self._remember(given, vouched)
        return directory.outsider(vouched.user, vouched.groups)

    def _by_token(self, directory: Directory, token: bytes) -> Principal | None:
        try:
            claims = self._tokens.read(directory.signing_secret, token.decode("latin-1"))
        except TokenExpired:
            raise self._unauthenticated(Lack.EXPIRED) from None
        except TokenInvalid:
            return None
        self._remember(token, claims)
        return _of_claims(directory, claims)

    def _remembered(self, directory: Directory, given: bytes) -> Principal | None:
        found = self._read.get(self._digest(given))
        if found is None or found.expires_at * 1000 <= self._clock.now_ms():
            return None
        if isinstance(found, Claims):
            return _of_claims(directory, found)
        return directory.outsider(found.user, found.groups)

    def _remember(self, given: bytes, found: Claims | Vouched) -> None:
        self._read[self._digest(given)] = found
        if len(self._read) > READ_MAX:
            self._read.popitem(last=False)

    def _digest(self, given: bytes) -> bytes:
        return hmac.digest(self._digest_key, given, "sha256")

    def _unauthenticated(self, lack: Lack) -> Unauthenticated:
        return Unauthenticated(lack, self._clock.now_ms())


def _of_claims(directory: Directory, claims: Claims) -> Principal | None:
    """Whom a token is for, as long as he is there, and the key that it was given for is active."""
    if claims.key:
        credential = directory.credential(claims.key)
        if credential is None or credential.subject != claims.subject:
            return None
    return directory.principal(claims.subject)


def _basic(given: bytes) -> tuple[str, str] | None:
    """Name and secret; None if it is no such header."""
    scheme, _, value = given.decode("latin-1").strip().partition(" ")
    if scheme.lower() != _BASIC:
        return None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode()
    except ValueError:
        return None
    name, colon, secret = text.partition(":")
    return (name, secret) if colon else None
