"""Who owns which partition, by rows in PostgreSQL (DESIGN 4).

A lease says who should have a partition; the epoch says whose commits count. Leases live in a table
of their own, because every commit locks its partition's row until it is over, and a heartbeat must
not wait for that. A lease holds until it runs out; but with three heartbeats missed, only while its
owner's heartbeat session is there. A process that dies loses its sessions at once, so its successor
need not wait for a lease that is long enough for processes that merely stall.

A takeover goes step by step, each on its own so that no lock is held across:

1. claim the lease, if it is free, ours, or does not hold by the database's clock;
2. end the sessions of whoever had the partition before, found by their ``application_name``;
3. raise the epoch, which waits for a commit that holds the fence and shuts out all later ones;
4. read the newest step row, which is the whole recovery point.

Losing a race at any step is harmless: the last one to raise the epoch has the partition, and the
others learn it at their next commit.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from signoff_broker.ports import ClusterView, Held, PartitionView, StoreError, StoreUnavailable
from signoff_broker.postgres import queries, step_rows
from signoff_broker.postgres.graphs import Graphs
from signoff_broker.postgres.session import (
    FAILURES,
    Connection,
    Fields,
    close_quietly,
    connect,
    fetch,
    meaning,
    session_name,
)
from signoff_broker.postgres.store import PostgresStore, Retention
from signoff_broker.postgres.writes import Claim
from signoff_process.log.ports import LogMismatch
from signoff_schemas.frozen import frozen

STATE_VERSION: Final = 1
"""Raised with a change of what rows mean that an older release would get wrong."""

LEASE: Final = timedelta(seconds=2)
TRUST: Final = timedelta(seconds=0.75)
"""Three heartbeats: an owner whose connection broke has made another by then."""
ANSWER_SECONDS: Final = 3.0
"""For connecting and one statement about leases; none of them waits for a partition's commits."""
_FORGET_BROKERS_AFTER: Final = timedelta(minutes=5)


class NewerStateError(StoreError):
    """The database was written by a newer release: this one must not touch it."""


class PartitionCountError(StoreError):
    """Partitions may be added, never removed: every key carries its partition."""


@frozen
class Broker:
    """One process of the cluster, as others see it."""

    id: str
    """A uuid, new at every start."""
    host: str
    pid: int
    version: str


class PostgresOwnership:
    """``ports.Ownership``. Connects when it is first used, and again after the connection broke."""

    def __init__(
        self,
        dsn: str,
        broker: Broker,
        *,
        lease: timedelta = LEASE,
        trust: timedelta = TRUST,
        retention: Retention | None = None,
    ) -> None:
        self._dsn = dsn
        self._broker = broker
        self._terms = (lease, trust)
        self._retention = retention or Retention()
        self._graphs = Graphs()
        self._connection: Connection | None = None
        self._busy = asyncio.Lock()

    async def ensure_partitions(self, count: int, now: int) -> None:
        """Add what is missing up to ``count``. ``now`` (epoch ms) dates later additions.

        Raises: PartitionCountError if there are more, StoreUnavailable.
        """
        async with self._busy:
            connection = await self._connected()
            try:
                async with connection.transaction():
                    await connection.execute(queries.LOCK_PARTITIONS)
                    present: int = await connection.fetchval(queries.PARTITION_COUNT)
                    if present < count:
                        added_at = now if present else 0
                        await connection.execute(
                            queries.ADD_PARTITIONS, present + 1, count, added_at
                        )
            except FAILURES as error:
                raise self._broken(error) from error
        if present > count:
            raise PartitionCountError(
                f"the database has {present} partitions, which can be added, never removed, but"
                f" SIGNOFF_PARTITIONS is {count}: set it to {present}"
            )

    async def verify_log(self, identity: str) -> None:
        """Remember the log that this database belongs to, or compare.

        Args:
            identity: The same for as long as the log keeps its offsets: cluster id and topic ids.

        Raises: LogMismatch, StoreUnavailable.
        """
        await self._execute(queries.STORE_LOG_IDENTITY, identity)
        [row] = await self._execute(queries.LOG_IDENTITY)
        if row[0] != identity:
            raise LogMismatch(f"the database belongs to the log {row[0]}, but this is {identity}")

    async def heartbeat(self) -> ClusterView:
        """See ``ports.Ownership``."""
        broker = self._broker
        await self._execute(queries.PROLONG_LEASES, broker.id, *self._terms)
        await self._execute(
            queries.JOIN_CLUSTER, broker.id, broker.host, broker.pid, broker.version, *self._terms
        )
        [[live]] = await self._execute(queries.LIVE_BROKERS)
        partitions = await self._execute(queries.VIEW_LEASES)
        return ClusterView([self._seen(*row) for row in partitions], live)

    async def take(self, partition: int) -> Held | None:
        """See ``ports.Ownership``. Raises: NewerStateError, StoreUnavailable."""
        owner = self._broker.id
        claimed = await self._execute(queries.CLAIM_LEASE, partition, owner, *self._terms)
        if not claimed:
            return None
        connection = await connect(self._dsn, session_name(owner, str(partition)))
        try:
            held = await self._take_on(connection, partition, unclean=claimed[0][0])
        except FAILURES as error:
            connection.terminate()
            raise StoreUnavailable(f"cannot take partition {partition}: {error}") from error
        except BaseException:
            connection.terminate()
            raise
        if held is None:
            await close_quietly(connection)
        return held

    async def release(self, partition: int) -> None:
        """See ``ports.Ownership``. Close the partition's store first."""
        await self._execute(queries.RELEASE_LEASE, partition, self._broker.id)

    async def leave(self) -> None:
        """See ``ports.Ownership``."""
        await self._execute(queries.LEAVE_CLUSTER, self._broker.id)

    async def close(self) -> None:
        """See ``ports.Ownership``. Never raises: leases run out by themselves."""
        try:
            await self._execute(queries.RELEASE_LEASES, self._broker.id)
            await self.leave()
            await self._execute(queries.FORGET_BROKERS, _FORGET_BROKERS_AFTER)
        except StoreUnavailable:
            return
        finally:
            if self._connection is not None:
                await close_quietly(self._connection)

    async def _take_on(
        self, connection: Connection, partition: int, *, unclean: bool
    ) -> Held | None:
        owner = self._broker.id
        await fetch(connection, queries.END_SESSIONS, session_name("%", str(partition)))
        raised = await fetch(connection, queries.RAISE_EPOCH, partition, owner, STATE_VERSION)
        if not raised:
            await self._refuse_newer(connection, partition)
            return None
        newest = await fetch(connection, queries.NEWEST_STEP, partition)
        recovery = step_rows.recovery_of(newest[0] if newest else None)
        claim = Claim(self._dsn, partition, owner, epoch=raised[0][0])
        store = PostgresStore(claim, connection, recovery, self._retention, self._graphs)
        return Held(partition, claim.epoch, store, recovery, unclean)

    async def _refuse_newer(self, connection: Connection, partition: int) -> None:
        [[version]] = await fetch(connection, queries.STATE_VERSION, partition)
        if version > STATE_VERSION:
            await self._execute(queries.RELEASE_LEASE, partition, self._broker.id)
            raise NewerStateError(
                f"partition {partition} was written by state version {version},"
                f" and this release knows {STATE_VERSION}: install the newer release"
            )

    def _seen(
        self,
        partition: int,
        owner: UUID | None,
        epoch: int,
        alive: bool,  # noqa: FBT001 - a row
    ) -> PartitionView:
        name = "" if owner is None else str(owner)
        return PartitionView(partition, name, epoch, alive, ours=name == self._broker.id)

    async def _execute(self, statement: str, *arguments: object) -> Sequence[Fields]:
        async with self._busy:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    connection = await self._connected()
                    return await fetch(connection, statement, *arguments)
            except FAILURES as error:
                raise self._broken(error) from error
            except asyncio.CancelledError:
                # The next statement would wait, perhaps in vain, for the end of this one.
                self._disconnect()
                raise

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            # Not synchronous: what a crash of the server takes back of a lease, the epoch makes up
            # for, and a disk that stalls must not look like a broker that does.
            self._connection = await connect(
                self._dsn, session_name(self._broker.id, "heartbeat"), synchronous_commit="off"
            )
        return self._connection

    def _broken(self, error: Exception) -> StoreError:
        """An error that leaves the connection in doubt is not worth finding out: open another."""
        self._disconnect()
        return StoreUnavailable(str(meaning(error)))

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
