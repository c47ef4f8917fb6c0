"""The ASGI application: route, admit, read, handle, answer, and nothing slow in between."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

import structlog

from signoff_gateway.body import read_body
from signoff_gateway.exchange import (
    Answer,
    BodyKind,
    Call,
    Dialect,
    Place,
    Receive,
    Route,
    Scope,
    Send,
)
from signoff_gateway.identity.authenticator import Authenticator
from signoff_gateway.metrics import Metrics
from signoff_gateway.pending import hung_up
from signoff_gateway.reads import ReadsError
from signoff_gateway.refusals import (
    BodyTooLarge,
    BodyTooSlow,
    ClientGone,
    KeyMalformed,
    MediaTypeUnsupported,
    MethodNotAllowed,
    OutcomeUnknown,
    Refusal,
    RouteUnknown,
)
from signoff_gateway.routing import Router, Target
from signoff_gateway.sending import Sender
from signoff_schemas.principal import Principal

NOBODY: Final = Principal("", tenants=())
"""Who asks for what everybody may have, and does not say who he is."""
_UNROUTED: Final = "unknown"
_CLOSE: Final = ((b"connection", b"close"),)
_HEAD: Final = "HEAD"
_JSON: Final = b"application/json"
_BYTES: Final = b"application/octet-stream"
LINGER_SECONDS: Final = 1.0
LINGER_BYTES_MAX: Final = 32 * 1024 * 1024

log = structlog.get_logger(__name__)


class App:
    """Serves all dialects. The first one also words what is nobody's (unknown paths).

    Args:
        dialects: Whose routes are served.
        sender: Admits commands.
        metrics: Counts answers.
        authenticator: Knows the callers.
        body_limit: Largest request body, in bytes.
        body_timeout: Seconds in which a whole body must have arrived.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect],
        sender: Sender,
        metrics: Metrics,
        *,
        authenticator: Authenticator,
        body_limit: int,
        body_timeout: float,
    ) -> None:
        self._router = Router(dialects)
        self._dialects = dialects
        self._sender = sender
        self._requests = metrics.requests
        self._authenticator = authenticator
        self._body_limit = body_limit
        self._body_timeout = body_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's event, as ASGI defines it. Only HTTP is served."""
        if scope["type"] != "http":
            return
        method: str = scope["method"]
        path: str = scope["raw_path"].decode("latin-1")
        try:
            target, params = self._router.find(method, path)
        except (RouteUnknown, MethodNotAllowed) as refusal:
            answer = self._dialect_of(path).refuse(refusal, path)
            self._requests[method, _UNROUTED, answer.status] += 1
            await _write(method, answer, receive, send)
            return
        headers = dict(scope["headers"])
        client: tuple[str, int] | None = scope.get("client")
        known = self._authenticator.at_once(headers)
        call = Call(
            method=method,
            path=path,
            params=params,
            headers=headers,
            query=scope["query_string"],
            receive=receive,
            principal=NOBODY if known is None else known,
            route=target.route,
            address="" if client is None else client[0],
        )
        try:
            answer = await self._answer(target, call, is_known=known is not None)
        except ClientGone:
            return
        self._requests[method, target.route.template, answer.status] += 1
        await _write(method, answer, receive, send)

    async def _answer(self, target: Target, call: Call, *, is_known: bool) -> Answer:
        route = target.route
        try:
            if not is_known and not route.public:
                call.principal = await self._authenticator.identify(call.headers, call.address)
            if route.key:
                call.key = _decoded_key(target.dialect, route, call)
            if route.place is not Place.NONE:
                self._sender.admit(call)
            if route.body is not BodyKind.NONE:
                call.body = await read_body(
                    call.receive, call.headers, limit=self._body_limit, seconds=self._body_timeout
                )
                if call.body and route.body is not BodyKind.FORM:
                    _must_be_json(call)
            return await route.handle(call)
        except (BodyTooLarge, BodyTooSlow) as refusal:
            # The rest of the body would be taken for the next request.
            answer = target.dialect.refuse(refusal, call.path)
            answer.headers += _CLOSE
            return answer
        except (Refusal, OutcomeUnknown, ReadsError) as failure:
            return target.dialect.refuse(failure, call.path)
        except ClientGone:
            raise
        except Exception as error:
            log.exception("request_failed", method=call.method, route=route.template, error=error)
            return target.dialect.fail(call.path)

    def _dialect_of(self, path: str) -> Dialect:
        first = path[1:].partition("/")[0]
        for dialect in self._dialects:
            if first in dialect.prefixes:
                return dialect
        return self._dialects[0]


def _decoded_key(dialect: Dialect, route: Route, call: Call) -> int:
    text = call.params[route.key]
    key = dialect.decode_key(text)
    if key is None:
        raise KeyMalformed(route.key, text)
    return key


def _must_be_json(call: Call) -> None:
    unsaid = _JSON if call.route.body is BodyKind.UNTYPED_JSON else _BYTES
    given = call.headers.get(b"content-type", unsaid)
    if given != _JSON and given.partition(b";")[0].strip().lower() != _JSON:
        raise MediaTypeUnsupported(unquote(given.decode("latin-1")))


async def _write(method: str, answer: Answer, receive: Receive, send: Send) -> None:
    headers = [*answer.headers]
    if answer.body or answer.status not in {204, 304}:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if method == _HEAD:
        await send(start)
        await send({"type": "http.response.body", "body": b""})
        if answer.undelivered is not None:
            answer.undelivered()
    elif answer.undelivered is not None:
        await _write_watched(answer, start, receive, send)
    elif answer.headers[-1:] == _CLOSE:
        await _write_last(answer, start, receive, send)
    else:
        await send(start)
        await send({"type": "http.response.body", "body": answer.body})


async def _write_last(answer: Answer, start: Scope, receive: Receive, send: Send) -> None:
    """Answer before the body has come, and let a client that only listens afterwards see it.

    Closing at once would reset the connection under a client that still writes, and the answer
    would be lost with it. What comes meanwhile is thrown away, within a size and a time.
    """
    await send(start)
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while size < LINGER_BYTES_MAX:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    break
    await send({"type": "http.response.body", "body": b""})


async def _write_watched(answer: Answer, start: Scope, receive: Receive, send: Send) -> None:
    """Write, and call ``undelivered`` if the client had gone before all of it was on its way."""
    assert answer.undelivered is not None
    gone = asyncio.ensure_future(hung_up(receive))
    try:
        await asyncio.sleep(0)
        if not gone.done():
            await send(start)
            await send({"type": "http.response.body", "body": answer.body, "more_body": True})
            # The server waits for what is still in its buffer before it takes more.
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            await asyncio.sleep(0)
        if gone.done():
            answer.undelivered()
        else:
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
