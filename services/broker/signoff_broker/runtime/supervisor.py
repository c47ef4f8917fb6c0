"""Which partitions this broker runs: takes them, gives them back, and never works on another's.

Ownership. Every broker heartbeats into the store four times a second, and every heartbeat shows all
partitions and how many brokers are alive. A broker takes what is free or has run out until it has
its share, ceil(partitions / brokers). Two that reach for the same one cannot both get it; who holds
more than its share, because a broker joined, gives back one a second, cleanly: its batch is
committed, its messages have left, and the next owner, who looks out for it, begins at once.

Fencing. Taking raises the partition's epoch, and every commit asks for its own. So a broker that
was frozen and wakes up cannot write, whatever it believes. It also stops by itself when it could
not prolong its lease in time, because what it answered then would only be errors.

Failure. There is one way back from everything, the database away, the log away, a commit whose
result nobody knows, a bug: drop the partition with all that is in memory, take it again, go on
after the newest step row. The pauses in between grow to two seconds, and it never gives up.

No wait but the loop's own is without an end. What does not hear that it is cancelled is left
behind: it holds an old epoch. What to do next is decided by the rows of the last heartbeat, so that
nothing that was forgotten or misunderstood here outlives it.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass

import structlog

from signoff_broker.ports import ClusterView, Ownership, PartitionView, StoreError
from signoff_broker.runtime.ending import END_SECONDS, soon, to_its_end
from signoff_broker.runtime.partition import Partition, Surroundings
from signoff_process.clock import Clock
from signoff_process.log.ports import LogMismatch, LogUnavailable

EXPECTED = (StoreError, LogUnavailable, LogMismatch, OSError)
RETRY_SECONDS = 0.1
RETRY_SECONDS_MAX = 2.0
SHED_SECONDS = 1.0
STOP_SECONDS = 10.0
BEAT_SECONDS = 1.0
"""For a whole heartbeat: a second try has to fit into the lease."""
LOOK_OUT_SECONDS = 0.05
"""Between heartbeats of a broker that waits for what another is about to give back."""
TAKE_SECONDS = 10.0


@dataclass(slots=True)
class _Owned:
    """A partition that this broker is taking, running or giving back."""

    task: asyncio.Task[None]
    partition: Partition | None = None
    shed: bool = False
    dropped: bool = False

    def drop(self) -> None:
        """Cancel it, once: a second time would cut short how it ends."""
        if not self.dropped:
            self.dropped = True
            self.task.cancel()


@dataclass(slots=True)
class _Failed:
    """A partition that this broker dropped, and when it may take it again."""

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
        """Whether nobody can have taken over yet from a process that beats or is frozen."""
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
        self._ran: dict[int, int] = {}
        """Partition → epoch under which this broker last ran it."""
        self._shed_at = 0.0
        self._log = structlog.get_logger()
        self._view: ClusterView | None = None
        """What the last heartbeat that succeeded learnt."""

    @property
    def running(self) -> list[int]:
        """Partitions whose loop is up."""
        return sorted(number for number, each in self._owned.items() if each.partition)

    @property
    def settled(self) -> bool:
        """Whether every partition has an owner and none is about to move, by the last heartbeat."""
        view = self._view
        if view is None or not self._lease.runs():
            return False
        held = Counter(each.owner for each in view.partitions if each.alive)
        limit = share(len(view.partitions), view.live_brokers)
        return held.total() == len(view.partitions) and max(held.values(), default=0) <= limit

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until ``stopping``, then give everything back; if cancelled, without finishing."""
        try:
            while not stopping.is_set():
                await self._beat()
                await _wait(stopping, self._pause())
        except asyncio.CancelledError:
            self._drop_all()
            raise
        finally:
            await self._stop()

    async def _beat(self) -> None:
        clock = self._around.clock
        asked_at = clock.monotonic()
        try:
            async with asyncio.timeout(BEAT_SECONDS):
                view = await self._ownership.heartbeat()
            self._lease.prolonged(asked_at)
            self._view = view
            self._follow(view, clock.monotonic())
        except Exception as error:  # noqa: BLE001 - who stopped beating would never own again
            bug = not isinstance(error, (*EXPECTED, TimeoutError))
            reason = str(error) or type(error).__name__
            self._log.warning("heartbeat_failed", error=reason, exc_info=bug)
            if not self._lease.runs():
                self._drop_all()

    def _pause(self) -> float:
        view = self._view
        if view and len(self._owned) < len(view.partitions) // max(1, view.live_brokers):
            return min(LOOK_OUT_SECONDS, self._heartbeat_seconds)
        return self._heartbeat_seconds

    def _follow(self, view: ClusterView, now: float) -> None:
        limit = share(len(view.partitions), view.live_brokers)
        for each in view.partitions:
            self._look_for_thief(each)
            if each.alive and not each.ours:
                self._failed.pop(each.partition, None)
        for each in view.partitions:
            number = each.partition
            if number in self._owned:
                continue
            if len(self._owned) < limit:
                if self._may_take(each, now):
                    # A lease alone does not say that we ran it: its last owner may have died.
                    survived = each.ours and self._ran.get(number) == each.epoch
                    self._begin(number, self._own(number, survived=survived))
            elif each.ours:
                # Dropped, and now there is no room: our heartbeats would keep it from the others.
                self._begin(number, self._give_back(number))
        if len(self._owned) > limit and now - self._shed_at >= SHED_SECONDS:
            self._shed(now)

    def _look_for_thief(self, seen: PartitionView) -> None:
        """Somebody has a newer epoch: our commits would fail, so stop before the next one."""
        owned = self._owned.get(seen.partition)
        if owned and owned.partition and seen.epoch > owned.partition.epoch:
            owned.drop()

    def _may_take(self, seen: PartitionView, now: float) -> bool:
        failed = self._failed.get(seen.partition)
        return (seen.ours or not seen.alive) and (failed is None or now >= failed.retry_at)

    def _begin(self, number: int, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name=f"partition {number}")
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

    async def _own(self, number: int, *, survived: bool) -> None:
        """Take a partition, run it and give it back; or note when to take it again."""
        failed = self._failed.pop(number, None)
        began_at = self._around.clock.monotonic()
        try:
            await self._take_and_run(number, survived=survived)
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
        async with asyncio.timeout(TAKE_SECONDS):
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
        self._ran[number] = held.epoch
        try:
            await to_its_end(partition.run(), f"run {number}")
        finally:
            await soon(held.store.close(), f"close {number}")
        await self._give_back(number)
        self._log.info("partition_given_back", partition=number)

    async def _give_back(self, number: int) -> None:
        """Let others take it. What fails is seen at the next heartbeat: the lease is still ours."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self._ownership.release(number)

    def _drop_all(self) -> None:
        for owned in self._owned.values():
            owned.drop()

    async def _stop(self) -> None:
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(BEAT_SECONDS):
                await self._ownership.leave()
        tasks = {each.task for each in self._owned.values()}
        for owned in self._owned.values():
            if owned.partition is None:
                owned.drop()
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
