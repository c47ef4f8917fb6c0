"""Changes of the directory, one after another, each of what is there when it is made."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from pydantic import BaseModel

from signoff_gateway.dialects.orkes.answers import Conflict, Forbidden, result_of
from signoff_gateway.exchange import Call
from signoff_gateway.identity.directory import Directory, granted_id
from signoff_gateway.identity.entries import GRANTS, GrantedTo, GrantEntry
from signoff_gateway.identity.service import Identity
from signoff_gateway.sending import Sender
from signoff_schemas.documents import DeleteDocument, DocumentCommand, PutDocument
from signoff_schemas.ids import SETTINGS_PARTITION
from signoff_schemas.principal import ADMIN, ENGINE

_NAMES: Final = {"user": "user", "group": "group", "role": "role", "application": "application"}


@dataclass(slots=True)
class Edit:
    """One request's changes; ``directory`` is what they start from."""

    call: Call
    directory: Directory
    sender: Sender
    part: int = 0

    async def put(self, kind: str, identifier: str, entry: BaseModel) -> None:
        """Save an entry. Raises: Conflict, if the identity file has it."""
        self._must_not_be_fixed(kind, identifier)
        content = entry.model_dump(mode="json")
        await self._ask(PutDocument(kind=kind, id=identifier, content=content))

    async def delete(self, kind: str, identifier: str) -> None:
        """Remove an entry. Raises: Conflict, Rejected if there is none."""
        self._must_not_be_fixed(kind, identifier)
        await self._ask(DeleteDocument(kind=kind, id=identifier))

    async def grant(self, subject: str, identifier: str, grants: tuple[GrantEntry, ...]) -> None:
        """Make the grants of a subject these: what the file gives stays beside them."""
        name = granted_id(subject, identifier)
        if grants:
            content = GrantedTo(grants=grants).model_dump(mode="json")
            await self._ask(PutDocument(kind=GRANTS, id=name, content=content))
        elif self.directory.granted(subject, identifier):
            await self._ask(DeleteDocument(kind=GRANTS, id=name))

    async def _ask(self, command: DocumentCommand) -> None:
        part, self.part = self.part, self.part + 1
        settled = await self.sender.ask(self.call, command, partition=SETTINGS_PARTITION, part=part)
        result_of(settled)

    def _must_not_be_fixed(self, kind: str, identifier: str) -> None:
        if (kind, identifier) in self.directory.fixed:
            raise Conflict(
                f"The {_NAMES[kind]} '{identifier}' is defined by this installation's identity"
                " file: it can be changed there only"
            )


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

    @asynccontextmanager
    async def editing(self, call: Call) -> AsyncGenerator[Edit]:
        """Changes by an admin, in effect here when it ends. Raises: Forbidden, ReadsError."""
        must_be_admin(call)
        async with self._turn:
            yield Edit(call, await self._identity.changed(), self._sender)
            await self._identity.changed()

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
