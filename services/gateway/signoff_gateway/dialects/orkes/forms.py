"""User forms as they are kept: documents, one for each version, and their tags."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

import orjson

from signoff_gateway.reads import Reads
from signoff_gateway.reads.work import DocumentRow

JsonObject = dict[str, object]

TEMPLATE: Final = "form_template"
TAG: Final = "form_template_tag"
_VERBATIM: Final = ("jsonSchema", "templateUI", "ownerApp")
_PREFIX: Final = "USER:"


class Forms:
    """The user forms of this installation."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def versions(self, name: str) -> Sequence[DocumentRow]:
        """All versions of a form, the highest first; none of one that is not there."""
        return await self._reads.documents(TEMPLATE, name)

    async def everything(self) -> Sequence[DocumentRow]:
        """All versions of all forms, by name."""
        return await self._reads.documents(TEMPLATE)

    async def found(self, name: str, version: int) -> DocumentRow | None:
        """One version; the highest for 0."""
        rows = await self._reads.documents(TEMPLATE, name, version or None)
        return rows[0] if rows else None

    async def template(self, name: str, version: int) -> JsonObject | None:
        """One version as clients see it; None if it is not there."""
        row = await self.found(name, version)
        if row is None:
            return None
        [shown] = await self.shown([row])
        return shown

    async def schema(self, name: str, version: int) -> Mapping[str, object] | None:
        """The JSON Schema of one version; None if it is not there."""
        row = await self.found(name, version)
        schema = None if row is None else row.content.get("jsonSchema")
        return cast("JsonObject", schema) if isinstance(schema, dict) else None

    async def shown(self, rows: Sequence[DocumentRow]) -> list[JsonObject]:
        """Forms as clients see them, with their tags."""
        if not rows:
            return []
        tags = await self.tags()
        return [_shown(row, tags.get(row.id, ())) for row in rows]

    async def tags(self) -> Mapping[str, Sequence[JsonObject]]:
        """The tags of all forms by the form's name."""
        found: defaultdict[str, list[JsonObject]] = defaultdict(list)
        for row in await self._reads.documents(TAG):
            tag = {name: value for name, value in row.content.items() if name != "form"}
            found[str(row.content["form"])].append(tag)
        return found


def tag_id(form: str, key: str) -> str:
    """The id of a tag's document: one each, so that tags set at the same time do not collide."""
    return orjson.dumps([form, key]).decode()


def tag_content(form: str, key: str, value: str | None) -> JsonObject:
    """A tag's document."""
    content: JsonObject = {"form": form, "key": key}
    return content if value is None else {**content, "value": value}


def _shown(row: DocumentRow, tags: Iterable[JsonObject]) -> JsonObject:
    members: JsonObject = {
        "createTime": row.created_at,
        "updateTime": row.updated_at,
        "createdBy": _PREFIX + row.created_by,
        "updatedBy": _PREFIX + row.updated_by,
        "name": row.id,
        "version": row.version,
    }
    members |= {name: row.content[name] for name in _VERBATIM if name in row.content}
    shown = list(tags)
    return {**members, "tags": shown} if shown else members
