"""Reads from PostgreSQL: few connections, read-only, each query under a time limit.

So a search, however clumsy, takes a bounded share of the server that the broker commits to.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final, Self, TypeAlias, TypeVar

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy
from pydantic import TypeAdapter

from signoff_gateway.reads import (
    COUNT_MAX,
    BrokerRow,
    Cluster,
    CommandState,
    CommandStatus,
    Condition,
    Entity,
    Found,
    Operator,
    PartitionRow,
    ReadsError,
    ReadsExhausted,
    ReadsUnavailable,
    ReadTimedOut,
    SearchQuery,
    Tenants,
)
from signoff_gateway.reads.columns import SOURCES
from signoff_gateway.reads.cursors import encode
from signoff_gateway.reads.postgres_work import WorkReads
from signoff_gateway.reads.queries import named
from signoff_gateway.reads.rows import (
    FormRow,
    IncidentRow,
    JobRow,
    ProcessInstanceRow,
    ResourceRow,
    UserTaskRow,
    VariableRow,
)
from signoff_gateway.reads.statements import Search, Statement
from signoff_schemas.codec import decode_outcome
from signoff_schemas.ids import partition_of_command
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.values import GlobalListener, ListenerEvent, TaskSnapshot

Session: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Row = TypeVar(
    "Row",
    UserTaskRow,
    JobRow,
    IncidentRow,
    VariableRow,
    ProcessInstanceRow,
    FormRow,
    ResourceRow,
)

CONNECT_SECONDS: Final = 3.0
SETTINGS: Final = {
    "application_name": "signoff-reads",
    "default_transaction_read_only": "on",
    "jit": "off",
    # A search is to take one processor, not those too that the broker's commits need.
    "max_parallel_workers_per_gather": "0",
    # Lists are read newest first: most of that is in memory.
    "random_page_cost": "1.1",
    # Composed statements: what is rare in one value is common in the next.
    "plan_cache_mode": "force_custom_plan",
}
"""Of every session."""
_GONE: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    # What asyncpg runs into when the server dies in the middle of an answer.
    asyncpg.InternalClientError,
    OSError,
)

_LOOKUPS: Final = named("lookups.sql")
_BY_KEY: Final = {
    source.row: _LOOKUPS["owned_by_key"].format(columns=source.select_list(), view=source.view)
    for source in SOURCES.values()
    if source.owned
}
_LISTENER: Final = _LOOKUPS["listener_by_id"].format(
    columns=SOURCES[Entity.GLOBAL_LISTENERS].select_list()
)
_SNAPSHOT: Final = TypeAdapter[TaskSnapshot | None](TaskSnapshot | None)
_KEYS: Final = range(1 << 63)


class PostgresReads(WorkReads):
    """The ``Reads`` of a gateway: ``reads = await PostgresReads.open(dsn)``."""

    def __init__(self, pool: Pool, *, wait_seconds: float) -> None:
        super().__init__(self._rows)
        self._pool = pool
        self._wait_seconds = wait_seconds

    @classmethod
    async def open(
        cls, dsn: str, *, size: int = 4, wait_seconds: float = 2, query_seconds: float = 5
    ) -> Self:
        """Open a pool; connections are made when they are needed.

        Args:
            dsn: The database that the broker commits to.
            size: Most connections at a time.
            wait_seconds: How long a read may wait for a connection.
            query_seconds: How long one query may take.
        """
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=size,
            timeout=CONNECT_SECONDS,
            command_timeout=query_seconds + 1,
            init=_read_json,
            reset=_keep,
            server_settings={
                **SETTINGS,
                "statement_timeout": str(int(query_seconds * 1000)),
            },
        )
        return cls(pool, wait_seconds=wait_seconds)

    async def user_task(self, key: int, tenants: Tenants) -> UserTaskRow | None:
        """A task, finished ones included as long as they are kept."""
        return await self._owned(UserTaskRow, key, tenants)

    async def job(self, key: int, tenants: Tenants) -> JobRow | None:
        """A job."""
        return await self._owned(JobRow, key, tenants)

    async def incident(self, key: int, tenants: Tenants) -> IncidentRow | None:
        """An incident."""
        return await self._owned(IncidentRow, key, tenants)

    async def variable(self, key: int, tenants: Tenants) -> VariableRow | None:
        """A variable with its whole value."""
        return await self._owned(VariableRow, key, tenants)

    async def process_instance(self, key: int, tenants: Tenants) -> ProcessInstanceRow | None:
        """A process instance."""
        return await self._owned(ProcessInstanceRow, key, tenants)

    async def form(self, key: int, tenants: Tenants) -> FormRow | None:
        """A deployed form."""
        if key not in _KEYS:
            return None
        records = await self._rows(_LOOKUPS["form_by_key"], key)
        return _first(FormRow, records, tenants)

    async def resource(self, key: int, tenants: Tenants) -> ResourceRow | None:
        """A deployed file that is only kept."""
        if key not in _KEYS:
            return None
        records = await self._rows(_LOOKUPS["resource_by_key"], key)
        return _first(ResourceRow, records, tenants)

    async def global_listener(self, identifier: str) -> GlobalListener | None:
        """A global listener; they belong to no tenant."""
        if "\0" in identifier:
            return None
        records = await self._rows(_LISTENER, identifier)
        return _listener(*records[0]) if records else None

    async def search(self, entity: Entity, query: SearchQuery, tenants: Tenants) -> Found[Any]:
        """A page of what matches. Raises: BadCursor."""
        return await self._search(entity, query, Search(entity, query, tenants))

    async def task_variables(
        self, task: UserTaskRow, query: SearchQuery, *, innermost: bool = False
    ) -> Found[VariableRow]:
        """Search the variables of all scopes from the task's own up to its process instance."""
        instance, own = task.process_instance_key, task.element_instance_key
        path = (
            Condition("process_instance_key", Operator.EQ, instance),
            Condition("scope_key", Operator.IN, (instance, own)),
        )
        narrowed = replace(query, conditions=(*path, *query.conditions))
        within = own if innermost else None
        search = Search(Entity.VARIABLES, narrowed, None, within=within)
        return await self._search(Entity.VARIABLES, narrowed, search)

    async def command(self, identifier: str) -> CommandStatus:
        """What is on record of a command; an id that nobody ever gave is PENDING."""
        if partition_of_command(identifier) is None or not identifier.isprintable():
            return CommandStatus(CommandState.PENDING)
        records = await self._rows(_LOOKUPS["command"], identifier)
        principal = next((each["principal"] for each in records if each["principal"]), "")
        for outcome in map(_outcome, records):
            if outcome is not None:
                return CommandStatus(CommandState(outcome.status), outcome, principal)
        state = CommandState.WAITING if records else CommandState.PENDING
        return CommandStatus(state, None, principal)

    async def cluster(self) -> Cluster:
        """Brokers and partitions as they are now."""
        records = await self._rows(_LOOKUPS["cluster"])
        brokers = {
            each["broker_id"]: BrokerRow(
                each["broker_id"], each["host"], each["version"], each["broker_alive"]
            )
            for each in records
            if each["broker_id"] is not None
        }
        partitions = [
            PartitionRow(each["partition_id"], each["epoch"], each["owner"] or "", each["added_at"])
            for each in records
            if each["partition_id"] is not None
        ]
        partitions.sort(key=attrgetter("id"))
        return Cluster(tuple(brokers.values()), tuple(partitions))

    async def close(self) -> None:
        """Give the connections back, those of reads under way too."""
        self._pool.terminate()

    async def _owned(self, row: type[Row], key: int, tenants: Tenants) -> Row | None:
        if key not in _KEYS:
            return None
        records = await self._rows(_BY_KEY[row], key)
        return _first(row, records, tenants)

    async def _search(self, entity: Entity, query: SearchQuery, search: Search) -> Found[Any]:
        page, limit = query.page, query.page.limit
        statement = search.page()
        async with self._session() as session:
            records = await session.fetch(statement.sql, *statement.values)
            total = len(records) + page.start
            has_cursor = page.after is not None or page.before is not None
            if has_cursor or len(records) > limit or not records:
                total = await _count(session, search.count(COUNT_MAX + 1))
        row_type = SOURCES[entity].row
        make = _MAKERS.get(row_type, row_type)
        rows = tuple(make(*each) for each in records[:limit])
        if page.before is not None:
            rows = rows[::-1]
        ends = [encode(query.order, search.sort_values(row)) for row in (*rows[:1], *rows[-1:])]
        return Found(
            rows,
            min(total, COUNT_MAX),
            more_than_total=total > COUNT_MAX,
            start=ends[0] if ends else None,
            end=ends[-1] if ends else None,
        )

    async def _rows(self, sql: str, *values: object) -> Sequence[asyncpg.Record]:
        async with self._session() as session:
            return await session.fetch(sql, *values)

    @asynccontextmanager
    async def _session(self) -> AsyncGenerator[Session]:
        try:
            session = await self._pool.acquire(timeout=self._wait_seconds)
        except TimeoutError as error:
            raise self._no_session() from error
        except (asyncpg.PostgresError, *_GONE) as error:
            raise ReadsUnavailable(f"cannot connect to PostgreSQL: {error}") from error
        try:
            yield session
        except (TimeoutError, asyncpg.QueryCanceledError) as error:
            raise ReadTimedOut("the query took too long") from error
        except _GONE as error:
            raise ReadsUnavailable(f"PostgreSQL went away: {error}") from error
        finally:
            with suppress(*_GONE):
                await self._pool.release(session)

    def _no_session(self) -> ReadsError:
        pool = self._pool
        if pool.get_size() >= pool.get_max_size() and pool.get_idle_size() == 0:
            return ReadsExhausted("all connections for reading are busy")
        return ReadsUnavailable("PostgreSQL does not answer")


async def _count(session: Session, statement: Statement) -> int:
    counted: int = await session.fetchval(statement.sql, *statement.values)
    return counted


def _first(row: type[Row], records: Sequence[asyncpg.Record], tenants: Tenants) -> Row | None:
    if not records:
        return None
    found: Row = _MAKERS.get(row, row)(*records[0])
    return found if tenants is None or found.tenant in tenants else None


def _listener(*values: Any) -> GlobalListener:
    listener = GlobalListener(*values)
    return replace(listener, events=tuple(map(ListenerEvent, listener.events)))


def _job(*values: Any) -> JobRow:
    job = JobRow(*values)
    return replace(job, snapshot=_SNAPSHOT.validate_python(job.snapshot))


# Where a row is more than its columns.
_MAKERS: Final[dict[type, Callable[..., Any]]] = {GlobalListener: _listener, JobRow: _job}


def _outcome(record: asyncpg.Record) -> Outcome | None:
    if record["outcome"] is not None:
        return decode_outcome(record["outcome"])
    if record["quarantined"]:
        values = {"error": record["quarantined"]}
        rejection = Rejection(
            type=RejectionType.PROCESSING_ERROR, code=Code.COMMAND_FAILED, values=values
        )
        return Outcome(status=OutcomeStatus.REJECTED, rejection=rejection)
    return None


async def _read_json(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=str, decoder=orjson.loads
        )


async def _keep(_connection: object) -> None:
    """Leave the session as it is: reads change nothing in it, and a reset is a round trip."""
