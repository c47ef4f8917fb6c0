"""The stack with servers of its own: it starts again what dies, and leaves nothing behind."""

import signal
import time
from collections.abc import AsyncIterator

import pytest

from tests.support.backends import missing
from tests.support.load import FAULTS_OF_A_STACK, Report, assert_kept, load, summary
from tests.support.processes import all_ended
from tests.support.stack import LocalStack, home

pytestmark = FAULTS_OF_A_STACK

SMALL = ("--partitions", "1", "--brokers", "1", "--gateways", "1", "--restart")


@pytest.fixture
async def own_stack() -> AsyncIterator[LocalStack]:
    with home("own") as folder:
        made = LocalStack(folder, arguments=SMALL)
        try:
            await made.start()
        except AssertionError:
            if "needs Java" in made.written():
                missing("Kafka of our own", made.written(), "JAVA_HOME")
            raise
        yield made
        await made.process.stop()


def pids(stack: LocalStack) -> list[int]:
    return [int(each["pid"]) for each in stack.members().values()]


async def test_it_starts_again_what_dies_and_ctrl_c_ends_all(
    own_stack: LocalStack, report: Report
) -> None:
    async with load(own_stack.gateways) as traffic:
        for name in ("postgres", "kafka", "broker-1"):
            dead = own_stack.kill(name)
            await own_stack.back(name, dead)
            await own_stack.ready()
    history = await assert_kept(traffic, own_stack.database_url)
    running = pids(own_stack)
    began = time.monotonic()
    own_stack.process.send(signal.SIGINT)
    code = await own_stack.process.wait()
    took = time.monotonic() - began
    report(f"stack of its own: Ctrl-C took {took:.2f} s; {summary(history)}")
    assert code == 0
    assert await all_ended(running, 0.1) == []
    assert not (own_stack.folder / "stack" / "stack.json").exists()


async def test_kill_9_of_the_stack_leaves_no_process(own_stack: LocalStack) -> None:
    running = pids(own_stack)
    assert len(running) == 5
    await own_stack.process.kill()
    assert await all_ended(running, 60) == []
