"""The product in one process and as a stack, both real, and clients for its gateways."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from camunda_orchestration_sdk import CamundaAsyncClient

from signoff_process.child import ChildError
from signoff_process.kafka_server import KafkaServerError
from signoff_process.postgres_server import PostgresServerError
from tests.support.backends import missing
from tests.support.stack import Dev, LocalStack, home, servers

REQUEST_TIMEOUT = 8
"""Seconds until a held request is answered 504: short for the tests that wait for it, and long
enough for every listener that answers."""

ONE_PROCESS, STACK = "one process", "stack"
numbers = itertools.count(1)


@dataclass(frozen=True)
class Product:
    """A running product. The stack has two gateways: people use the first, workers the second."""

    front: str
    back: str
    stack: LocalStack | None = None


@pytest.fixture(scope="session", params=[ONE_PROCESS, STACK])
def product(request: pytest.FixtureRequest) -> Iterator[Product]:
    """One of each a session; tests share it, so that each names its own types and processes."""
    settings = {"SIGNOFF_REQUEST_TIMEOUT": str(REQUEST_TIMEOUT)}
    start = one_process if request.param == ONE_PROCESS else stack
    with (
        home("system") as folder,
        asyncio.Runner() as runner,
        start(runner, folder, settings) as made,
    ):
        yield made


@contextmanager
def one_process(
    runner: asyncio.Runner, folder: Path, settings: Mapping[str, str]
) -> Iterator[Product]:
    dev = Dev(folder, settings)
    try:
        runner.run(dev.start())
        yield Product(dev.url, dev.url)
    finally:
        runner.run(dev.process.stop())


@contextmanager
def stack(runner: asyncio.Runner, folder: Path, settings: Mapping[str, str]) -> Iterator[Product]:
    context = servers(folder)
    try:
        given = runner.run(context.__aenter__())
    except (ChildError, KafkaServerError, PostgresServerError) as error:
        missing("Kafka or PostgreSQL of our own", str(error), "JAVA_HOME")
        raise
    made = LocalStack(folder, given, settings=settings)
    try:
        runner.run(made.start())
        yield Product(made.gateways[0], made.gateways[-1], made)
    finally:
        runner.run(made.process.stop())
        runner.run(context.__aexit__(None, None, None))


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
