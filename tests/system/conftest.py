"""The product as real processes, once in one process and once as a stack; clients for its gateways."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
from camunda_orchestration_sdk import CamundaAsyncClient

from signoff_process.child import ChildError
from signoff_process.kafka_server import KafkaServerError
from tests.support.backends import missing
from tests.support.stack import Dev, LocalStack, home

REQUEST_TIMEOUT = 5
"""Seconds until a held request is answered 504: short for the tests that wait for it, and long
enough for every listener that answers."""

ONE_PROCESS, STACK = "one process", "stack"
numbers = itertools.count(1)


@dataclass(frozen=True)
class Product:
    """A running product. The stack has two gateways: people use the first, workers the second."""

    front: str
    back: str


@pytest.fixture(scope="session", params=[ONE_PROCESS, STACK])
def product(request: pytest.FixtureRequest) -> Iterator[Product]:
    """One of each a session; tests share it, so that each names its own types and processes."""
    with home("system") as folder:
        timeout = {"SIGNOFF_REQUEST_TIMEOUT": str(REQUEST_TIMEOUT)}
        if request.param == ONE_PROCESS:
            dev = Dev(folder, timeout)
            asyncio.run(dev.start())
            yield Product(dev.url, dev.url)
            asyncio.run(dev.process.stop())
        else:
            stack = LocalStack(folder, settings=timeout)
            try:
                asyncio.run(stack.start())
            except (KafkaServerError, ChildError) as error:
                missing("Kafka", str(error), "SIGNOFF_TEST_KAFKA")
            yield Product(stack.gateways[0], stack.gateways[-1])
            asyncio.run(stack.process.stop())


@pytest.fixture
def unique() -> str:
    """A name that no other test of this session uses."""
    return f"t{next(numbers)}"


@pytest.fixture
async def camunda(product: Product) -> AsyncIterator[CamundaAsyncClient]:
    """The published client, on the gateway that people use."""
    async with CamundaAsyncClient(configuration={"CAMUNDA_REST_ADDRESS": product.front}) as client:
        yield client


@pytest.fixture
async def worker(product: Product) -> AsyncIterator[CamundaAsyncClient]:
    """The published client, on the gateway that workers use."""
    async with CamundaAsyncClient(configuration={"CAMUNDA_REST_ADDRESS": product.back}) as client:
        yield client


@pytest.fixture
async def http(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP, for what the published client cannot say."""
    async with httpx.AsyncClient(base_url=product.front, timeout=30) as client:
        yield client
