"""All of a gateway's identity, put together from what may be set of it."""

from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import Final

from signoff_gateway.identity.authenticator import (
    Authenticator,
    LoggedIn,
    OpenAuthenticator,
    StrictAuthenticator,
)
from signoff_gateway.identity.directory import Directory
from signoff_gateway.identity.entries import NO_ENTRIES, SIGNING, Entries
from signoff_gateway.identity.keeper import DocumentReader, Keeper
from signoff_gateway.identity.oidc import Oidc, Provider
from signoff_gateway.identity.passwords import Passwords
from signoff_gateway.identity.tokens import Tokens, new_secret
from signoff_process.clock import Clock
from signoff_schemas.documents import PutDocument
from signoff_schemas.frozen import frozen

TOKEN_LIFETIME: Final = 3600


@frozen
class IdentityValues:
    """What may be set."""

    required: bool = False
    """Whether callers must prove who they are."""
    entries: Entries = NO_ENTRIES
    """Who is there besides those that the API saved."""
    token_secret: str = field(default="", repr=False)
    """Signs tokens; empty: one that is made once and kept with the directory."""
    token_lifetime: int = TOKEN_LIFETIME
    """Seconds."""
    provider: Provider | None = None


Save = Callable[[PutDocument], Awaitable[None]]
"""Saves a document if there is none under its id, and returns when it can be read."""


class Identity:
    """Who calls, and what the directory says.

    Args:
        reads: The read side.
        clock: The time.
        values: What may be set.
    """

    def __init__(self, reads: DocumentReader, clock: Clock, values: IdentityValues) -> None:
        self._keeper = Keeper(reads, clock, values.entries)
        audience = "required" if values.required else "open"
        self._tokens = Tokens(clock, audience, values.token_lifetime, values.token_secret)
        self.passwords: Final = Passwords()
        self.authenticator: Final[Authenticator] = self._authenticator(values, clock)

    async def directory(self) -> Directory:
        """The directory. Raises: ReadsError."""
        return await self._keeper.current()

    async def changed(self) -> Directory:
        """The directory after a change that was just made here. Raises: ReadsError."""
        return await self._keeper.changed()

    async def groups_of(self, user: str) -> tuple[str, ...]:
        """The groups of a user. Raises: ReadsError."""
        return (await self._keeper.current()).groups_of(user)

    async def token(self, who: LoggedIn, wanted_ms: int | None, save: Save) -> str:
        """A token for somebody who has logged in; the first one makes the signing secret."""
        return self._tokens.sign(await self._signing_secret(save), who.subject, who.key, wanted_ms)

    async def close(self) -> None:
        """Give back what is held."""
        await self._keeper.close()
        self.passwords.close()

    async def _signing_secret(self, save: Save) -> str:
        secret = (await self._keeper.current()).signing_secret
        if not secret and not self._tokens.secret:
            content: dict[str, object] = {"secret": new_secret()}
            await save(PutDocument(kind=SIGNING, id=SIGNING, content=content, must_be_new=True))
            # Another gateway may have been first: what counts is what can be read now.
            secret = (await self._keeper.changed()).signing_secret
        return secret

    def _authenticator(self, values: IdentityValues, clock: Clock) -> Authenticator:
        if not values.required:
            return OpenAuthenticator(self._keeper, self._tokens)
        oidc = None if values.provider is None else Oidc(values.provider, clock)
        return StrictAuthenticator(self._keeper, self.passwords, self._tokens, oidc, clock)
