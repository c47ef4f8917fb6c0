"""Serves an ASGI application on a socket of ours, under signals of ours."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

BACKLOG = 2048
GRACE_SECONDS = 3


class AddressTaken(OSError):
    """Somebody else listens there; the message names the address and what to do."""


class _Server(uvicorn.Server):
    """Signals belong to `lifecycle.run`, which stops everything in order."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


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
            http="httptools",
            loop="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listening]), name="http")
    try:
        yield
    finally:
        server.should_exit = True
        await task
