"""A gateway that asks for credentials, on a real broker, with a directory whose reads are real."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from signoff_gateway.gateway import GatewayValues
from signoff_gateway.identity import passwords
from signoff_gateway.identity.entries import Entries
from signoff_gateway.identity.service import IdentityValues
from signoff_gateway.reads.work import DocumentRow
from signoff_schemas.documents import DeleteDocument, PutDocument
from signoff_schemas.envelope import Entry
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from tests.support.gateway import APPLIED, Stack, rejected, running

PASSWORD = "a password of nobody"
SECRET = "a secret of no application"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Nobody attacks what tests hash; what a hash of the product costs has a test of its own."""
HASH, KEY_HASH = QUICK.hash(PASSWORD), QUICK.hash(SECRET)
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
    conflicts: int = 0

    async def documents(
        self, kind: str, identifier: str | None = None, _: int | None = None
    ) -> Sequence[DocumentRow]:
        self.reads += 1
        return [
            row
            for (of, name), row in self.rows.items()
            if of == kind and identifier in {None, name}
        ]

    def answer(self, entry: Entry) -> Outcome:
        """As the engine decides."""
        body, by = entry.body, entry.principal.id
        if not isinstance(body, PutDocument | DeleteDocument):
            return APPLIED
        name = (body.kind, body.id)
        there = self.rows.get(name)
        saved_at = 0 if there is None else there.updated_at
        if body.unchanged_since not in (None, saved_at):
            self.conflicts += 1
            values = {"kind": body.kind, "id": body.id}
            return rejected(RejectionType.INVALID_STATE, Code.DOCUMENT_CHANGED, "UPDATE", **values)
        if isinstance(body, DeleteDocument):
            if self.rows.pop(name, None) is None:
                values = {"kind": body.kind, "id": body.id}
                return rejected(
                    RejectionType.NOT_FOUND, Code.DOCUMENT_NOT_FOUND, "DELETE", **values
                )
        elif body.must_be_new and there is not None:
            return Outcome(status=OutcomeStatus.REJECTED)
        else:
            made_at, maker = (100, by) if there is None else (there.created_at, there.created_by)
            at = max(200, saved_at + 1)
            row = DocumentRow(body.kind, body.id, 1, body.content, made_at, maker, at, by)
            self.rows[name] = row
        return APPLIED


@asynccontextmanager
async def guarded(
    documents: Documents | None = None, **given: Any
) -> AsyncIterator[tuple[Stack, Documents]]:
    """A gateway that asks for credentials, unless it is told otherwise, and hashes quickly."""
    kept = Documents() if documents is None else documents
    values: dict[str, Any] = {"required": True, "entries": entries(), **given}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", QUICK)
        async with running(GatewayValues(identity=IdentityValues(**values))) as stack:
            stack.reads.documents = kept.documents  # type: ignore[method-assign]
            stack.broker.answer = kept.answer
            yield stack, kept
