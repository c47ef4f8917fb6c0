"""What tests of the read side stand on: rows that a real store wrote, read by the real adapter."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from signoff_broker.ports import Batch, Held, Store
from signoff_broker.postgres.ownership import Broker, PostgresOwnership
from signoff_gateway.reads.postgres import PostgresReads
from tests.adapters.entities import a_step

PARTITIONS = 2


@dataclass
class Written:
    """A database with partitions that this process owns, and the reads of it."""

    dsn: str
    reads: PostgresReads
    broker: Broker
    held: dict[int, Held] = field(default_factory=dict[int, Held])
    positions: dict[int, int] = field(default_factory=dict[int, int])

    def store(self, partition: int = 1) -> Store:
        return self.held[partition].store

    async def commit(self, batch: Batch, partition: int = 1) -> None:
        """Write a batch's entities under a step of its own."""
        if not batch.steps:
            batch.steps.append(a_step(self.positions.get(partition, 0) + 1))
        self.positions[partition] = batch.steps[-1].position
        await self.store(partition).commit(batch)


@asynccontextmanager
async def written(dsn: str) -> AsyncIterator[Written]:
    """Take the partitions of a migrated database, and read it."""
    broker = Broker(str(uuid4()), "broker-1", 1, "0.1.0")
    ownership = PostgresOwnership(dsn, broker)
    reads = await PostgresReads.open(dsn)
    rows = Written(dsn, reads, broker)
    try:
        await ownership.ensure_partitions(PARTITIONS, 0)
        await ownership.heartbeat()
        for partition in range(1, PARTITIONS + 1):
            held = await ownership.take(partition)
            assert held is not None
            rows.held[partition] = held
        yield rows
    finally:
        await reads.close()
        for each in rows.held.values():
            await each.store.close()
        await ownership.close()
