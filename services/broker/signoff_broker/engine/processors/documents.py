"""Cluster-wide documents: saved and removed, version by version."""

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import refuse
from signoff_schemas.documents import DeleteDocument, DocumentDeleted, DocumentSet, PutDocument
from signoff_schemas.rejections import Code, Rejection, RejectionType

Result = dict[str, object]


def put(draft: Draft, command: PutDocument) -> Result | Rejection:
    """Save a version: one that is named, the highest that there is, or one more than that."""
    versions = draft.settings.documents.get((command.kind, command.id), ())
    version = command.version
    if version is None:
        version = (versions[-1] if versions else 1) + (command.new_version and bool(versions))
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
    draft.emit_setting(
        DocumentSet(
            kind=command.kind,
            id=command.id,
            version=version,
            content=command.content,
            rule=command.rule,
            by=draft.asker.principal.id,
            at=draft.now,
        )
    )
    return {"version": version, "created": created}


def delete(draft: Draft, command: DeleteDocument) -> Result | Rejection:
    """Remove one version, or all. Result: {"versions": those that are gone}."""
    versions = draft.settings.documents.get((command.kind, command.id), ())
    gone = tuple(each for each in versions if command.version in (None, each))
    if not gone:
        named: dict[str, object] = {"kind": command.kind, "id": command.id}
        if command.version is not None:
            named["version"] = command.version
        return refuse(RejectionType.NOT_FOUND, Code.DOCUMENT_NOT_FOUND, "DELETE", **named)
    for version in gone:
        draft.emit_setting(DocumentDeleted(kind=command.kind, id=command.id, version=version))
    return {"versions": list(gone)}
