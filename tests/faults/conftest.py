"""One stack for all tests that break it: it restarts its own processes, the tests its servers."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from signoff_process.child import ChildError
from signoff_process.kafka_server import KafkaServerError
from signoff_process.postgres_server import PostgresServerError
from tests.support.backends import missing
from tests.support.stack import LocalStack, Servers, home, servers


@pytest.fixture(scope="session")
def shared_stack() -> Iterator[LocalStack]:
    """Two partitions, two brokers, two gateways and a worker, on servers of the tests' own."""
    with home("stack") as folder, asyncio.Runner() as runner:
        context = servers(folder)
        try:
            given: Servers = runner.run(context.__aenter__())
        except (ChildError, KafkaServerError, PostgresServerError) as error:
            missing("Kafka or PostgreSQL of our own", str(error), "JAVA_HOME")
            raise
        made = LocalStack(folder, given)
        try:
            runner.run(made.start())
            yield made
        finally:
            runner.run(made.process.stop())
            runner.run(context.__aexit__(None, None, None))


@pytest.fixture
async def stack(shared_stack: LocalStack) -> AsyncIterator[LocalStack]:
    """The stack, whole and ready at the beginning of a test."""
    await shared_stack.ready()
    yield shared_stack
