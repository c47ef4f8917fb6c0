"""The worker's HTTP transport: what its errors tell."""

import traceback
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from signoff_worker import Activation, HttpTransport
from signoff_worker.transport import TransportError


@pytest.mark.parametrize(
    "url", ["http://ann:s3cret@:99999", "htp://ann:s3cret@127.0.0.1", "http://ann:s3cret@127.0.0.1:1"]
)  # fmt: skip
async def test_no_error_tells_the_login(url: str) -> None:
    transport = HttpTransport(url)
    try:
        with pytest.raises(TransportError) as caught:
            await transport.activate(Activation("check", 1, timedelta(seconds=1), "w"))
    finally:
        await transport.close()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("page", ["<html>", "[]", "{}", '{"jobs":[{}]}', '{"jobs":[1]}'])
async def test_an_answer_that_is_none_of_a_gateway_is_an_error_to_come_back_from(page: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=page)

    application = web.Application()
    application.router.add_post("/v2/jobs/activation", answer)
    async with TestServer(application) as server:
        transport = HttpTransport(str(server.make_url("/")))
        try:
            with pytest.raises(TransportError, match="no gateway"):
                await transport.activate(Activation("check", 1, timedelta(seconds=1), "w"))
        finally:
            await transport.close()
