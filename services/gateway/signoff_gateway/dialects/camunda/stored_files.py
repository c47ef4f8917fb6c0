"""GET /resources/{resourceKey}: deployed files that are neither processes nor forms."""

from collections.abc import Iterable
from typing import Final

import orjson

from signoff_gateway.dialects.camunda.answers import NotAcceptable, NotFound, json_answer
from signoff_gateway.dialects.camunda.reading_rights import ReadingRights
from signoff_gateway.dialects.camunda.results import resource_result
from signoff_gateway.exchange import Answer, Call, Route
from signoff_gateway.reads import Reads
from signoff_gateway.reads.rows import ResourceRow

KEY: Final = "resourceKey"
_ONE: Final = f"/v2/resources/{{{KEY}}}"
_JSON: Final = (b"content-type", b"application/json")
_BYTES: Final = (
    (b"content-type", b"application/octet-stream"),
    # Whatever it is, a browser is not to run it.
    (b"content-disposition", b"attachment"),
    (b"x-content-type-options", b"nosniff"),
)


class StoredFiles:
    """The endpoints that show files and give them back.

    Args:
        reads: The read side.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._rights = ReadingRights(reads)

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield Route("GET", _ONE, self.get, key=KEY)
        yield Route("GET", f"{_ONE}/content", self.content, key=KEY)
        yield Route("GET", f"{_ONE}/content/binary", self.binary, key=KEY)

    async def get(self, call: Call) -> Answer:
        """GET /resources/{resourceKey}."""
        return json_answer(resource_result(await self._row(call)))

    async def content(self, call: Call) -> Answer:
        """GET /resources/{resourceKey}/content: of a file that holds a JSON object."""
        row = await self._row(call)
        if not _is_object(row.content):
            raise NotAcceptable(f"Resource with key '{row.key}' is no JSON object")
        return Answer(200, (_JSON,), row.content.encode())

    async def binary(self, call: Call) -> Answer:
        """GET /resources/{resourceKey}/content/binary: byte for byte what was deployed."""
        row = await self._row(call)
        return Answer(200, _BYTES, row.content.encode())

    async def _row(self, call: Call) -> ResourceRow:
        row = await self._reads.resource(call.key, call.principal.tenants)
        if row is None:
            raise NotFound(f"Resource with key '{call.key}' not found")
        await self._rights.must_read(call.principal, row)
        return row


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False
