"""The store on a real PostgreSQL, and what only a real one can do: be cut off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from signoff_broker.ports import (
    Batch,
    CommitUnknown,
    DataError,
    Fenced,
    Held,
    Ownership,
    Store,
    StoreUnavailable,
)
from signoff_broker.postgres import queries, session
from signoff_broker.postgres import store as module
from signoff_broker.postgres.migrate import migrate
from signoff_broker.postgres.ownership import Broker, PostgresOwnership
from signoff_broker.postgres.store import Retention
from tests.adapters.entities import (
    a_job,
    a_step,
    a_task,
    a_variable,
    an_instance,
    batch_of,
    k,
)
from tests.adapters.store_contract import StoreContract, Take
from tests.adapters.work_contract import WorkContract, deployed
from tests.conftest import FreshDatabase

pytestmark = pytest.mark.postgres

Execute = Callable[..., Awaitable[object]]


@pytest.fixture
async def dsn(fresh_database: FreshDatabase) -> str:
    return await fresh_database(migrate)


@pytest.fixture
async def take(dsn: str) -> AsyncIterator[Take]:
    async with AsyncExitStack() as stack:

        async def taken() -> Held:
            ownership = PostgresOwnership(dsn, Broker(str(uuid4()), "here", 1, "0"))
            stack.push_async_callback(ownership.close)
            await ownership.ensure_partitions(1, 0)
            await give_back(dsn)
            held = await ownership.take(1)
            assert held is not None
            stack.push_async_callback(held.store.close)
            return held

        yield taken


async def give_back(dsn: str) -> None:
    """As if the owner's lease had run out."""
    await administer(dsn, "UPDATE leases SET expires_at = to_timestamp(0)")


async def administer(dsn: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


async def end_sessions(dsn: str) -> None:
    await administer(
        dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


class TestPostgresStore(StoreContract, WorkContract):
    """All of it."""


async def test_partitions_of_a_broker_share_what_they_have_read(dsn: str) -> None:
    ownership = PostgresOwnership(dsn, Broker(str(uuid4()), "here", 1, "0"))
    await ownership.ensure_partitions(2, 0)
    first, second = await ownership.take(1), await ownership.take(2)
    assert first is not None
    assert second is not None
    await first.store.commit(Batch(steps=[a_step()], settings=[deployed(11, 1)]))

    here, there = await first.store.settings(), await second.store.settings()

    assert there.definitions[k(11)].graph is here.definitions[k(11)].graph
    for each in (first.store, second.store, ownership):
        await each.close()


async def test_a_value_too_long_for_its_index_is_a_data_error(take: Take) -> None:
    store = (await take()).store
    job = a_job(job_type="".join(str(uuid4()) for _ in range(400)))

    with pytest.raises(DataError):
        await store.commit(Batch(steps=[a_step()], jobs={job.key: job}))

    await store.commit(batch_of(an_instance()))


async def test_an_update_of_what_is_not_there_is_refused_as_a_whole(take: Take) -> None:
    store = (await take()).store
    await store.commit(batch_of(an_instance()))
    stranger, job = a_task(500), a_job(501)

    with pytest.raises(DataError):
        await store.commit(Batch(steps=[a_step(2)], tasks={stranger.key: stranger}))
    with pytest.raises(DataError):
        await store.commit(Batch(steps=[a_step(2)], jobs={job.key: job}))

    assert len(await store.unrelayed(0, 9)) == 1


async def test_a_step_cannot_be_written_twice(take: Take) -> None:
    store = (await take()).store
    await store.commit(batch_of(None, a_step(1)))

    with pytest.raises(DataError):
        await store.commit(batch_of(None, a_step(1)))


@pytest.mark.parametrize("statement", [queries.COMMIT, queries.FINISH_COMMIT], ids=["txn", "one"])
async def test_a_connection_cut_inside_a_commit_leaves_it_unknown(
    dsn: str, take: Take, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    store = (await take()).store
    await store.commit(batch_of(an_instance()))
    cut = cut_at(dsn, statement)
    monkeypatch.setattr(asyncpg.Connection, "execute", cut)
    batch = batch_of(None, a_step(2))
    if statement == queries.COMMIT:
        batch.variables[k(6)] = a_variable(value="w")

    with pytest.raises(CommitUnknown):
        await store.commit(batch)

    monkeypatch.undo()
    with pytest.raises(StoreUnavailable):
        await store.load([], [])
    assert (await take()).recovery.position in {1, 2}


def cut_at(dsn: str, statement: str) -> Execute:
    """`Connection.execute` that loses its server at one statement."""
    real: Execute = asyncpg.Connection.execute

    async def execute(
        connection: asyncpg.Connection, query: str, *arguments: object, **options: Any
    ) -> object:
        if query == statement:
            await end_sessions(dsn)
        return await real(connection, query, *arguments, **options)

    return execute


async def test_a_connection_cut_before_commit_is_unavailable_and_nothing_is_written(
    dsn: str, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = (await take()).store
    monkeypatch.setattr(asyncpg.Connection, "execute", cut_at(dsn, queries.INSERT_PROCESSES))

    with pytest.raises(StoreUnavailable):
        await store.commit(batch_of(an_instance()))

    monkeypatch.undo()
    assert (await take()).recovery.position == 0


async def test_a_cut_store_is_used_up_and_the_partition_can_be_taken_again(
    dsn: str, take: Take
) -> None:
    store = (await take()).store
    await store.commit(batch_of(an_instance()))
    await end_sessions(dsn)

    with pytest.raises(StoreUnavailable):
        await store.load([k(1)], [])
    with pytest.raises(StoreUnavailable):
        await store.commit(batch_of(None, a_step(2)))
    with pytest.raises(StoreUnavailable):
        await store.prune(0)

    again = await take()
    assert again.recovery.position == 1


async def test_a_commit_under_way_is_in_what_the_successor_recovers(
    dsn: str, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The takeover waits for a commit that has its fence, and reads what it wrote."""
    monkeypatch.setattr(session, "IDLE_IN_TRANSACTION_MS", 60_000)
    held = await take()
    fenced, go_on = asyncio.Event(), asyncio.Event()
    real: Execute = asyncpg.Connection.execute

    async def execute(
        connection: asyncpg.Connection, query: str, *arguments: object, **options: Any
    ) -> object:
        if query == queries.COMMIT:
            fenced.set()
            await go_on.wait()
        return await real(connection, query, *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", execute)
    commit = asyncio.create_task(held.store.commit(batch_of(an_instance())))
    await fenced.wait()
    [blocked] = await administer(
        dsn,
        "SELECT count(*) FROM (SELECT 1 FROM partitions WHERE id = 1 FOR UPDATE SKIP LOCKED) AS p",
    )
    go_on.set()
    await commit

    assert blocked[0] == 0
    assert (await take()).recovery.position == 1


async def test_a_zombie_frozen_inside_a_transaction_is_ended_by_the_takeover(
    take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    zombie = await take()
    frozen, thaw = asyncio.Event(), asyncio.Event()
    real: Execute = asyncpg.Connection.execute

    async def execute(
        connection: asyncpg.Connection, query: str, *arguments: object, **options: Any
    ) -> object:
        if query == queries.COMMIT and not frozen.is_set():
            frozen.set()
            await thaw.wait()
        return await real(connection, query, *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", execute)
    commit = asyncio.create_task(zombie.store.commit(batch_of(an_instance())))
    await frozen.wait()

    owner = await take()
    thaw.set()

    with pytest.raises(CommitUnknown):
        await commit
    assert owner.recovery.position == 0
    with pytest.raises(Fenced):
        await zombie.store.commit(batch_of(None, a_step(1)))


async def test_the_fence_holds_while_the_zombies_session_still_lives(dsn: str, take: Take) -> None:
    store = (await take()).store
    await store.commit(batch_of(an_instance()))
    task, job = a_task(action="zombie"), a_job(worker="zombie")
    alone = Batch(steps=[a_step(2)], tasks={task.key: task})
    collides = Batch(steps=[a_step(1)], tasks={task.key: task})
    among_others = Batch(steps=[a_step(2)], jobs={job.key: job})

    for batch in (alone, collides, among_others):
        again = await fenced_store(dsn, take)
        with pytest.raises(Fenced):
            await again.commit(batch)
    survivor = (await take()).store
    assert list((await survivor.load([k(3)], [])).instances) == [an_instance()]
    assert len(await survivor.unrelayed(0, 9)) == 1


async def fenced_store(dsn: str, take: Take) -> Store:
    """A store that lost its partition and has not heard of it."""
    store = (await take()).store
    await administer(dsn, "UPDATE partitions SET epoch = epoch + 1")
    return store


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that says goodbye in full, however long that takes."""
    for each in (session, module):
        monkeypatch.setattr(each, "CLOSE_SECONDS", 60)


async def test_a_plain_update_changes_no_index(empty_database: str, patient: None) -> None:
    await migrate(empty_database)
    ownership = PostgresOwnership(empty_database, Broker(str(uuid4()), "here", 1, "0"))
    await ownership.ensure_partitions(1, 0)
    held = await ownership.take(1)
    assert held is not None
    store = held.store
    await store.commit(batch_of(an_instance()))
    for position in range(2, 12):
        task = a_task(action=f"c{position}", updated_at=position)
        await store.commit(Batch(steps=[a_step(position)], tasks={task.key: task}))
    for each in (store, ownership):
        await each.close()

    [counts] = await administer(
        empty_database,
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'user_tasks'",
    )

    assert tuple(counts) == (10, 10)


async def test_the_relay_cursor_is_written_rarely(dsn: str, take: Take, patient: None) -> None:
    store = (await take()).store
    await store.relayed(999)
    assert await cursor(dsn) == 0
    await store.relayed(1000)
    assert await cursor(dsn) == 1000
    await store.relayed(1001)
    await store.relayed(900)
    await store.close()

    assert await cursor(dsn) == 1001


async def cursor(dsn: str) -> int:
    [[position]] = await administer(dsn, "SELECT position FROM relay_cursors")
    return int(position)


def test_steps_are_kept_for_a_day_at_least() -> None:
    with pytest.raises(ValueError, match="24 hours"):
        Retention(steps_ms=1)


async def test_an_ownership_is_one(dsn: str) -> None:
    ownership: Ownership = PostgresOwnership(dsn, Broker(str(uuid4()), "here", 1, "0"))

    await ownership.close()
