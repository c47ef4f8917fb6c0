"""The worker's HTTP transport: what its errors tell."""

import traceback
from datetime import timedelta

import pytest

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
