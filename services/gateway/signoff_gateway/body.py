"""Reads a request's body whole, within a size and a time, whatever the client does."""

import asyncio
from collections.abc import Mapping

from signoff_gateway.exchange import Receive
from signoff_gateway.refusals import BodyTooLarge, BodyTooSlow, ClientGone


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], *, limit: int, seconds: float
) -> bytes:
    """The body, whether its length was announced or it came in chunks.

    Args:
        receive: The request's messages.
        headers: The request's headers, by lower-case name.
        limit: Largest body, in bytes; an announced length above it is refused unread.
        seconds: What the whole body gets.

    Raises: BodyTooLarge, BodyTooSlow; ClientGone if the client hung up before the end.
    """
    announced = headers.get(b"content-length")
    if announced is not None:
        if announced == b"0":
            return b""
        if int(announced) > limit:
            raise BodyTooLarge(limit)
    elif b"transfer-encoding" not in headers:
        return b""
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, limit)
    except TimeoutError as error:
        raise BodyTooSlow from error


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message["body"]
        if len(body) > limit:
            raise BodyTooLarge(limit)
        return body
    chunks: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()
    raise ClientGone
