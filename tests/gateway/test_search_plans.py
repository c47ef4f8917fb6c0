"""Usual searches find their way by an index, in tables big enough for it to matter."""

import re
from collections.abc import Iterator

import asyncpg
import pytest

from signoff_broker.postgres.migrate import migrate
from signoff_gateway.dialects.orkes.workflow_search import visible_to
from signoff_gateway.reads import COUNT_MAX, Condition, Entity, Operator, Order, SearchQuery
from signoff_gateway.reads.postgres import SETTINGS
from signoff_gateway.reads.statements import Search, Statement
from signoff_gateway.reads.work import PersonPattern, WorkQuery
from signoff_gateway.reads.work_statements import WorkSearch, may_be_rare, people_like
from signoff_gateway.reads.work_ways import Owned
from signoff_schemas.ids import DEFAULT_TENANT
from signoff_schemas.principal import ADMIN, Grant, Principal
from tests.conftest import FreshDatabase
from tests.support.worklist import fill_worklist, usual_queries

pytestmark = pytest.mark.postgres
ROWS = 25_000
"""ANALYZE looks at every row of so many, so plans are the same each time."""
BIG = "worklist|worklist_texts|user_tasks|variables"
INSTANCES = """
INSERT INTO process_instances (
    key, partition_id, definition_key, process_id, process_version, process_name, tenant, tags,
    business_id, started_at, state, open, node_id, element_instance_key, started_by
)
SELECT
    (1::bigint << 51) + n, 1, 1,
    CASE WHEN n % 5000 = 0 THEN 'rare' WHEN n % 2 = 0 THEN 'stand-alone-task' ELSE 'common' END,
    1, '', '<default>', '{}', '', n, CASE WHEN n % 5000 = 1 THEN 'ACTIVE' ELSE 'COMPLETED' END,
    n % 5000 = 1, '', 0,
    CASE WHEN n % 5000 = 7 THEN 'jane' ELSE 'app:' || n % 9 END
FROM generate_series(1, $1::int) AS n
"""
VARIABLES = """
INSERT INTO variables (
    key, partition_id, process_instance_key, scope_key, name, value, tenant
)
SELECT key, 1, key, key, 'x', '1', '<default>' FROM process_instances
"""
A_SCOPE = (Condition("scope_key", Operator.EQ, (1 << 51) + 8),)
STARTER, PROCESS = "process_instances_starter", "process_instances_process"
ENDING = "process_instances_ending"
RARE = Condition("process_id", Operator.IN, ("rare",))
RUNNING = Condition("ending", Operator.IN, ("",))
FAILED = Condition("ending", Operator.IN, ("FAILED",))
READER = (Grant("PROCESS_DEFINITION", "rare", ("READ_PROCESS_INSTANCE",)),)
EXECUTIONS: list[tuple[Principal, tuple[Condition, ...], set[str]]] = [
    (Principal("jane"), (), {STARTER}),
    (Principal("jane"), (FAILED,), {STARTER, ENDING}),
    (Principal("jane", grants=READER), (), {STARTER, PROCESS}),
    (Principal("root", roles=(ADMIN,)), (RARE,), {PROCESS}),
    (Principal("root", roles=(ADMIN,)), (RUNNING,), {ENDING}),
]


async def test_usual_searches_never_read_a_whole_table(fresh_database: FreshDatabase) -> None:
    dsn = await fresh_database(migrate)
    await fill_worklist(dsn, ROWS)
    connection = await asyncpg.connect(dsn, server_settings=SETTINGS)
    queries = usual_queries(ROWS)
    try:
        for name, query in queries.items():
            for statement in statements_of(query):
                plan = await plan_of(connection, statement)

                assert not re.search(rf"Seq Scan on ({BIG})\b", plan), (
                    f"{name}\n{statement.sql}\n{plan}"
                )
        search = WorkSearch(queries["inbox, common definition"], (DEFAULT_TENANT,), Owned())
        plan = await plan_of(connection, search.listed("key, input"))
        for index in ("worklist_open", "worklist_assignee"):
            assert f"Index Only Scan using {index} " in plan, plan
    finally:
        await connection.close()


async def test_executions_are_found_without_going_through_all(
    fresh_database: FreshDatabase,
) -> None:
    dsn = await fresh_database(migrate)
    await fill_process_instances(dsn)
    connection = await asyncpg.connect(dsn, server_settings=SETTINGS)
    try:
        for caller, conditions, indexes in EXECUTIONS:
            order = (Order("key", descending=True),)
            query = SearchQuery(conditions, visible_to(caller), order)
            search = Search(Entity.PROCESS_INSTANCES, query, (DEFAULT_TENANT,))
            for statement in (search.page(), search.count(COUNT_MAX + 1)):
                plan = await plan_of(connection, statement)

                assert "Seq Scan on process_instances" not in plan, plan
                used = set(re.findall(r"\bprocess_instances_\w+", plan))
                assert used, plan
                assert used <= indexes, plan
    finally:
        await connection.close()


async def test_a_scope_is_found_among_all_variables(fresh_database: FreshDatabase) -> None:
    dsn = await fresh_database(migrate)
    await fill_process_instances(dsn)
    connection = await asyncpg.connect(dsn, server_settings=SETTINGS)
    try:
        query = SearchQuery(A_SCOPE, order=(Order("name"),))
        search = Search(Entity.VARIABLES, query, (DEFAULT_TENANT,))
        for statement in (search.page(), search.count(COUNT_MAX + 1)):
            plan = await plan_of(connection, statement)

            assert not re.search(r"Seq Scan on (variables|process_instances)\b", plan), plan
    finally:
        await connection.close()


async def fill_process_instances(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(INSTANCES, ROWS)
        await connection.execute(VARIABLES)
        await connection.execute("ANALYZE process_instances, variables")
    finally:
        await connection.close()


def statements_of(query: WorkQuery) -> Iterator[Statement]:
    """All that may be put for a search, whatever the first of them find."""
    owned = Owned(("process-9",), ("definition_7",))
    search = WorkSearch(query, (DEFAULT_TENANT,), owned)
    if may_be_rare(query):
        yield search.among("key, input")
        yield search.listed("key, input", total=10_000)
    yield search.listed("key, input")
    yield people_like("assignee", [PersonPattern("user-7*"), PersonPattern("group-*")])
    yield people_like("claimant", [PersonPattern("*nobody*")])
    if query.seen_by is not None:
        yield search.display_names()


async def plan_of(connection: asyncpg.Connection, statement: Statement) -> str:
    rows = await connection.fetch(f"EXPLAIN {statement.sql}", *statement.values)
    return "\n".join(row[0] for row in rows)
