"""Cluster-wide documents: saved and removed, version by version."""

from collections.abc import Mapping

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import refuse
from signoff_schemas.documents import DeleteDocument, DocumentDeleted, DocumentSet, PutDocument
from signoff_schemas.rejections import Code, Rejection, RejectionType

Result = dict[str, object]


def put(draft: Draft, command: PutDocument) -> Result | Rejection:
    """Save a version: one that is named, the highest that there is, or one more than that.

    Nothing is kept of one that was deleted: if it is made again within the millisecond in which it
    was saved last, the two have the same instant.
    """
    versions = _versions(draft, command)
    version = command.version
    if version is None:
        highest = max(versions, default=0)
        version = highest + (command.new_version or not highest)
    created = version not in versions
    if command.must_be_new and not created:
        return refuse(
            RejectionType.ALREADY_EXISTS,
            Code.DOCUMENT_EXISTS,
            "CREATE",
            kind=command.kind,
            id=command.id,
            version=version,
        )
    saved_at = versions.get(version, 0)
    if command.unchanged_since not in (None, saved_at):
        return _changed(command, "UPDATE")
    draft.emit_setting(
        DocumentSet(
            kind=command.kind,
            id=command.id,
            version=version,
            content=command.content,
            rule=command.rule,
            by=draft.asker.principal.id,
            at=max(draft.now, saved_at + 1),
        )
    )
    return {"version": version, "created": created}


def delete(draft: Draft, command: DeleteDocument) -> Result | Rejection:
    """Remove one version, or all. Result: {"versions": those that are gone}."""
    versions = _versions(draft, command)
    gone = [each for each in versions if command.version in (None, each)]
    if not gone:
        named: dict[str, object] = {"kind": command.kind, "id": command.id}
        if command.version is not None:
            named["version"] = command.version
        return refuse(RejectionType.NOT_FOUND, Code.DOCUMENT_NOT_FOUND, "DELETE", **named)
    if command.unchanged_since not in (None, versions[gone[-1]]):
        return _changed(command, "DELETE")
    for version in gone:
        draft.emit_setting(DocumentDeleted(kind=command.kind, id=command.id, version=version))
    return {"versions": gone}


def _versions(draft: Draft, command: PutDocument | DeleteDocument) -> Mapping[int, int]:
    return draft.settings.documents.get((command.kind, command.id), {})


def _changed(command: PutDocument | DeleteDocument, intent: str) -> Rejection:
    return refuse(
        RejectionType.INVALID_STATE,
        Code.DOCUMENT_CHANGED,
        intent,
        kind=command.kind,
        id=command.id,
    )
