"""A gateway that asks for credentials, on a real broker, with a directory whose reads are real."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from signoff_gateway.gateway import GatewayValues
from signoff_gateway.identity.entries import Entries
from signoff_gateway.identity.passwords import hash_secret
from signoff_gateway.identity.service import IdentityValues
from signoff_gateway.reads.work import DocumentRow
from signoff_schemas.documents import DeleteDocument, PutDocument
from signoff_schemas.envelope import Entry
from signoff_schemas.replies import Outcome, OutcomeStatus
from tests.support.gateway import APPLIED, Stack, running

PASSWORD = "a password of nobody"
SECRET = "a secret of no application"
HASH, KEY_HASH = hash_secret(PASSWORD), hash_secret(SECRET)
KEY = "key-1"


def grant(kind: str, target: str, *verbs: str) -> dict[str, Any]:
    return {"kind": kind, "target": target, "verbs": verbs}


def entries(**more: Any) -> Entries:
    """An admin, jane and john of the staff, an outsider, and an application with a key."""
    users = [
        {"id": "root", "roles": ["ADMIN"]},
        {"id": "jane", "name": "Jane", "groups": ["staff"], "roles": ["USER"]},
        {"id": "john", "groups": ["staff"]},
        {"id": "eve"},
    ]
    content: dict[str, Any] = {
        "users": [{**each, "password_hash": HASH} for each in users],
        "groups": [{"id": "staff", "description": "Who work here"}],
        "applications": [
            {"id": "ui", "name": "UI", "keys": [{"id": KEY, "secret_hash": KEY_HASH}]}
        ],
    }
    return Entries.model_validate({**content, **more})


def as_user(name: str, password: str = PASSWORD) -> httpx.BasicAuth:
    return httpx.BasicAuth(name, password)


@dataclass
class Documents:
    """The documents that a scripted broker saves, as the gateway reads them."""

    rows: dict[tuple[str, str], DocumentRow] = field(default_factory=dict)
    reads: int = 0

    async def documents(self, kind: str, _: str | None = None) -> Sequence[DocumentRow]:
        self.reads += 1
        return [row for (of, _), row in self.rows.items() if of == kind]

    def answer(self, entry: Entry) -> Outcome:
        body, by = entry.body, entry.principal.id
        if isinstance(body, PutDocument):
            if body.must_be_new and (body.kind, body.id) in self.rows:
                return Outcome(status=OutcomeStatus.REJECTED)
            row = DocumentRow(body.kind, body.id, 1, body.content, 100, by, 200, by)
            self.rows[body.kind, body.id] = row
        elif isinstance(body, DeleteDocument):
            del self.rows[body.kind, body.id]
        return APPLIED


@asynccontextmanager
async def guarded(
    documents: Documents | None = None, **given: Any
) -> AsyncIterator[tuple[Stack, Documents]]:
    """A gateway that asks for credentials, unless it is told otherwise."""
    kept = Documents() if documents is None else documents
    values: dict[str, Any] = {"required": True, "entries": entries(), **given}
    async with running(GatewayValues(identity=IdentityValues(**values))) as stack:
        stack.reads.documents = kept.documents  # type: ignore[method-assign]
        stack.broker.answer = kept.answer
        yield stack, kept
