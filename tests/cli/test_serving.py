"""The HTTP server below the routes: connections that hold back what they promised."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from signoff import serving

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    """An application."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def connected(application: Any = hello) -> AsyncIterator[Connection]:
    """A client of an application that is served."""
    listening = serving.listen("127.0.0.1", 0)
    async with serving.serving(application, listening):
        reader, writer = await asyncio.open_connection(*listening.getsockname()[:2])
        yield reader, writer
        writer.close()


@pytest.mark.parametrize("before", [b"", HEAD, HEAD + b"\r\n" + HEAD], ids=["none", "half", "next"])
async def test_a_head_that_does_not_come_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.3)
    began = time.monotonic()
    async with connected() as (reader, writer):
        writer.write(before)

        answer = await reader.read()

        assert time.monotonic() - began >= 0.3
        assert answer.count(b"HTTP/1.1 204 ") == before.count(b"\r\n\r\n")
        assert b"HTTP/1.1 408 Request Timeout" in answer
        assert answer.endswith(b'"instance": "/"}')


async def test_a_connection_may_be_used_longer_than_a_head_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.3)
    async with connected() as (reader, writer):
        for _ in range(6):
            writer.write(HEAD + b"\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
            await asyncio.sleep(0.1)


async def test_a_line_that_is_no_head_does_not_hold_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.3)
    async with connected() as (reader, writer):
        writer.write(HEAD + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\r\n")

        assert (await asyncio.wait_for(reader.read(), 60)).startswith(b"HTTP/1.1 408 ")


async def test_half_a_head_behind_a_long_request_is_not_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.1)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await go_on.wait()
        await hello(scope, receive, send)

    async with connected(slowly) as (reader, writer):
        writer.write(HEAD + b"\r\n")
        await asked.wait()
        writer.write(HEAD)
        asyncio.get_running_loop().call_later(0.4, go_on.set)

        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
