"""Who runs what: taking over, sharing, giving back, and coming back from every outage."""

import asyncio
from contextlib import suppress
from math import inf
from typing import Any

from signoff_broker.memory.store import MemoryDatabase, Partition
from signoff_broker.ports import ClusterView, Held, StoreUnavailable
from signoff_broker.runtime import ending, supervisor
from signoff_broker.runtime.supervisor import share
from signoff_broker.wiring import Broker
from signoff_process.log.memory import MemoryLog
from signoff_schemas.commands import CreateUserTask
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.replies import OutcomeStatus
from tests.support.broker import HEARTBEAT_SECONDS, LEASE_SECONDS, QUICK, Process, eventually, stack

PLAIN = CreateUserTask(node=UserTaskNode(id="plain", next=""))


def test_shares_cover_all_partitions() -> None:
    for partitions in range(1, 20):
        for brokers in range(1, 8):
            assert share(partitions, brokers) * brokers >= partitions
            assert (share(partitions, brokers) - 1) * brokers < partitions


class Cluster:
    """Brokers on one database and one log."""

    def __init__(self, partitions: int) -> None:
        rows = {number: Partition() for number in range(1, partitions + 1)}
        self.database = MemoryDatabase(rows)
        self.log = MemoryLog(partitions, 2)
        self.processes: list[Process] = []

    async def join(self) -> Broker:
        process = Process(self.database, f"broker-{len(self.processes)}")
        self.processes.append(process)
        broker = Broker(
            self.log,
            process,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            lease_seconds=LEASE_SECONDS,
            limits=QUICK,
        )
        await broker.start()
        return broker


async def test_a_broker_that_joins_gets_its_share(monkeypatch: Any) -> None:
    monkeypatch.setattr(supervisor, "SHED_SECONDS", 0.02)
    cluster = Cluster(5)
    first = await cluster.join()
    await eventually(lambda: first.partitions == [1, 2, 3, 4, 5])
    second = await cluster.join()
    await eventually(lambda: len(first.partitions) == 3 and len(second.partitions) == 2)
    assert sorted(first.partitions + second.partitions) == [1, 2, 3, 4, 5]
    assert first.metrics.dropped == second.metrics.dropped == 0
    assert second.metrics.takeovers == 0, "what is handed over is no takeover"
    await second.stop()
    await eventually(lambda: first.partitions == [1, 2, 3, 4, 5])
    await first.stop()
    assert not any(rows.owner for rows in cluster.database.partitions.values())


async def test_a_lease_that_ran_out_is_taken_at_once() -> None:
    cluster = Cluster(2)
    first = await cluster.join()
    await eventually(lambda: first.partitions == [1, 2])
    cluster.processes[0].dead = True
    second = await cluster.join()
    cluster.database.expire("broker-0")
    await eventually(lambda: second.partitions == [1, 2])
    assert second.metrics.takeovers == 2
    cluster.processes[0].dead = False
    await asyncio.gather(first.stop(), second.stop())


async def test_whoever_was_frozen_finds_out_and_does_no_harm() -> None:
    async with stack() as (made, caller):
        await caller.ask(PLAIN)
        # Somebody took the partition while we were away: a higher epoch than ours.
        made.rows.fence = ("somebody", made.rows.fence[1] + 1)
        made.rows.owner, made.rows.alive = "somebody", True
        caller.send(caller.entry(PLAIN))
        assert made.broker is not None
        await eventually(lambda: made.broker is not None and made.broker.partitions == [])
        assert len(made.steps) == 1
        made.database.expire("somebody")
        assert (await caller.ask(PLAIN)).status is OutcomeStatus.APPLIED


class Outage:
    """A database that is away while ``away`` is set."""

    def __init__(self, inner: Any, away: asyncio.Event) -> None:
        self._inner = inner
        self._away = away

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name == "close":
            return method

        async def call(*arguments: Any) -> Any:
            if self._away.is_set():
                raise StoreUnavailable("connection refused")
            return await method(*arguments)

        return call


async def test_the_database_goes_away_and_comes_back(monkeypatch: Any) -> None:
    monkeypatch.setattr(supervisor, "RETRY_SECONDS_MAX", 0.05)
    away = asyncio.Event()
    async with stack(wrap=lambda store: Outage(store, away)) as (made, caller):
        process = made.process
        inner_take, inner_heartbeat = process.take, process.heartbeat

        async def take(partition: int) -> Held | None:
            if away.is_set():
                raise StoreUnavailable("connection refused")
            return await inner_take(partition)

        async def heartbeat() -> ClusterView:
            if away.is_set():
                raise StoreUnavailable("connection refused")
            return await inner_heartbeat()

        monkeypatch.setattr(process, "take", take)
        monkeypatch.setattr(process, "heartbeat", heartbeat)
        await caller.ask(PLAIN)
        away.set()
        asking = asyncio.create_task(caller.ask(PLAIN))
        assert made.broker is not None
        await eventually(lambda: made.broker is not None and made.broker.metrics.dropped > 0)
        assert not asking.done()
        away.clear()
        assert (await asking).status is OutcomeStatus.APPLIED
        assert len(made.rows.processes) == 2


async def test_a_lease_that_cannot_be_prolonged_stops_the_loop(monkeypatch: Any) -> None:
    cluster = Cluster(1)
    process = Process(cluster.database, "lonely")
    broker = Broker(
        cluster.log, process, heartbeat_seconds=HEARTBEAT_SECONDS, lease_seconds=0.1, limits=QUICK
    )
    await broker.start()
    await eventually(lambda: broker.partitions == [1])

    async def heartbeat() -> ClusterView:
        raise StoreUnavailable("connection refused")

    kept = process.heartbeat
    monkeypatch.setattr(process, "heartbeat", heartbeat)
    await eventually(lambda: broker.partitions == [])
    monkeypatch.setattr(process, "heartbeat", kept)
    await eventually(lambda: broker.partitions == [1])
    await broker.stop()


async def test_what_does_not_end_is_left_behind(monkeypatch: Any) -> None:
    """Neither a store that cannot be closed nor a loop that hears no cancel keeps a partition."""
    monkeypatch.setattr(ending, "END_SECONDS", 0.05)
    stuck = asyncio.Event()

    class Stuck:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            method = getattr(self._inner, name)

            async def call(*arguments: Any) -> Any:
                while stuck.is_set():
                    with suppress(asyncio.CancelledError):
                        await asyncio.sleep(0.01)
                return await method(*arguments)

            return call

    async with stack(wrap=Stuck) as (made, caller):
        await caller.ask(PLAIN)
        stuck.set()
        caller.send(caller.entry(PLAIN))
        made.rows.fence = ("somebody", made.rows.fence[1] + 1)
        made.rows.owner, made.rows.alive = "somebody", True
        assert made.broker is not None
        broker = made.broker
        await eventually(lambda: broker.partitions == [])
        stuck.clear()
        made.database.expire("somebody")
        assert (await caller.ask(PLAIN)).status is OutcomeStatus.APPLIED


async def test_a_lease_of_ours_that_nobody_here_knows_of_is_taken_up() -> None:
    """As after an answer that was lost: what counts is what the rows say."""
    cluster = Cluster(1)
    process = Process(cluster.database, "broker-0")
    await process.heartbeat()
    assert await process.take(1) is not None
    broker = await cluster.join()

    await eventually(lambda: broker.partitions == [1])

    await broker.stop()


async def test_settled_is_when_nothing_is_about_to_move(monkeypatch: Any) -> None:
    monkeypatch.setattr(supervisor, "SHED_SECONDS", inf)
    cluster = Cluster(2)
    first = await cluster.join()
    assert not first.settled
    await eventually(lambda: first.settled)
    second = await cluster.join()
    await eventually(lambda: not second.settled and not first.settled)
    monkeypatch.setattr(supervisor, "SHED_SECONDS", 0.0)
    await eventually(lambda: first.settled and second.settled)
    assert (first.partitions, second.partitions) == ([1], [2])
    await second.stop()
    await first.stop()
