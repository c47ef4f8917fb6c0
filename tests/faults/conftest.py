"""One stack for all tests that break it: it restarts its own processes, the tests its servers."""

import asyncio
import sys
from collections.abc import Iterator

import pytest

from signoff_process.child import ChildError
from signoff_process.kafka_server import KafkaServerError
from signoff_process.postgres_server import PostgresServerError
from tests.support.backends import missing
from tests.support.load import Report
from tests.support.stack import IMPATIENT, LocalStack, Servers, home, servers


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Numbers that are shown also when the test passes."""

    def show(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {line}\n")

    return show


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
        made = LocalStack(folder, given, settings=IMPATIENT)
        try:
            runner.run(made.start())
            yield made
        finally:
            runner.run(made.process.stop())
            runner.run(context.__aexit__(None, None, None))


@pytest.fixture
async def stack(shared_stack: LocalStack) -> LocalStack:
    """The stack, whole and ready at the beginning of a test."""
    await shared_stack.ready()
    return shared_stack
