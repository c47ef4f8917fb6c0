"""Bodies that are too large, cut off, slow, or in pieces."""

import asyncio

import pytest

from signoff_gateway.gateway import GatewayValues
from tests.support.gateway import TASK, Stack, running

HEAD = b"PATCH /v2/user-tasks/%d HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" % TASK


async def test_an_announced_length_above_the_limit_is_refused_unread(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signoff_gateway.app.LINGER_SECONDS", 0.1)
    reader, writer = await stack.raw(HEAD, b"content-length: 100001\r\n\r\n")

    head = await reader.readuntil(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head
    assert b'"title":"Content Too Large"' in await reader.read()
    writer.close()


async def test_chunks_are_counted_and_refused_as_soon_as_they_are_too_many(stack: Stack) -> None:
    reader, writer = await stack.raw(HEAD, b"transfer-encoding: chunked\r\n\r\n")
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    writer.write(chunk * 4)

    head = await reader.readuntil(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_a_body_of_just_the_limit_is_read(stack: Stack) -> None:
    body = b'{"action":"x"}'.ljust(100_000)

    reader, writer = await stack.raw(HEAD, b"content-length: 100000\r\n\r\n", body)

    assert (await reader.readline()).startswith(b"HTTP/1.1 204 ")
    writer.close()


async def test_a_body_that_is_cut_off_has_no_effect(stack: Stack) -> None:
    _, writer = await stack.raw(HEAD, b'content-length: 14\r\n\r\n{"action":')
    writer.close()

    answer = await stack.client.patch(f"/v2/user-tasks/{TASK}", json={"action": "y"})

    assert answer.status_code == 204
    assert len(stack.broker.entries) == 1


async def test_a_whole_body_that_is_no_whole_document_is_refused(stack: Stack) -> None:
    reader, writer = await stack.raw(HEAD, b'content-length: 10\r\n\r\n{"action":')

    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()


@pytest.mark.parametrize("length", [b"content-length: 14", b"transfer-encoding: chunked"])
async def test_a_body_that_drips_is_given_up(length: bytes) -> None:
    async with running(GatewayValues(body_timeout=0.2)) as stack:
        reader, writer = await stack.raw(HEAD, length, b"\r\n\r\n")

        async def drip() -> None:
            while True:
                writer.write(b"1\r\n{\r\n" if b"chunked" in length else b"{")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        head = await reader.readuntil(b"\r\n\r\n")
        dripping.cancel()

        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in head
        assert not stack.broker.entries
        writer.close()


async def test_pipelined_requests_are_answered_in_order(stack: Stack) -> None:
    bodies = (b'{"action":"a"}', b"{", b'{"action":"b"}')
    requests = [HEAD + b"content-length: %d\r\n\r\n" % len(each) + each for each in bodies]

    reader, writer = await stack.raw(*requests)

    first = await reader.readuntil(b"\r\n\r\n")
    second = await reader.readuntil(b"}")
    third = await reader.readuntil(b"\r\n\r\n")
    assert [first[9:12], second[9:12], third[9:12]] == [b"204", b"400", b"204"]
    writer.close()
