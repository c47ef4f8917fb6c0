"""What people of the second dialect do, against the running product."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.system.conftest import Product
from tests.system.orkes import judging
from tests.system.orkes.office import Office


@pytest.fixture(scope="session")
def judge(request: pytest.FixtureRequest) -> Path:
    """Where the JavaScript judges and their packages are."""
    cache = request.config.cache
    assert cache is not None
    return judging.installed(cache)


@pytest.fixture
async def office(product: Product, unique: str) -> AsyncIterator[Office]:
    """On the gateway that people use."""
    async with httpx.AsyncClient(base_url=product.front, timeout=30) as client:
        yield Office(client, unique)


@pytest.fixture
async def annex(product: Product, unique: str) -> AsyncIterator[Office]:
    """On the other gateway."""
    async with httpx.AsyncClient(base_url=product.back, timeout=30) as client:
        yield Office(client, unique)
