"""One partition's rows in PostgreSQL, held by one owner under one epoch.

Why one transaction. State, outbox, outcome, duplicate check and consumed offsets of a batch become
true together or not at all, so that there is nothing to reconcile after a crash: the newest step
row says where to go on. The transaction ends with the fence, a FOR SHARE lock on the partition's
row under our owner and epoch. Whoever takes the partition over updates that row, so either our
commit is over before the epoch rises, and the successor reads it, or the fence finds nothing and
the transaction fails. Last, because a takeover waits for whoever holds the fence. The last
statement also updates tasks, writes jobs and appends steps: where nothing else was touched, it is
the whole transaction, in one round trip.

Any error asks first whether the partition is still ours, because a zombie runs into its successor's
rows: that is no bad data. When the connection breaks, the store is used up: every later call raises
StoreUnavailable, and the partition has to be taken again. A cut inside COMMIT is CommitUnknown.

New or known. Keys are counted upwards, so an entity is new exactly if its key is above the last one
that was committed: new ones are inserted whole, of known ones only what can change is updated.

Two connections: the loop's, and one for the relay and for retention, so that neither holds up a
commit. Both bear the owner's name and are ended by a takeover.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from signoff_broker.engine.state import Definition, Settings
from signoff_broker.ports import (
    Batch,
    CommitUnknown,
    DataError,
    Due,
    Fenced,
    HeldJob,
    Loaded,
    Recovery,
    StepRow,
    StoreError,
    StoreUnavailable,
    WaitingJob,
)
from signoff_broker.postgres import due_rows, queries, rows, settings_rows, step_rows
from signoff_broker.postgres.graphs import Graphs
from signoff_broker.postgres.session import (
    CLOSE_SECONDS,
    CONNECT_SECONDS,
    FAILURES,
    Connection,
    Fields,
    close_quietly,
    connect,
    fetch,
    meaning,
    refused,
    session_name,
)
from signoff_broker.postgres.writes import Claim, Write, Writes, storable, writes_of
from signoff_schemas.frozen import frozen
from signoff_schemas.ids import partition_of
from signoff_schemas.topics import Inlet

DAY_MS: Final = 24 * 60 * 60 * 1000
# The cursor is one row that everyone updates: rarely is enough, because sending twice is allowed.
RELAY_CURSOR_STRIDE: Final = 1000
BATCH_SECONDS: Final = 4.0
"""For one statement of a batch: a connection that leads nowhere must not be waited for any longer.
A batch of 200 takes milliseconds; one that does take so long comes again in smaller pieces."""
PRUNED_STEPS_MAX: Final = 5000
PRUNED_INSTANCES_MAX: Final = 200


@frozen
class Retention:
    """How long what is over is kept, in milliseconds of the engine's clock."""

    steps_ms: int = DAY_MS
    """At least a day: promise 5 looks that far back."""
    instances_ms: int = 30 * DAY_MS
    """Ended instances with their tasks, jobs, incidents and variables."""

    def __post_init__(self) -> None:
        if self.steps_ms < DAY_MS:
            raise ValueError("steps must be kept for at least 24 hours")


class PostgresStore:
    """``ports.Store``. Made by ``PostgresOwnership.take`` only, which raised the epoch."""

    def __init__(
        self,
        claim: Claim,
        connection: Connection,
        recovery: Recovery,
        retention: Retention,
        graphs: Graphs,
    ) -> None:
        self._claim = claim
        self._partition = claim.partition
        self._session = session_name(claim.owner, str(claim.partition))
        self._connection = connection
        self._busy = asyncio.Lock()
        self._side: Connection | None = None
        self._side_busy = asyncio.Lock()
        self._retention = retention
        self._graphs = graphs
        self._definitions: Mapping[int, Definition] = {}
        """As they were read last: so their graphs are kept, whatever becomes of the loop."""
        self._last_key = recovery.last_key
        self._position = recovery.position
        self._relayed = self._cursor = recovery.relayed
        self._pruned = 0

    async def load(self, keys: Collection[int], command_ids: Collection[str]) -> Loaded:
        """See ``ports.Store``: one round trip, and a second one if there are keys."""
        ids = [each for each in command_ids if storable(each)]
        own = [key for key in keys if partition_of(key) == self._partition]
        async with self._busy:
            version, *known = await self._fetch(queries.KNOWN, ids, seconds=BATCH_SECONDS)
            found = (
                await self._fetch(queries.LOAD_INSTANCES, own, seconds=BATCH_SECONDS) if own else ()
            )
        return Loaded(
            instances=[rows.instance_of(row) for row in found],
            known=step_rows.known_of(known),
            settings_version=version[0],
        )

    async def settings(self) -> Settings:
        """See ``ports.Store``."""
        async with self._busy:
            # The version first: what is read after it is at least that new.
            version = await self._fetch(queries.SETTINGS_VERSION)
            self._definitions = await self._read_definitions()
            forms = await self._fetch(queries.LATEST_FORMS)
            resources = await self._fetch(queries.LATEST_RESOURCES)
            listeners = await self._fetch(queries.ALL_LISTENERS)
            documents = await self._fetch(queries.ALL_DOCUMENTS)
            rules = await self._fetch(queries.ALL_RULES)
        in_order = sorted(
            (each for each in self._definitions.values() if not each.deleted),
            key=lambda each: each.process.version,
        )
        return Settings(
            version=version[0][0],
            definitions=self._definitions,
            latest={(d.tenant, d.process.process_id): d.process.definition_key for d in in_order},
            forms={(form.tenant, form.form_id): form for form in map(settings_rows.form_of, forms)},
            resources={(s.tenant, s.name): s for s in map(settings_rows.stored_of, resources)},
            global_listeners={each.id: each for each in map(settings_rows.listener_of, listeners)},
            documents={
                (kind, name): dict(zip(versions, saved_at, strict=True))
                for kind, name, versions, saved_at in documents
            },
            rules={name: settings_rows.rule_of(rule) for name, rule, _ in rules},
            rule_owners={name: by for name, _, by in reversed(rules)},
        )

    async def commit(self, batch: Batch) -> None:
        """See ``ports.Store``."""
        try:
            writes = writes_of(batch, self._claim, self._last_key)
        except (TypeError, ValueError) as error:
            raise DataError(f"cannot be encoded: {error}") from error
        async with self._busy:
            if self._connection.is_closed():
                raise await self._verdict(StoreUnavailable("this owner's connection is closed"))
            try:
                await (self._transact(writes) if writes.first else self._finish(writes))
            except asyncio.CancelledError:
                # Nobody can tell what the server has done: the next owner reads it.
                self._connection.terminate()
                raise
        if batch.steps:
            self._position = batch.steps[-1].position
            self._last_key = batch.steps[-1].last_key

    async def due(self, now: int, limit: int) -> Due:
        """See ``ports.Store``."""
        async with self._busy:
            found = await self._fetch(queries.DUE, self._partition, now, limit)
        return due_rows.due_of(found)

    async def next_due(self) -> int | None:
        """See ``ports.Store``."""
        async with self._busy:
            [[at]] = await self._fetch(queries.NEXT_DUE, self._partition)
        return None if at is None else int(at)

    async def waiting(self, job_type: str, limit: int) -> Sequence[WaitingJob]:
        """See ``ports.Store``."""
        if not storable(job_type):
            return []
        async with self._busy:
            found = await self._fetch(queries.WAITING_JOBS, self._partition, job_type, limit)
        return [WaitingJob(*row) for row in found]

    async def waiting_types(self) -> dict[str, tuple[int, int]]:
        """See ``ports.Store``."""
        async with self._busy:
            found = await self._fetch(queries.WAITING_TYPES, self._partition)
        return {job_type: (count, oldest) for job_type, count, oldest in found}

    async def held(self) -> Sequence[HeldJob]:
        """See ``ports.Store``."""
        async with self._busy:
            found = await self._fetch(queries.HELD_JOBS, self._partition)
        return [HeldJob(*row) for row in found]

    async def unrelayed(self, after: int, limit: int) -> Sequence[StepRow]:
        """See ``ports.Store``."""
        async with self._side_busy:
            found = await self._beside(queries.STEPS_AFTER, after, limit)
        return [step_rows.step_of(row) for row in found]

    async def relayed(self, position: int) -> None:
        """See ``ports.Store``. Written every thousand positions, by ``prune`` and by ``close``."""
        self._relayed = max(self._relayed, position)
        if self._relayed - self._cursor >= RELAY_CURSOR_STRIDE:
            async with self._side_busy:
                await self._move_cursor()

    async def suspect(self, inlet: Inlet, offset: int) -> int:
        """See ``ports.Store``."""
        async with self._busy:
            [[times]] = await self._fetch(queries.SUSPECT, self._partition, inlet, offset)
        return int(times)

    async def acquit(self) -> None:
        """See ``ports.Store``."""
        async with self._busy:
            await self._fetch(queries.ACQUIT, self._partition)

    async def prune(self, now: int) -> None:
        """See ``ports.Store``: at most 5,000 steps and 200 instances, beside the loop."""
        async with self._side_busy:
            await self._move_cursor()
            last = min(self._relayed, self._position - 1)
            before = now - self._retention.steps_ms
            gone = await self._beside(
                queries.PRUNE_STEPS, self._pruned, last, before, PRUNED_STEPS_MAX
            )
            self._pruned = gone[0][0] or self._pruned
            before = now - self._retention.instances_ms
            await self._beside(queries.PRUNE_INSTANCES, before, PRUNED_INSTANCES_MAX)

    async def close(self) -> None:
        """See ``ports.Store``. Never raises: what is lost is sent again."""
        try:
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS), self._busy, self._side_busy:
                    await self._move_cursor()
                    for connection in filter(None, (self._connection, self._side)):
                        await close_quietly(connection)
        finally:
            for connection in filter(None, (self._connection, self._side)):
                connection.terminate()

    async def _read_definitions(self) -> dict[int, Definition]:
        """Those that are deleted go with the last instance here that runs by them."""
        found = await self._fetch(queries.DEFINITIONS, self._partition)
        graphs = await self._graphs.of(
            [row[0] for row in found], partial(self._fetch, queries.GRAPHS)
        )
        return {row[0]: settings_rows.definition_of(row, graphs[row[0]]) for row in found}

    async def _transact(self, writes: Writes) -> None:
        """Several statements, with the fence in the last one before COMMIT."""
        try:
            await self._execute(queries.BEGIN)
            for write in writes.first:
                tag = await self._execute(write.statement, *write.arguments)
                _expect(write, tag)
            await self._execute(writes.finish.statement, *writes.finish.arguments)
        except (*FAILURES, DataError) as error:
            raise await self._verdict(error) from error
        try:
            await self._execute(queries.COMMIT)
        except FAILURES as error:
            self._connection.terminate()
            raise CommitUnknown(f"the connection went inside COMMIT: {error}") from error

    async def _finish(self, writes: Writes) -> None:
        """The last statement alone is a transaction of its own, so its end is the commit."""
        try:
            await self._execute(writes.finish.statement, *writes.finish.arguments)
        except FAILURES as error:
            verdict = await self._verdict(error)
            if isinstance(verdict, StoreUnavailable) and not refused(error):
                raise CommitUnknown(f"the connection went inside a commit: {error}") from error
            raise verdict from error

    async def _verdict(self, error: Exception) -> StoreError:
        """What a failed statement means: first whether the partition is still ours."""
        if isinstance(error, TimeoutError):
            self._connection.terminate()  # who did not answer would not answer this either
        ours = await self._is_ours()
        found = error if isinstance(error, StoreError) else meaning(error)
        if ours and isinstance(found, DataError):
            return found
        self._connection.terminate()
        if ours is False:
            return Fenced(f"partition {self._partition} has another owner: {found}")
        return found if not isinstance(found, DataError) else StoreUnavailable(str(found))

    async def _is_ours(self) -> bool | None:
        """Ends the transaction and asks the fence anew; None if nobody answers."""
        with suppress(*FAILURES):
            await self._connection.execute(queries.ROLLBACK)
            return await self._asked(self._connection)
        with suppress(StoreUnavailable, *FAILURES):
            fresh = await connect(self._claim.dsn, session_name(self._claim.owner, "fence"))
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await self._asked(fresh)
            finally:
                fresh.terminate()
        return None

    async def _asked(self, connection: Connection) -> bool:
        [[holds]] = await fetch(connection, queries.HOLDS_FENCE, *self._claim.fence)
        return bool(holds)

    async def _execute(self, statement: str, *arguments: object) -> str:
        return await self._connection.execute(statement, *arguments, timeout=BATCH_SECONDS)

    async def _fetch(
        self, statement: str, *arguments: object, seconds: float | None = None
    ) -> Sequence[Fields]:
        try:
            return await fetch(self._connection, statement, *arguments, seconds=seconds)
        except FAILURES as error:
            self._connection.terminate()
            raise StoreUnavailable(str(meaning(error))) from error
        except asyncio.CancelledError:
            self._connection.terminate()
            raise

    async def _beside(self, statement: str, *arguments: object) -> Sequence[Fields]:
        """On the second connection, which is opened when it is needed, and again if it broke."""
        if self._connection.is_closed():
            raise StoreUnavailable("this owner's connection is closed")
        if self._side is None or self._side.is_closed():
            self._side = await connect(self._claim.dsn, self._session)
        try:
            return await fetch(self._side, statement, self._partition, *arguments)
        except FAILURES as error:
            self._side.terminate()
            raise StoreUnavailable(str(meaning(error))) from error
        except asyncio.CancelledError:
            self._side.terminate()
            raise

    async def _move_cursor(self) -> None:
        if self._relayed > self._cursor:
            position = self._relayed
            await self._beside(queries.MOVE_RELAY_CURSOR, position)
            self._cursor = position


def _expect(write: Write, tag: str) -> None:
    if write.expected and tag != write.expected:
        raise DataError(f"{tag} instead of {write.expected}: a row that should be there is not")
