"""Cluster-wide documents: form templates, task rules, users, groups, applications.

The engine keeps which versions there are and the rules; the content is the dialects' and the
gateway's business and is stored verbatim.
"""

from typing import Final, Literal

from pydantic import Field

from signoff_schemas.model import Record
from signoff_schemas.work import TaskRule

RULES: Final = "task_rule"
"""The kind of documents that are task rules: the id is the rule's name, the version always 1."""


class PutDocument(Record):
    """Save a document under (kind, id, version).

    ``version`` None: the highest there is, or 1; with ``new_version`` one more than the highest.
    Unversioned kinds simply stay at 1. Result: {"version": int, "created": bool}.
    """

    type: Literal["document.put"] = "document.put"
    kind: str
    id: str
    version: int | None = None
    new_version: bool = False
    must_be_new: bool = False
    """Refuse (ALREADY_EXISTS) what is there."""
    unchanged_since: int | None = None
    """Refuse (DOCUMENT_CHANGED) what was not saved last at this instant; 0: what is there.

    That refusal is not on record: made anew, the command comes again under the same id.
    """
    content: dict[str, object] = Field(default_factory=dict[str, object])
    rule: TaskRule | None = None
    """Of documents of the kind ``RULES``, and of no others."""


class DeleteDocument(Record):
    """Remove one version, or with None all. Refused (NOT_FOUND) if there is nothing to remove."""

    type: Literal["document.delete"] = "document.delete"
    kind: str
    id: str
    version: int | None = None
    unchanged_since: int | None = None
    """As of ``PutDocument``, of the highest of these versions."""


DocumentCommand = PutDocument | DeleteDocument


class DocumentSet(Record):
    """A document was saved, each time at a later instant: that tells one content from another."""

    type: Literal["document.set"] = "document.set"
    kind: str
    id: str
    version: int
    content: dict[str, object]
    rule: TaskRule | None = None
    by: str
    at: int


class DocumentDeleted(Record):
    """A version of a document is gone."""

    type: Literal["document.deleted"] = "document.deleted"
    kind: str
    id: str
    version: int


DocumentEvent = DocumentSet | DocumentDeleted
