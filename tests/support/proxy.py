"""A TCP proxy before PostgreSQL that loses, holds back or cuts what passes, when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qs, urlsplit


class Fault(Enum):
    """What happens to connections, those that are there and those that come."""

    SWALLOW = "swallow"
    """What is sent is accepted and lost; such a connection is never of use again."""
    HOLD = "hold"
    """Nothing passes until the fault is over; then everything does."""
    MUTE = "mute"
    """Only answers are lost: the server does what it is asked."""
    CUT = "cut"
    """Connections are reset."""


@dataclass(eq=False)
class _Link:
    """One connection of a client, and the one to the server that goes with it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    name: str
    """What the client says of itself (its ``application_name``)."""
    lost: Fault | None = None

    def reset(self) -> None:
        for writer in (self.client, self.server):
            with suppress(RuntimeError, OSError):
                writer.transport.abort()


@dataclass
class FaultyProxy:
    """Passes everything on, until ``during`` says otherwise."""

    upstream: str
    """The server's DSN."""
    port: int = 0
    _fault: Fault | None = None
    _names: str = ""
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _links: set[_Link] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def dsn(self) -> str:
        """Leads through the proxy."""
        parts = urlsplit(self.upstream)
        user = parts.username or "postgres"
        secret = f":{parts.password}" if parts.password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}{parts.path}?sslmode=disable"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["FaultyProxy"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for link in tuple(self._links):
                link.reset()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @asynccontextmanager
    async def during(self, fault: Fault, names: str = "") -> AsyncIterator[None]:
        """Inside, the fault befalls the connections whose name ends so."""
        self._fault, self._names, self._over = fault, names, asyncio.Event()
        if fault is Fault.CUT:
            for link in tuple(self._links):
                if link.name.endswith(names):
                    link.reset()
        try:
            yield
        finally:
            self._fault = None
            self._over.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = await reader.readexactly(4)
        hello = size + await reader.readexactly(int.from_bytes(size) - 4)
        words = hello[8:].split(b"\0")
        name = words[words.index(b"application_name") + 1] if b"application_name" in words else b""
        from_server, to_server = await self._connect()
        link = _Link(writer, to_server, name.decode())
        self._links.add(link)
        try:
            if await self._passes(link, to_server):
                to_server.write(hello)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, to_server, link))
                group.create_task(self._pump(from_server, writer, link))
        except* (OSError, EOFError):
            pass
        finally:
            self._links.discard(link)
            link.reset()

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, link: _Link
    ) -> None:
        while data := await source.read(65536):
            if await self._passes(link, target):
                target.write(data)
                await target.drain()
        raise EOFError

    async def _passes(self, link: _Link, target: asyncio.StreamWriter) -> bool:
        """Whether bytes may pass; returns only when they may, or are lost."""
        fault = self._fault if link.name.endswith(self._names) else None
        if fault is Fault.CUT:
            raise EOFError
        if fault is Fault.HOLD:
            await self._over.wait()
        elif fault is not None:
            link.lost = link.lost or fault
        if link.lost is Fault.MUTE:
            return target is link.server
        return link.lost is None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.upstream)
        folder = parse_qs(parts.query).get("host", [""])[0]
        port = parts.port or int(parse_qs(parts.query).get("port", ["5432"])[0])
        if folder.startswith("/"):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        return await asyncio.open_connection(parts.hostname or "127.0.0.1", port)
