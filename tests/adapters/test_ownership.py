"""Who owns a partition: leases, epochs and sessions on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from signoff_broker.ports import Held, StoreUnavailable
from signoff_broker.postgres import ownership as module
from signoff_broker.postgres.migrate import migrate
from signoff_broker.postgres.ownership import (
    Broker,
    NewerStateError,
    PartitionCountError,
    PostgresOwnership,
)
from signoff_process.log.ports import LogMismatch
from tests.adapters.entities import HOUR, a_step, an_instance, batch_of
from tests.conftest import FreshDatabase
from tests.support.processes import until
from tests.support.proxy import Fault, FaultyProxy

pytestmark = pytest.mark.postgres

LONG = timedelta(minutes=10)
OVER = timedelta(milliseconds=-1)
"""A lease that has run out when it is written, but not before the server was started."""

Join = Callable[..., PostgresOwnership]
Take = Callable[..., Awaitable[Held]]


@pytest.fixture
async def dsn(fresh_database: FreshDatabase) -> str:
    return await fresh_database(migrate)


@pytest.fixture
async def join(dsn: str) -> AsyncIterator[Join]:
    async with AsyncExitStack() as stack:

        def joined(lease: timedelta = LONG, trust: timedelta = LONG) -> PostgresOwnership:
            broker = Broker(str(uuid4()), "here", 7, "0")
            ownership = PostgresOwnership(dsn, broker, lease=lease, trust=trust)
            stack.push_async_callback(ownership.close)
            return ownership

        yield joined


async def administer(dsn: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


@pytest.fixture
async def take() -> AsyncIterator[Take]:
    async with AsyncExitStack() as stack:

        async def taken(ownership: PostgresOwnership, partition: int = 1) -> Held:
            held = await ownership.take(partition)
            assert held is not None
            stack.push_async_callback(held.store.close)
            return held

        yield taken


async def test_partitions_are_added_and_never_removed(dsn: str, join: Join) -> None:
    ownership = join()
    await ownership.ensure_partitions(2, now=5)
    await ownership.ensure_partitions(2, now=6)
    await ownership.ensure_partitions(3, now=HOUR)

    with pytest.raises(
        PartitionCountError, match=r"has 3 partitions, .* SIGNOFF_PARTITIONS is 2: set it to 3"
    ):
        await ownership.ensure_partitions(2, now=HOUR)

    added = await administer(dsn, "SELECT id, added_at FROM partitions ORDER BY id")
    assert [tuple(row) for row in added] == [(1, 0), (2, 0), (3, HOUR)]


async def test_brokers_that_start_together_add_partitions_once(join: Join) -> None:
    await asyncio.gather(*(join().ensure_partitions(8, now=1) for _ in range(4)))

    assert len((await join().heartbeat()).partitions) == 8


async def test_a_heartbeat_shows_partitions_and_live_brokers(join: Join, take: Take) -> None:
    first, second, gone = join(), join(), join(OVER)
    await first.ensure_partitions(2, now=0)
    await take(first)
    await gone.heartbeat()
    await second.heartbeat()

    view = await first.heartbeat()

    assert view.live_brokers == 2
    assert [(each.epoch, each.alive, bool(each.owner)) for each in view.partitions] == [
        (1, True, True),
        (0, False, False),
    ]


async def test_a_partition_whose_owner_lives_cannot_be_taken(join: Join, take: Take) -> None:
    first, second = join(), join()
    await first.ensure_partitions(1, now=0)
    held = await take(first)

    assert await second.take(1) is None

    await held.store.commit(batch_of(an_instance()))


async def test_a_lease_that_ran_out_is_taken_and_a_heartbeat_keeps_it(
    join: Join, take: Take
) -> None:
    silent, eager = join(OVER), join()
    await silent.ensure_partitions(1, now=0)
    old = await take(silent)
    assert not (await silent.heartbeat()).partitions[0].alive

    held = await take(eager)

    assert (held.epoch, held.unclean) == (old.epoch + 1, True)
    await eager.heartbeat()
    assert await silent.take(1) is None


async def end_heartbeat_of(dsn: str, ownership: PostgresOwnership) -> None:
    """As the system does it when the process dies."""
    own = "application_name LIKE 'signoff:' || owner || ':heartbeat'"
    await administer(
        dsn,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN leases ON {own}",
    )

    async def gone() -> bool:
        return not await administer(dsn, f"SELECT FROM pg_stat_activity JOIN leases ON {own}")

    await until(gone, 30, "the session has ended")


async def owners_seen_by_gateways(dsn: str) -> list[tuple[bool, bool]]:
    rows = await administer(dsn, "SELECT owner IS NOT NULL, broker_alive FROM read_cluster")
    return [(row[0], row[1]) for row in rows if row[1] is not None]


async def test_whoever_lost_its_session_and_is_silent_has_lost_its_lease(
    dsn: str, join: Join, take: Take
) -> None:
    dead, eager = join(LONG, OVER), join()
    await dead.ensure_partitions(1, now=0)
    await dead.heartbeat()
    old = await take(dead)
    assert (await eager.heartbeat()).live_brokers == 2, "the session is there: it may be frozen"
    assert await eager.take(1) is None
    assert (True, True) in await owners_seen_by_gateways(dsn)

    await end_heartbeat_of(dsn, dead)

    view = await eager.heartbeat()
    assert (view.live_brokers, view.partitions[0].alive) == (1, False)
    assert (True, True) not in await owners_seen_by_gateways(dsn)
    assert (await take(eager)).epoch == old.epoch + 1


async def test_whoever_lost_its_session_just_now_is_not_robbed(
    dsn: str, join: Join, take: Take
) -> None:
    reconnecting, eager = join(), join()
    await reconnecting.ensure_partitions(1, now=0)
    await take(reconnecting)
    await end_heartbeat_of(dsn, reconnecting)

    view = await eager.heartbeat()
    assert view.partitions[0].alive
    assert await eager.take(1) is None
    assert (await reconnecting.heartbeat()).partitions[0].ours


async def test_a_heartbeat_that_was_given_up_does_not_hold_up_the_next(
    dsn: str, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 60)
    ownership = join()
    await ownership.ensure_partitions(1, now=0)
    async with FaultyProxy(dsn).serving() as proxy:
        behind = PostgresOwnership(proxy.dsn, Broker(str(uuid4()), "here", 7, "0"))
        await behind.heartbeat()
        async with proxy.during(Fault.SWALLOW):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(behind.heartbeat(), 0.1)

        view = await asyncio.wait_for(behind.heartbeat(), 30)
        await behind.close()

    assert len(view.partitions) == 1


async def test_a_partition_that_was_given_back_is_taken_at_once(join: Join, take: Take) -> None:
    first, second = join(), join()
    await first.ensure_partitions(1, now=0)
    held = await take(first)
    await held.store.commit(batch_of(None, a_step(3)))
    await held.store.close()
    await first.release(1)
    assert (await second.heartbeat()).partitions[0].owner == ""

    again = await take(second)

    assert (again.unclean, again.recovery.position) == (False, 3)


async def test_of_many_that_want_it_one_has_it(join: Join) -> None:
    await join().ensure_partitions(1, now=0)

    taken = await asyncio.gather(*(join().take(1) for _ in range(5)))

    [held] = [each for each in taken if each is not None]
    await held.store.close()


async def test_taking_again_what_one_has_ends_the_old_store(join: Join, take: Take) -> None:
    ownership = join()
    await ownership.ensure_partitions(1, now=0)
    old = await take(ownership)
    await old.store.commit(batch_of(an_instance()))

    new = await take(ownership)

    with pytest.raises(StoreUnavailable):
        await old.store.load([], [])
    await new.store.commit(batch_of(None, a_step(2)))


async def test_a_takeover_ends_the_sessions_of_that_partition_only(
    dsn: str, join: Join, take: Take
) -> None:
    silent, eager = join(OVER), join()
    await silent.ensure_partitions(2, now=0)
    one, two = await take(silent, 1), await take(silent, 2)
    await take(eager, 1)

    await two.store.commit(batch_of(None, a_step(1)))

    with pytest.raises(StoreUnavailable):
        await one.store.load([], [])

    async def one_is_left() -> bool:
        own = "datname = current_database() AND application_name LIKE '%:1'"
        return len(await administer(dsn, f"SELECT FROM pg_stat_activity WHERE {own}")) == 1

    await until(one_is_left, 30, "the old session has gone")


async def test_a_heartbeat_does_not_wait_for_a_fence(dsn: str, join: Join, take: Take) -> None:
    ownership = join()
    await ownership.ensure_partitions(1, now=0)
    await take(ownership)
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM partitions WHERE id = 1 FOR UPDATE")
            view = await asyncio.wait_for(ownership.heartbeat(), timeout=30)
    finally:
        await connection.close()

    assert view.partitions[0].alive


async def test_a_newer_state_is_refused_and_left_to_others(dsn: str, join: Join) -> None:
    ownership = join()
    await ownership.ensure_partitions(1, now=0)
    await administer(dsn, "UPDATE partitions SET state_version = 99")

    with pytest.raises(NewerStateError, match="state version 99"):
        await ownership.take(1)

    assert (await ownership.heartbeat()).partitions[0].owner == ""


async def test_a_broken_connection_is_replaced(dsn: str, join: Join) -> None:
    ownership = join()
    await ownership.ensure_partitions(1, now=0)
    await administer(
        dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    with suppress(StoreUnavailable):
        await ownership.heartbeat()

    view = await ownership.heartbeat()

    assert view.live_brokers == 1


async def test_the_log_that_the_database_belongs_to_is_remembered(join: Join) -> None:
    ownership = join()
    await ownership.verify_log("kafka-1")
    await ownership.verify_log("kafka-1")

    with pytest.raises(LogMismatch, match="kafka-1"):
        await join().verify_log("kafka-2")


async def test_who_leaves_is_gone_at_once(join: Join, take: Take) -> None:
    first, second = join(), join()
    await first.ensure_partitions(1, now=0)
    await first.heartbeat()
    await take(first)
    assert (await second.heartbeat()).live_brokers == 2

    await first.close()

    view = await second.heartbeat()
    assert (view.live_brokers, view.partitions[0].owner) == (1, "")
