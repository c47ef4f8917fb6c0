"""A gateway with short times on the memory log, and its scripted broker."""

from collections.abc import AsyncIterator

import pytest

from signoff_gateway.gateway import GatewayValues
from tests.support.gateway import Stack, running


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    """One partition; a request is told 504 after a second."""
    async with running(GatewayValues(request_timeout=1.0, body_limit=100_000)) as made:
        yield made


@pytest.fixture
async def hasty() -> AsyncIterator[Stack]:
    """As ``stack``, for who waits until it is told 504."""
    async with running(GatewayValues(request_timeout=0.2)) as made:
        yield made
