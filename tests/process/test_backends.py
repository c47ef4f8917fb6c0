"""A test's database starts from a template that was migrated once."""

import asyncpg
import pytest

from tests.conftest import FreshDatabase
from tests.support.backends import Databases

pytestmark = pytest.mark.postgres

migrations: list[str] = []


async def migrate(dsn: str) -> None:
    migrations.append(dsn)
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kind (name text PRIMARY KEY, note text)")
    await connection.execute("INSERT INTO kind VALUES ('it''s')")
    await connection.execute("CREATE TABLE thing (id int, kind text REFERENCES kind)")
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


async def test_what_a_test_gives_back_is_as_it_was_made(databases: Databases) -> None:
    first = await databases.fresh(migrate)
    left_open = await asyncpg.connect(first)
    await left_open.execute("INSERT INTO thing VALUES (2); DELETE FROM kind; BEGIN")

    await databases.give_back(first)
    again = await databases.fresh(migrate)

    assert again == first
    assert await things(again) == 1
    connection = await asyncpg.connect(again)
    assert [tuple(row) for row in await connection.fetch("SELECT * FROM kind")] == [("it's", None)]
    await connection.close()
    assert left_open.is_closed()
    await databases.drop(again)


async def test_who_left_much_gets_another(databases: Databases) -> None:
    first = await databases.fresh(migrate)
    connection = await asyncpg.connect(first)
    await connection.execute("INSERT INTO thing SELECT generate_series(1, 400_000)")
    await connection.close()

    await databases.give_back(first)
    again = await databases.fresh(migrate)

    assert again != first
    await databases.drop(again)


async def test_an_empty_database_has_no_tables(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    tables = await connection.fetch("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()

    assert tables == []
