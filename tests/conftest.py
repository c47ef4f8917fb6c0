"""Where PostgreSQL and Kafka come from, and how a test gets a database of its own."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.backends import Databases, Migrate, kafka_backend, postgres_backend

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")

FreshDatabase = Callable[[Migrate], Awaitable[str]]


def pytest_collection_finish() -> None:
    """What was imported is there to stay: the collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The session's PostgreSQL server; tests that write want `fresh_database`."""
    with postgres_backend() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """The session's Kafka; a test names its topics so that no other test meets them."""
    with kafka_backend() as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def databases(postgres_dsn: str) -> Iterator[Databases]:
    """Databases on the session's server, with one migrated template per migration."""
    made = Databases(postgres_dsn)
    yield made
    asyncio.run(made.drop_all())


@pytest.fixture
async def fresh_database(databases: Databases) -> AsyncIterator[FreshDatabase]:
    """`await fresh_database(migrate)`: the DSN of a migrated database that nobody else uses.

    Who changes the schema takes `empty_database`: it is made for one test.
    """
    given: list[str] = []

    async def make(migrate: Migrate) -> str:
        given.append(await databases.fresh(migrate))
        return given[-1]

    yield make
    for dsn in given:
        await databases.give_back(dsn)


@pytest.fixture
async def empty_database(databases: Databases) -> AsyncIterator[str]:
    """The DSN of a database without any schema, gone after the test."""
    dsn = await databases.fresh()
    yield dsn
    await databases.drop(dsn)
