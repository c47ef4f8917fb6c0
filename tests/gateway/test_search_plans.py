"""Usual searches of work find their way by an index, in a worklist big enough for it to matter."""

import re

import asyncpg
import pytest

from signoff_broker.postgres.migrate import migrate
from signoff_gateway.reads.statements import Statement
from signoff_gateway.reads.work import WorkQuery
from signoff_gateway.reads.work_statements import Owned, WorkSearch
from signoff_schemas.ids import DEFAULT_TENANT
from tests.conftest import FreshDatabase
from tests.support.worklist import fill_worklist, usual_queries

pytestmark = pytest.mark.postgres
ROWS = 50_000
# So many have these that reading some of the table is the best way to find the first of them.
EVERYWHERE = {"common word", "beginning of a word", "common input"}


async def test_usual_searches_never_read_a_whole_table(fresh_database: FreshDatabase) -> None:
    dsn = await fresh_database(migrate)
    await fill_worklist(dsn, ROWS)
    connection = await asyncpg.connect(
        dsn, server_settings={"jit": "off", "plan_cache_mode": "force_custom_plan"}
    )
    try:
        for name, query in usual_queries(ROWS).items():
            for statement in statements_of(query, everywhere=name in EVERYWHERE):
                plan = await plan_of(connection, statement)

                assert not re.search(r"Seq Scan on (worklist|user_tasks|variables)", plan), (
                    f"{name}\n{statement.sql}\n{plan}"
                )
    finally:
        await connection.close()


def statements_of(query: WorkQuery, *, everywhere: bool) -> list[Statement]:
    owned = Owned(("process-9",), ("definition_7",))
    search = WorkSearch(query, (DEFAULT_TENANT,), owned)
    if everywhere:
        return [search.page("key, input")]
    if query.input or query.output or query.text:
        among = WorkSearch(query, (DEFAULT_TENANT,), owned, keys=[1 << 51])
        return [search.hits(), among.page("key, input"), among.count()]
    return [search.page("key, input"), search.count()]


async def plan_of(connection: asyncpg.Connection, statement: Statement) -> str:
    rows = await connection.fetch(f"EXPLAIN {statement.sql}", *statement.values)
    return "\n".join(row[0] for row in rows)
