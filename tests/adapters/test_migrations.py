"""Migrating: once, by whoever comes first, and never over an edited past."""

import asyncio

import asyncpg
import pytest

from signoff_broker.ports import StoreError, StoreUnavailable
from signoff_broker.postgres import migrate as module
from signoff_broker.postgres.migrate import (
    Migration,
    SchemaError,
    migrate,
    migrations,
    verify_schema,
)

pytestmark = pytest.mark.postgres


async def tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        found = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
    finally:
        await connection.close()
    return {row[0] for row in found}


async def test_an_empty_database_gets_everything_and_the_second_time_nothing(
    empty_database: str,
) -> None:
    applied = await migrate(empty_database)

    assert applied == [migration.name for migration in migrations()]
    assert {"steps", "user_tasks", "leases"} <= await tables(empty_database)
    assert await migrate(empty_database) == []


async def test_processes_that_start_together_migrate_once(empty_database: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(4)))

    assert sorted(applied, key=len) == [[], [], [], [each.name for each in migrations()]]


async def test_a_process_can_tell_that_the_schema_lacks_something(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SchemaError, match=r"0001_state\.sql.*signoff migrate"):
        await verify_schema(empty_database)
    await migrate(empty_database)
    await verify_schema(empty_database)

    with_next(monkeypatch, "SELECT 1;")

    with pytest.raises(SchemaError, match="the database lacks 9001_next"):
        await verify_schema(empty_database)
    assert await migrate(empty_database) == ["9001_next.sql"]


async def test_a_newer_schema_is_tolerated(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_next(monkeypatch, "SELECT 1;")
    await migrate(empty_database)

    monkeypatch.undo()

    assert await migrate(empty_database) == []
    await verify_schema(empty_database)


async def test_an_edited_file_is_refused(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_database)
    first, *rest = migrations()
    edited = [Migration(first.number, first.name, first.text + "-- edited"), *rest]
    monkeypatch.setattr(module, "migrations", lambda: edited)

    for attempt in (migrate, verify_schema):
        with pytest.raises(SchemaError, match=r"0001_state\.sql is not the file"):
            await attempt(empty_database)


async def test_a_file_that_fails_leaves_nothing_behind(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_database)
    with_next(monkeypatch, "CREATE TABLE half (a int); SELECT nonsense;")

    with pytest.raises(StoreError, match="nonsense"):
        await migrate(empty_database)

    assert "half" not in await tables(empty_database)


async def test_no_database_is_said_plainly() -> None:
    with pytest.raises(StoreUnavailable, match="cannot connect"):
        await migrate("postgresql://nobody@127.0.0.1:1/nothing")


def with_next(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    more = [*migrations(), Migration(9001, "9001_next.sql", text)]
    monkeypatch.setattr(module, "migrations", lambda: more)


def test_numbers_are_unique() -> None:
    numbers = [migration.number for migration in migrations()]

    assert len(set(numbers)) == len(numbers)
