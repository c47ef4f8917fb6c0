"""A test's database starts from a template that was migrated once."""

import asyncpg
import pytest

from tests.conftest import FreshDatabase

pytestmark = pytest.mark.postgres

migrations: list[str] = []


async def migrate(dsn: str) -> None:
    migrations.append(dsn)
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE thing (id int)")
    await connection.close()


async def things(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("INSERT INTO thing VALUES (1)")
        return int(await connection.fetchval("SELECT count(*) FROM thing"))
    finally:
        await connection.close()


async def test_each_fresh_database_is_migrated_and_empty(fresh_database: FreshDatabase) -> None:
    first, second = await fresh_database(migrate), await fresh_database(migrate)

    assert first != second
    assert (await things(first), await things(second)) == (1, 1)
    assert len(migrations) == 1


async def test_an_empty_database_has_no_tables(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    tables = await connection.fetch("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()

    assert tables == []
