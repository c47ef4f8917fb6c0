"""Which partitions this broker runs: takes them, gives them back, and never works on another's.

Ownership. Every broker heartbeats into the store four times a second, and every heartbeat shows all
partitions and how many brokers are alive. A broker takes what is free or has run out until it has
its share, ceil(partitions / brokers). Two that reach for the same one cannot both get it; who holds
more than its share, because a broker joined, gives back one a second, cleanly: its batch is
committed, its messages have left, and the next owner begins at once.

Fencing. Taking raises the partition's epoch, and every commit asks for its own. So a broker that
was frozen and wakes up cannot write, whatever it believes. It also stops by itself when it could
not prolong its lease in time, because what it answered then would only be errors.

Failure. There is one way back from everything, the database away, the log away, a commit whose
result nobody knows, a bug: drop the partition with all that is in memory, take it again, go on
after the newest step row. The pauses in between grow to two seconds, and it never gives up.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass

import structlog

from signoff_broker.ports import ClusterView, Ownership, PartitionView, StoreError
from signoff_broker.runtime.partition import Partition, Surroundings
from signoff_process.clock import Clock
from signoff_process.log.ports import LogMismatch, LogUnavailable

EXPECTED = (StoreError, LogUnavailable, LogMismatch, OSError)
RETRY_SECONDS = 0.1
RETRY_SECONDS_MAX = 2.0
SHED_SECONDS = 1.0
STOP_SECONDS = 10.0


@dataclass(slots=True)
class _Owned:
    """A partition that this broker is taking, running or giving back."""

    task: asyncio.Task[None]
    partition: Partition | None = None
    shed: bool = False


@dataclass(slots=True)
class _Failed:
    """A partition that this broker had, dropped, and will take again."""

    retry_at: float
    pause: float


def share(partitions: int, live_brokers: int) -> int:
    """How many partitions each of the brokers may hold."""
    return -(-partitions // max(1, live_brokers))


class Lease:
    """Whether this broker's lease still runs, by its own clock: not longer than the database's."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._until = 0.0

    def prolonged(self, asked_at: float) -> None:
        """A heartbeat that was sent at that moment has succeeded."""
        self._until = asked_at + self._seconds

    def runs(self) -> bool:
        """Whether nobody else can have taken over yet."""
        return self._clock.monotonic() < self._until


class Supervisor:
    """Keeps this broker at its share of partitions until it is told to stop.

    Args:
        ownership: Who owns what.
        around: What its partitions share.
        lease: Prolonged here, looked at by every partition.
        heartbeat_seconds: Time between two heartbeats.
    """

    def __init__(
        self,
        ownership: Ownership,
        around: Surroundings,
        lease: Lease,
        *,
        heartbeat_seconds: float,
    ) -> None:
        self._ownership = ownership
        self._around = around
        self._lease = lease
        self._heartbeat_seconds = heartbeat_seconds
        self._owned: dict[int, _Owned] = {}
        self._failed: dict[int, _Failed] = {}
        self._shed_at = 0.0
        self._log = structlog.get_logger()
        self.view: ClusterView | None = None
        """What the last heartbeat that succeeded learnt."""

    @property
    def running(self) -> list[int]:
        """Partitions whose loop is up."""
        return sorted(number for number, each in self._owned.items() if each.partition)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until ``stopping``, then give everything back; if cancelled, without finishing."""
        try:
            while not stopping.is_set():
                await self._beat()
                await _wait(stopping, self._heartbeat_seconds)
        except asyncio.CancelledError:
            self._drop_all()
            raise
        finally:
            await self._stop()

    async def _beat(self) -> None:
        clock = self._around.clock
        asked_at = clock.monotonic()
        try:
            async with asyncio.timeout(max(1.0, 4 * self._heartbeat_seconds)):
                view = await self._ownership.heartbeat()
        except Exception as error:  # noqa: BLE001 - who stopped beating would never own again
            bug = not isinstance(error, (*EXPECTED, TimeoutError))
            reason = str(error) or type(error).__name__
            self._log.warning("heartbeat_failed", error=reason, exc_info=bug)
            if not self._lease.runs():
                self._drop_all()
            return
        self._lease.prolonged(asked_at)
        self.view = view
        self._follow(view, clock.monotonic())

    def _follow(self, view: ClusterView, now: float) -> None:
        limit = share(len(view.partitions), view.live_brokers)
        for each in view.partitions:
            self._look_for_thief(each)
        for each in view.partitions:
            number = each.partition
            if number in self._owned:
                continue
            if len(self._owned) < limit:
                if self._may_take(each, now):
                    self._begin(number)
            elif number in self._failed:
                self._begin(number, self._give_up(number))
        if len(self._owned) > limit and now - self._shed_at >= SHED_SECONDS:
            self._shed(now)

    def _look_for_thief(self, seen: PartitionView) -> None:
        """Somebody has a newer epoch: our commits would fail, so stop before the next one."""
        owned = self._owned.get(seen.partition)
        if owned and owned.partition and seen.epoch > owned.partition.epoch:
            owned.task.cancel()

    def _may_take(self, seen: PartitionView, now: float) -> bool:
        failed = self._failed.get(seen.partition)
        # A lease that still runs is ours if we dropped the partition, and otherwise another's.
        return not seen.alive if failed is None else now >= failed.retry_at

    def _begin(self, number: int, work: Coroutine[None, None, None] | None = None) -> None:
        task = asyncio.create_task(work or self._own(number), name=f"partition {number}")
        self._owned[number] = _Owned(task)
        task.add_done_callback(lambda _: self._owned.pop(number, None))

    def _shed(self, now: float) -> None:
        """One a second, so that a broker that joins is not handed all at once."""
        for number in sorted(self._owned, reverse=True):
            owned = self._owned[number]
            if owned.partition and not owned.shed:
                self._shed_at = now
                owned.shed = True
                owned.partition.stop()
                return

    async def _own(self, number: int) -> None:
        """Take a partition, run it and give it back; or note that it is to be taken again."""
        failed = self._failed.pop(number, None)
        began_at = self._around.clock.monotonic()
        try:
            await self._take_and_run(number, survived=failed is not None)
        except BaseException as error:
            lasted = self._around.clock.monotonic() - began_at
            pause = RETRY_SECONDS
            if failed is not None and lasted < RETRY_SECONDS_MAX:
                pause = min(2 * failed.pause, RETRY_SECONDS_MAX)
            self._failed[number] = _Failed(began_at + lasted + pause, pause)
            self._around.metrics.dropped += 1
            if not isinstance(error, Exception):
                raise
            # Whatever it is, the partition has to go on; only a bug is told with its trace.
            bug = not isinstance(error, EXPECTED)
            self._log.warning(
                "partition_dropped",
                partition=number,
                error=f"{type(error).__name__}: {error}"[:500],
                exc_info=bug,
            )

    async def _take_and_run(self, number: int, *, survived: bool) -> None:
        held = await self._ownership.take(number)
        if held is None:
            return
        partition = Partition(held, self._around, survived=survived)
        if held.unclean and not survived:
            self._around.metrics.takeovers += 1
        self._log.info(
            "partition_taken",
            partition=number,
            epoch=held.epoch,
            position=held.recovery.position,
            unclean=held.unclean,
        )
        self._owned[number].partition = partition
        try:
            await partition.run()
        finally:
            await held.store.close()
        await self._ownership.release(number)
        self._log.info("partition_given_back", partition=number)

    async def _give_up(self, number: int) -> None:
        """Others are to take what we dropped and have no room for any more.

        Remembered until they may: our heartbeats would prolong its lease for ever.
        """
        with suppress(StoreError):
            await self._ownership.release(number)
            self._failed.pop(number, None)

    def _drop_all(self) -> None:
        for owned in self._owned.values():
            owned.task.cancel()

    async def _stop(self) -> None:
        tasks = {each.task for each in self._owned.values()}
        for owned in self._owned.values():
            if owned.partition is None:
                owned.task.cancel()
            else:
                owned.partition.stop()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for each in late:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._ownership.close()


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
