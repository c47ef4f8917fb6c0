"""The store in memory."""

from itertools import count

import pytest

from signoff_broker.memory.ownership import MemoryOwnership
from signoff_broker.memory.store import MemoryDatabase
from signoff_broker.ports import Held, Ownership, Store, StoreUnavailable
from tests.adapters.entities import a_step, an_instance, batch_of, k
from tests.adapters.store_contract import StoreContract, Take
from tests.adapters.work_contract import WorkContract


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def take(database: MemoryDatabase) -> Take:
    numbers = count(1)

    async def taken() -> Held:
        for broker in tuple(database.brokers):
            database.expire(broker)
        ownership: Ownership = MemoryOwnership(database, f"broker-{next(numbers)}")
        await ownership.heartbeat()
        held = await ownership.take(1)
        assert held is not None
        return held

    return taken


class TestMemoryStore(StoreContract, WorkContract):
    """All of it."""


async def test_a_test_can_cut_the_connection_before_and_after_a_commit(
    database: MemoryDatabase, take: Take
) -> None:
    store: Store = (await take()).store

    def cut(moment: str) -> None:
        if moment == failing:
            raise StoreUnavailable(moment)

    database.interrupt = cut
    failing = "commit"
    with pytest.raises(StoreUnavailable):
        await store.commit(batch_of(an_instance()))
    assert len((await store.load([k(1)], [])).instances) == 0

    failing = "committed"
    with pytest.raises(StoreUnavailable):
        await store.commit(batch_of(an_instance(), a_step(1)))
    assert len((await store.load([k(1)], [])).instances) == 1


async def test_a_closed_store_answers_no_more(take: Take) -> None:
    store = (await take()).store
    await store.close()

    with pytest.raises(StoreUnavailable):
        await store.load([], [])


async def test_leases_decide_who_may_take(database: MemoryDatabase) -> None:
    first, second = MemoryOwnership(database, "first"), MemoryOwnership(database, "second")
    await first.heartbeat()
    assert (await second.heartbeat()).live_brokers == 2
    assert await first.take(1) is not None
    assert await second.take(1) is None

    await first.close()

    view = await second.heartbeat()
    assert (view.live_brokers, view.partitions[0].owner, view.partitions[0].alive) == (1, "", False)
    held = await second.take(1)
    assert held is not None
    assert (held.epoch, held.unclean) == (2, False)
    database.expire("second")
    third = await first.take(1)
    assert third is not None
    assert third.unclean
