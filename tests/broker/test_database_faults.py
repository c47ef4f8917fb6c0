"""Connections to PostgreSQL freeze, lose bytes or break at any moment: partitions come back.

Two brokers on a real database, each behind a proxy of its own, and a log in memory.
`SIGNOFF_TEST_DATABASE_FAULTS=200` runs that many seeds.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from signoff_broker.postgres import ownership, session, store
from signoff_broker.postgres.migrate import migrate
from signoff_broker.postgres.ownership import Broker as Member
from signoff_broker.postgres.ownership import PostgresOwnership
from signoff_broker.runtime import ending
from signoff_broker.wiring import Broker
from signoff_process.log.memory import MemoryLog
from signoff_schemas.commands import CreateUserTask
from signoff_schemas.envelope import Entry
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.replies import OutcomeStatus
from tests.conftest import FreshDatabase
from tests.support.broker import GATEWAY, QUICK, SOON_SECONDS, Caller
from tests.support.proxy import Fault, FaultyProxy

pytestmark = pytest.mark.postgres

PLAIN = CreateUserTask(node=UserTaskNode(id="plain", next=""))
PARTITIONS: Sequence[int] = (1, 2)
SEEDS = range(int(os.environ.get("SIGNOFF_TEST_DATABASE_FAULTS", "3")))
FAULTS_A_SEED = 5
PATIENCE_SECONDS = 1.0
"""Of the broker with its database, instead of the real one, which a test need not wait for."""
BACK_SECONDS = 20.0
"""A lease, an unanswered statement, the question whose the partition is, and two pauses: twice, on
a machine that takes its time."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (session, "CONNECT_SECONDS"),
        (session, "COMMAND_SECONDS"),
        (store, "CONNECT_SECONDS"),
        (store, "BATCH_SECONDS"),
        (ownership, "ANSWER_SECONDS"),
        (ending, "END_SECONDS"),
    ):
        monkeypatch.setattr(module, name, PATIENCE_SECONDS)


class Cluster:
    """Two brokers that reach the database only through a proxy each, and what was asked of them."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.log = MemoryLog(len(PARTITIONS), 2)
        self.caller = Caller(self.log)
        self.proxies: list[FaultyProxy] = []
        self.enough = False
        self.applied = dict.fromkeys(PARTITIONS, 0)
        self._count = 0

    def entry(self, partition: int) -> Entry:
        self._count += 1
        return self.caller.entry(PLAIN, id=f"c{partition}-{self._count}", partition=partition)

    async def ask(self, partition: int) -> None:
        outcome = await self.caller.insist(self.entry(partition), again=SOON_SECONDS)
        assert outcome.status is OutcomeStatus.APPLIED
        self.applied[partition] += 1

    async def trickle(self, partition: int) -> None:
        while not self.enough:
            await self.ask(partition)
            await asyncio.sleep(0.01)

    async def stored(self) -> dict[int, int]:
        """How many tasks each partition has."""
        connection = await asyncpg.connect(self.dsn)
        try:
            rows = await connection.fetch(
                "SELECT (key >> 51)::int, count(*)::int FROM user_tasks GROUP BY 1"
            )
        finally:
            await connection.close()
        return {row[0]: row[1] for row in rows}


@asynccontextmanager
async def clustered(dsn: str) -> AsyncIterator[Cluster]:
    cluster = Cluster(dsn)
    async with AsyncExitStack() as stack:
        await cluster.log.on_replies(GATEWAY.partition, cluster.caller.receive)
        for number in (1, 2):
            proxy = await stack.enter_async_context(FaultyProxy(dsn).serving())
            cluster.proxies.append(proxy)
            owner = PostgresOwnership(proxy.dsn, Member(str(uuid4()), "here", number, "0"))
            await owner.ensure_partitions(len(PARTITIONS), 0)
            broker = Broker(cluster.log, owner, limits=QUICK)
            await broker.start()
            stack.push_async_callback(broker.stop)
        yield cluster


def faults(dice: random.Random) -> Iterator[tuple[list[int], Fault, str, float, float]]:
    """Whom it hits (one broker, or both), what, which sessions, after how long, for how long."""
    for _ in range(FAULTS_A_SEED):
        brokers = dice.choice(([0], [1], [0, 1]))
        role = dice.choice(("", "", ":heartbeat", ":1", ":2", ":fence"))
        yield (
            brokers,
            dice.choice(list(Fault)),
            role,
            dice.uniform(0, 0.3),
            dice.choice((0.01, 0.1, 0.5, 1.0, 2.5)),
        )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_partition_answers_soon_after_any_fault(
    seed: int, fresh_database: FreshDatabase
) -> None:
    dice = random.Random(seed)
    async with clustered(await fresh_database(migrate)) as cluster:
        asking = [asyncio.create_task(cluster.trickle(number)) for number in PARTITIONS]
        for brokers, fault, role, wait, lasts in faults(dice):
            await asyncio.sleep(wait)
            async with AsyncExitStack() as stack:
                for each in brokers:
                    await stack.enter_async_context(cluster.proxies[each].during(fault, role))
                await asyncio.sleep(lasts)
            told = f"seed {seed}: {fault} of {role or 'all'} at {brokers} for {lasts} s"
            try:
                async with asyncio.timeout(BACK_SECONDS):
                    await asyncio.gather(*map(cluster.ask, PARTITIONS))
            except TimeoutError:
                pytest.fail(f"no answer within {BACK_SECONDS} s after {told}")
        cluster.enough = True
        await asyncio.gather(*asking)
        assert await cluster.stored() == cluster.applied, "each had its effect, and none twice"
