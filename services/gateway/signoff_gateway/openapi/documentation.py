"""The endpoints of the document, and of the page that shows it."""

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from typing import Final, Protocol

import orjson

from signoff_gateway.exchange import Answer, Call, Dialect, HeaderList, Route
from signoff_gateway.openapi.document import document_of
from signoff_gateway.openapi.operations import Described
from signoff_gateway.refusals import Failure, RouteUnknown

DOCUMENT: Final = "/openapi.json"
PAGE: Final = "/docs"
_PACKAGE: Final = "swagger-ui-py"
_FOLDER: Final = "swagger_ui/static"
_START: Final = "start.js"
_HTML: Final = "text/html; charset=utf-8"
_SCRIPT: Final = "text/javascript; charset=utf-8"
_JSON: Final = "application/json"
_ASSETS: Final[Mapping[str, str]] = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": _SCRIPT,
    "favicon-32x32.png": "image/png",
}
"""The files of the package that the page names, and nothing else of it."""
_PAGE: Final = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Signoff API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_SCRIPT_OF_PAGE: Final = b"""SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "none",
  validatorUrl: null,
});
"""
_SAFE: Final = (
    (b"x-content-type-options", b"nosniff"),
    # Asked for again at each visit: what has not changed costs a 304.
    (b"cache-control", b"no-cache"),
)
_POLICY: Final = (
    b"content-security-policy",
    b"; ".join(
        (
            b"default-src 'none'",
            b"script-src 'self'",
            # The page's own code writes styles into its elements.
            b"style-src 'self' 'unsafe-inline'",
            b"img-src 'self' data:",
            b"connect-src 'self'",
            b"base-uri 'none'",
            b"form-action 'none'",
            b"frame-ancestors 'none'",
        )
    ),
)


class _DescribedDialect(Described, Dialect, Protocol):
    pass


class Documentation:
    """Serves the document and its page to everybody.

    Args:
        dialects: What the document is about; the first one words the errors.
    """

    prefixes: Sequence[str] = ("openapi.json", "docs")

    def __init__(self, dialects: Sequence[_DescribedDialect]) -> None:
        self._dialects = dialects
        self.decode_key = dialects[0].decode_key
        self._refuse = dialects[0].refuse
        self._fail = dialects[0].fail
        self._made: dict[str, Answer] = {}
        self.routes: Sequence[Route] = (
            Route("GET", DOCUMENT, self.document, public=True),
            Route("GET", PAGE, self.page, public=True),
            Route("GET", f"{PAGE}/{{asset}}", self.asset, public=True),
        )

    def refuse(self, failure: Failure, path: str) -> Answer:
        """As the first dialect does."""
        return self._refuse(failure, path)

    def fail(self, path: str) -> Answer:
        """As the first dialect does."""
        return self._fail(path)

    async def document(self, call: Call) -> Answer:
        """GET /openapi.json."""
        return await self._once(call, DOCUMENT)

    async def page(self, call: Call) -> Answer:
        """GET /docs."""
        return await self._once(call, PAGE)

    async def asset(self, call: Call) -> Answer:
        """GET /docs/{asset}: a file that the page needs."""
        name = call.params["asset"]
        if name not in (_START, *_ASSETS):
            raise RouteUnknown
        return await self._once(call, name)

    async def _once(self, call: Call, name: str) -> Answer:
        """What is made at the first request, and stays; 304 to who has it already."""
        answer = self._made.get(name)
        if answer is None:
            # The document takes as long as hundreds of requests: not in the loop that serves them.
            answer = await asyncio.to_thread(self._make, name)
            self._made[name] = answer
        tag = answer.headers[0][1]
        if call.headers.get(b"if-none-match") == tag:
            return Answer(304, answer.headers[:1])
        # A copy: what is done to an answer on its way is done to this one only.
        return Answer(answer.status, answer.headers, answer.body)

    def _make(self, name: str) -> Answer:
        match name:
            case _ if name == DOCUMENT:
                return _whole(orjson.dumps(document_of(self._dialects)), _JSON)
            case _ if name == PAGE:
                return _whole(_PAGE, _HTML, (_POLICY,))
            case _ if name == _START:
                return _whole(_SCRIPT_OF_PAGE, _SCRIPT)
            case _:
                file = Path(str(distribution(_PACKAGE).locate_file(f"{_FOLDER}/{name}")))
                return _whole(file.read_bytes(), _ASSETS[name])


def _whole(body: bytes, media: str, headers: HeaderList = ()) -> Answer:
    tag = f'"{sha256(body).hexdigest()[:32]}"'.encode()
    return Answer(200, ((b"etag", tag), (b"content-type", media.encode()), *_SAFE, *headers), body)
