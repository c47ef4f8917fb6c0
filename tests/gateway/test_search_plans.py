"""Usual searches of work find their way by an index, in a worklist big enough for it to matter."""

import re
from collections.abc import Iterator

import asyncpg
import pytest

from signoff_broker.postgres.migrate import migrate
from signoff_gateway.reads.postgres import SETTINGS
from signoff_gateway.reads.statements import Statement
from signoff_gateway.reads.work import PersonPattern, WorkQuery
from signoff_gateway.reads.work_statements import WorkSearch, may_be_rare, people_like
from signoff_gateway.reads.work_ways import Owned
from signoff_schemas.ids import DEFAULT_TENANT
from tests.conftest import FreshDatabase
from tests.support.worklist import fill_worklist, usual_queries

pytestmark = pytest.mark.postgres
ROWS = 50_000
BIG = "worklist|worklist_texts|user_tasks|variables"


async def test_usual_searches_never_read_a_whole_table(fresh_database: FreshDatabase) -> None:
    dsn = await fresh_database(migrate)
    await fill_worklist(dsn, ROWS)
    connection = await asyncpg.connect(dsn, server_settings=SETTINGS)
    try:
        for name, query in usual_queries(ROWS).items():
            for statement in statements_of(query):
                plan = await plan_of(connection, statement)

                assert not re.search(rf"Seq Scan on ({BIG})\b", plan), (
                    f"{name}\n{statement.sql}\n{plan}"
                )
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
    yield people_like("assignee", PersonPattern("user-7*"))
    yield people_like("claimant", PersonPattern("*nobody*"))
    if query.seen_by is not None:
        yield search.display_names()


async def plan_of(connection: asyncpg.Connection, statement: Statement) -> str:
    rows = await connection.fetch(f"EXPLAIN {statement.sql}", *statement.values)
    return "\n".join(row[0] for row in rows)
