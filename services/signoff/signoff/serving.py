"""Serves an ASGI application on a socket of ours, under signals of ours."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

BACKLOG = 2048
GRACE_SECONDS = 3
HEAD_BYTES_MAX = 64 * 1024
HEAD_SECONDS = 30.0
LINGER_SECONDS = 1.0


class AddressTaken(OSError):
    """Somebody else listens there; the message names the address and what to do."""


class _Server(uvicorn.Server):
    """Signals belong to `lifecycle.run`, which stops everything in order."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _Joining:
    """A transport that sends head and body of an answer together, not as a packet each.

    The first piece waits for the second, but not beyond this turn of the loop.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._held = b""
        self._ended = False

    def write(self, data: bytes) -> None:
        if self._ended:
            return
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        else:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def end(self) -> None:
        """Close, but hear the peer out for a moment.

        Closing at once would reset the connection under a peer that still writes, and what was
        sent last would be lost with it.
        """
        self._flush()
        self._ended = True
        self._transport.write_eof()
        self._loop.call_later(LINGER_SECONDS, self._transport.close)

    def is_closing(self) -> bool:
        return self._ended or self._transport.is_closing()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)


class _Protocol(HttpToolsProtocol):
    """Refuses as a problem what is no HTTP, and a request whose head does not end.

    A wish for another protocol (some clients add ``Upgrade: h2c`` to each request) is not heard:
    the parser would leave out the body of such a request and take it for the next one. So the
    request goes through a new parser, without its wish. Only who wants a WebSocket is told that
    there is none: to them the answer to a plain request is of no use.
    """

    _head_bytes = 0
    _in_head = False
    _awaited: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._joining = _Joining(transport)
        self.transport = cast("asyncio.Transport", self._joining)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_head()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._have_head()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self._joining.is_closing():
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade as wish:
            self._go_on_without_upgrade(data[wish.args[0] :])
        if self._in_head or not self._is_answering():
            self._await_head()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(431, "Request Header Fields Too Large", "The head is too large.")

    def _await_head(self) -> None:
        if self._awaited is None:
            self._awaited = self.loop.call_later(HEAD_SECONDS, self._refuse_late)

    def _have_head(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _refuse_late(self) -> None:
        self._awaited = None
        if self._is_answering():
            self._await_head()  # what is said now would be taken for that answer
            return
        self._refuse(408, "Request Timeout", f"The head did not come within {HEAD_SECONDS:.0f} s.")

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.send_400_response("There is no tunnel here.")
            return
        if any(each[0] == b"upgrade" and each[1].lower() == b"websocket" for each in self.headers):
            self.send_400_response("There are no WebSockets here.")
            return
        version = self.parser.get_http_version().encode()
        head = [b"%b %b HTTP/%b\r\n" % (method, self.url, version)]
        head += [b"%b: %b\r\n" % each for each in self.headers if each[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"".join(head) + b"\r\n" + rest)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "Bad Request", msg)

    def _refuse(self, status: int, title: str, detail: str) -> None:
        if self._joining.is_closing():
            return
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        body = json.dumps({**problem, "instance": "/"}).encode()
        head = (
            f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self._joining.write(head.encode() + body)
        self._joining.end()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; with port 0 the system chooses one. Raises: AddressTaken."""
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        raise AddressTaken(f"cannot listen on {host}:{port}: {error.strerror}") from error


def address(listening: socket.socket) -> str:
    """The URL of a socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{host}:{port}"


@asynccontextmanager
async def serving(application: Any, listening: socket.socket) -> AsyncGenerator[None]:
    """Serve while the body runs; then let requests that are under way end."""
    server = _Server(
        uvicorn.Config(
            application,
            http=_Protocol,
            ws="none",
            loop="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listening]), name="http")
    try:
        yield
    finally:
        server.should_exit = True
        await task
