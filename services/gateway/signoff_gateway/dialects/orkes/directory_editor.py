"""Changes of the directory: each made of what was read, and made anew if others were faster."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from pydantic import BaseModel

from signoff_gateway.dialects.orkes.answers import (
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    result_of,
)
from signoff_gateway.exchange import Call
from signoff_gateway.idempotency import HEADER, part_of
from signoff_gateway.identity.directory import Directory, granted_id
from signoff_gateway.identity.entries import GRANTS, GrantedTo, GrantEntry
from signoff_gateway.identity.service import Identity
from signoff_gateway.sending import Sender
from signoff_schemas.documents import DeleteDocument, DocumentCommand, PutDocument
from signoff_schemas.ids import SETTINGS_PARTITION
from signoff_schemas.principal import ADMIN, ENGINE
from signoff_schemas.rejections import Code

ATTEMPTS: Final = 100
"""At one change, each made in vain because another gateway has changed the same meanwhile.

Of two gateways that are equally fast each wins every second time, so ten losses in a row are seen.
"""
_NEVER: Final = -1
"""An instant at which nothing was saved: what names it is refused, unless it is on record."""
_NAMES: Final = {"user": "user", "group": "group", "role": "role", "application": "application"}
T = TypeVar("T")


@dataclass(slots=True)
class Edit:
    """One attempt at a request's changes; ``directory`` is what they are made of.

    A request changes a document once, and what was refused because somebody else was faster is not
    on record. So kind and id tell which of its commands one is, in each attempt and when it comes
    again under its idempotency key, though by then the directory, and which other commands are
    needed, may be others.
    """

    call: Call
    directory: Directory
    sender: Sender

    async def was_made(self, kind: str, identifier: str) -> bool:
        """Whether the request changed this document when it came before, under the same key.

        Then nothing is to be made of the directory as it is now. What is still on its way counts:
        the question goes the same way. Raises: Rejected.
        """
        if HEADER not in self.call.headers:
            return False
        try:
            await self._ask(PutDocument(kind=kind, id=identifier, unchanged_since=_NEVER))
        except Rejected as refusal:
            if refusal.rejection.code is Code.DOCUMENT_CHANGED:
                return False
            if refusal.rejection.code is not Code.DOCUMENT_NOT_FOUND:
                raise
        return True

    async def put(
        self, kind: str, identifier: str, entry: BaseModel, *, again: bool = False
    ) -> None:
        """Save an entry, if it is still as it was read.

        ``again``: also if the request has saved it before, under its idempotency key, and somebody
        has changed it since.

        Raises: Conflict, if the identity file has it; Rejected.
        """
        self.must_not_be_fixed(kind, identifier)
        await self._save(kind, identifier, entry, again=again)

    async def add(self, kind: str, identifier: str, entry: BaseModel) -> None:
        """Save an entry that is not there yet. Raises: Rejected if it is."""
        content = entry.model_dump(mode="json")
        command = PutDocument(kind=kind, id=identifier, content=content, must_be_new=True)
        await self._ask(command)

    async def delete(self, kind: str, identifier: str) -> None:
        """Remove an entry, whatever has become of it.

        It is not looked for in the directory: when the request comes again, it was there.

        Raises: Conflict, if the identity file has it; NotFound; Rejected.
        """
        self.must_not_be_fixed(kind, identifier)
        try:
            await self._ask(DeleteDocument(kind=kind, id=identifier))
        except Rejected as refusal:
            if refusal.rejection.code is not Code.DOCUMENT_NOT_FOUND:
                raise
            raise NotFound(f"No such {_NAMES[kind]} found by id: {identifier[:100]}") from None

    async def grant(self, subject: str, identifier: str, grants: tuple[GrantEntry, ...]) -> None:
        """Make the grants of a subject these, if they are still what was read.

        What the file gives stays beside them. Raises: Rejected.
        """
        name = granted_id(subject, identifier)
        if grants:
            await self._save(GRANTS, name, GrantedTo(grants=grants))
        elif self.directory.granted(subject, identifier):
            since = self._saved_at(GRANTS, name)
            await self._forget(DeleteDocument(kind=GRANTS, id=name, unchanged_since=since))

    async def forget_grants(self, subject: str, identifier: str) -> None:
        """Of a subject that is gone: whatever it was granted by now."""
        await self._forget(DeleteDocument(kind=GRANTS, id=granted_id(subject, identifier)))

    async def _forget(self, command: DeleteDocument) -> None:
        try:
            await self._ask(command)
        except Rejected as refusal:
            if refusal.rejection.code is not Code.DOCUMENT_NOT_FOUND:
                raise

    def must_not_be_fixed(self, kind: str, identifier: str) -> None:
        """Raises: Conflict, if the identity file has it."""
        if (kind, identifier) in self.directory.fixed:
            raise Conflict(
                f"The {_NAMES[kind]} '{identifier}' is defined by this installation's identity"
                " file: it can be changed there only"
            )

    async def _save(
        self, kind: str, identifier: str, entry: BaseModel, *, again: bool = False
    ) -> None:
        since = self._saved_at(kind, identifier)
        content = entry.model_dump(mode="json")
        command = PutDocument(kind=kind, id=identifier, content=content, unchanged_since=since)
        await self._ask(command, f"since {since}" if again else "")

    def _saved_at(self, kind: str, identifier: str) -> int:
        row = self.directory.rows.get((kind, identifier))
        return 0 if row is None else row.updated_at

    async def _ask(self, command: DocumentCommand, occasion: str = "") -> None:
        """``occasion``: tells commands on one document apart, if there may be several."""
        part = part_of(command.kind, command.id, occasion)
        settled = await self.sender.ask(self.call, command, partition=SETTINGS_PARTITION, part=part)
        result_of(settled)


class DirectoryEditor:
    """Lets admins change the directory.

    Args:
        sender: Takes commands.
        identity: Has the directory.
    """

    def __init__(self, sender: Sender, identity: Identity) -> None:
        self._sender = sender
        self._identity = identity
        self._turn = asyncio.Lock()

    async def seen(self, call: Call) -> Directory:
        """The directory, for an admin. Raises: Forbidden, ReadsError."""
        must_be_admin(call)
        return await self._identity.directory()

    async def edit(self, call: Call, change: Callable[[Edit], Awaitable[T]]) -> T:
        """Let an admin make a change, which is in effect here when this returns.

        Args:
            call: The admin's.
            change: Makes it, of the directory as it is then; once more, of a newer one, if
                another gateway has changed the same meanwhile.

        Raises: Forbidden, Conflict, ReadsError, and what ``change`` does.
        """
        must_be_admin(call)
        async with self._turn:
            for _ in range(ATTEMPTS):
                directory = await self._identity.changed()
                try:
                    made = await change(Edit(call, directory, self._sender))
                except Rejected as refusal:
                    if refusal.rejection.code is not Code.DOCUMENT_CHANGED:
                        raise
                else:
                    await self._identity.changed()
                    return made
        raise Conflict("What this would change is being changed by others too: try again")

    async def keep_secret(self, call: Call, command: PutDocument) -> None:
        """Save what no caller asks for himself; nothing, if it is there already."""
        ours = replace(call, principal=ENGINE, headers={})
        await self._sender.ask(ours, command, partition=SETTINGS_PARTITION)

    async def hashed(self, secret: str) -> str:
        """The hash that is kept of a secret."""
        return await self._identity.passwords.hashed(secret)


def must_be_admin(call: Call) -> None:
    """Raises: Forbidden."""
    if ADMIN not in call.principal.roles:
        raise Forbidden("You don't have permissions to manage users, groups and applications")
