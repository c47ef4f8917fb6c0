"""Job polls merged into credit: what a gateway subscribes to for its HTTP workers (DESIGN 7).

Polls that want the same (type, timeout, worker, variables, tenants) share a *slot*. A slot asks for
as many jobs as its polls can take, split over the partitions; partitions that rang come first when
there is less to give than partitions. Jobs that come too late for their poll go to another poll of
the slot, wait a moment for the next one, or are yielded, so that somebody else gets them.

Telling a partition costs a record, so busy slots tell rarely: credit is renewed when half of it is
used, and what an answered poll leaves over is kept for the next poll of the same worker.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

from signoff_gateway.exchange import Receive
from signoff_gateway.pending import hung_up
from signoff_gateway.polls import Poll, Wanted
from signoff_gateway.refusals import Cause, ClientGone, Exhausted, Limit, Unavailable
from signoff_process.clock import Clock
from signoff_process.log.ports import EntryPublisher, EntryTooLarge, LogUnavailable
from signoff_schemas.codec import JobBatch
from signoff_schemas.envelope import Entry
from signoff_schemas.ids import command_id, partition_of
from signoff_schemas.jobs import ActivatedJob, JobPush, Ring
from signoff_schemas.principal import ENGINE
from signoff_schemas.results import Goodbye, Grant, Subscription, WorkerResult, YieldJob
from signoff_schemas.topics import Inlet
from signoff_schemas.values import Inbox

HEARTBEAT: Final = 1.0
"""Seconds between signs of life, and for which a partition that rang comes first."""
LINGER: Final = 0.1
"""Seconds that a job without a poll waits for the next one: workers poll again at once."""
KEPT: Final = 0.01
"""Seconds for which credit that an answered poll leaves over is kept for the next one."""
TICK: Final = 0.005
"""Seconds by which a timer may come early."""
GRANTS_BYTES_MAX: Final = 1024 * 1024
"""Of all slots with polls: they go down the log in one record, again with each heartbeat."""

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Slot:
    id: str
    wanted: Wanted
    weight: int
    polls: list[Poll] = field(default_factory=list[Poll])
    surplus: deque[ActivatedJob] = field(default_factory=deque[ActivatedJob])
    """Jobs without a poll, until ``expected_until``."""
    expected_until: float = 0.0
    """Until when the worker of the last poll that was answered may well ask again."""
    rung: dict[int, float] = field(default_factory=dict[int, float])
    """Partition → when it rang."""
    counts: dict[int, int] = field(default_factory=dict[int, int])
    """Partition → credit that it was told of and has not used, as far as we know."""
    withdrawal: asyncio.TimerHandle | None = None
    """When credit that was kept is taken back."""

    @property
    def granting(self) -> bool:
        """Whether partitions are to know of it."""
        return bool(self.polls) or any(self.counts.values())

    def demand(self) -> int:
        return sum(poll.room for poll in self.polls)

    def offer(self, job: ActivatedJob) -> bool:
        """Give a job to the first poll with room."""
        for poll in self.polls:
            if poll.room:
                poll.take(job)
                return True
        return False


class Subscriptions:
    """All job polls of one gateway.

    Args:
        inbox: The gateway's partition of the jobs topic, and its name as a subscriber.
        partitions: Number of partitions.
        clock: For lingering and rings.
        new_id: Makes a unique text for each entry.
    """

    def __init__(
        self, inbox: Inbox, partitions: int, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._inbox = inbox
        self._partitions = range(1, partitions + 1)
        self._clock = clock
        self._new_id = new_id
        self._publisher: EntryPublisher | None = None
        self._slots: dict[Wanted, _Slot] = {}
        self._by_id: dict[str, _Slot] = {}
        self._slot_number = 0
        self._received = dict.fromkeys(self._partitions, 0)
        self._held_until = 0
        """Epoch milliseconds until which jobs that were handed out may be in somebody's hands."""
        self._subscribed = False
        self._dirty: set[int] = set()
        self._update: asyncio.Handle | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Future[None]] = set()
        self._accepting = False
        self._turn = 0
        self.polls = 0
        """How many wait now."""

    def start(self, publisher: EntryPublisher) -> None:
        """Take polls from now on."""
        self._publisher = publisher
        self._accepting = True
        self._heartbeat = asyncio.create_task(self._beat(), name="subscription-heartbeat")

    async def stop(self) -> None:
        """Answer all polls, give back what nobody took, and leave.

        Goodbye returns everything that this gateway ever handed out and is not answered yet, also
        what HTTP workers are busy with. So it is said only if there can be no such job; otherwise
        the partitions notice the silence and wait the grace.
        """
        self._accepting = False
        for slot in self._slots.values():
            for poll in slot.polls:
                poll.wake()
        await asyncio.sleep(0)
        for slot in tuple(self._slots.values()):
            self._yield_surplus(slot)
            if slot.withdrawal is not None:
                slot.withdrawal.cancel()
        if self._lingering is not None:
            self._lingering.cancel()
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.wait({self._heartbeat})
        if self._subscribed:
            self._leave()
        if self._sending:
            await asyncio.wait(self._sending)

    async def poll(
        self, wanted: Wanted, most: int, wait: float, receive: Receive
    ) -> list[ActivatedJob]:
        """Up to ``most`` jobs, as soon as there is one; none after ``wait`` seconds without any.

        The jobs are the caller's: what it cannot pass on goes to ``give_back``. A client that
        hangs up meanwhile takes none. Raises: ClientGone, Exhausted, Unavailable.
        """
        if not self._accepting:
            raise Unavailable(Cause.STOPPING)
        slot = self._slot(wanted)
        poll = Poll(most, [], asyncio.get_running_loop().create_future())
        while slot.surplus and poll.room:
            poll.take(slot.surplus.popleft())
        if not poll.jobs:
            if not slot.granting:
                self._must_fit(slot)
            await self._wait(slot, poll, wait, receive)
        if poll.jobs:
            self._held_until = max(self._held_until, *(job.deadline for job in poll.jobs))
        return poll.jobs

    def give_back(self, wanted: Wanted, jobs: Iterable[ActivatedJob]) -> None:
        """Jobs of a poll that nobody got: for another poll that waits, else back to the queue."""
        slot = self._slots.get(wanted)
        for job in jobs:
            if slot is None or not slot.offer(job):
                self._yield(job)

    def on_jobs(self, batch: JobBatch) -> None:
        """Take what partitions push; what is for another subscriber is not for us."""
        if batch.subscriber != self._inbox.gateway:
            return
        for item in batch.items:
            if isinstance(item, JobPush):
                self._on_push(item)
            else:
                self._on_ring(item)

    def _must_fit(self, slot: _Slot) -> None:
        weight = sum(each.weight for each in self._slots.values() if each.granting)
        if weight + slot.weight > GRANTS_BYTES_MAX:
            self._drop_if_idle(slot)
            raise Exhausted(Limit.POLLS, GRANTS_BYTES_MAX, 0)

    async def _wait(self, slot: _Slot, poll: Poll, wait: float, receive: Receive) -> None:
        slot.polls.append(poll)
        self.polls += 1
        self._reallot(slot)
        gone = asyncio.ensure_future(hung_up(receive))
        gone.add_done_callback(lambda _: poll.wake())
        patience = asyncio.get_running_loop().call_later(wait, poll.wake)
        left = True  # also when we are cancelled
        try:
            await poll.waker
            left = gone.done()
        finally:
            gone.cancel()
            patience.cancel()
            self.polls -= 1
            slot.polls.remove(poll)
            if left:
                self.give_back(slot.wanted, poll.jobs)
                poll.jobs.clear()
            if poll.jobs:
                self._expect(slot)
            else:
                self._reallot(slot)
                self._drop_if_idle(slot)
        if left:
            raise ClientGone

    def _slot(self, wanted: Wanted) -> _Slot:
        slot = self._slots.get(wanted)
        if slot is None:
            self._slot_number += 1
            slot = _Slot(f"{self._slot_number:x}", wanted, wanted.weight)
            self._slots[wanted] = self._by_id[slot.id] = slot
        return slot

    def _drop_if_idle(self, slot: _Slot) -> None:
        if slot.polls or slot.surplus or self._clock.monotonic() < slot.expected_until - TICK:
            return
        if self._slots.get(slot.wanted) is slot:
            del self._slots[slot.wanted]
            del self._by_id[slot.id]

    # -- what partitions send ----------------------------------------------------------------

    def _on_push(self, push: JobPush) -> None:
        partition = partition_of(push.job.job_key)
        self._received[partition] += 1
        slot = self._by_id.get(push.slot)
        if slot is None:
            self._yield(push.job)
            return
        slot.counts[partition] = max(0, slot.counts.get(partition, 0) - 1)
        if slot.offer(push.job):
            return
        now = self._clock.monotonic()
        if now < slot.expected_until and self._accepting:
            slot.surplus.append(push.job)
        else:
            self._yield(push.job)

    def _on_ring(self, ring: Ring) -> None:
        now = self._clock.monotonic()
        for slot in self._slots.values():
            if slot.wanted.job_type == ring.job_type:
                slot.rung[ring.partition] = now
                self._reallot(slot)

    # -- credit ------------------------------------------------------------------------------

    def _reallot(self, slot: _Slot) -> None:
        """Split what the slot can take over the partitions.

        Told are those that have too much of it, or less than half.
        """
        demand = slot.demand()
        order = self._order(slot)
        share, more = divmod(demand, len(order))
        for place, partition in enumerate(order):
            count = share + (1 if place < more else 0)
            told = slot.counts.get(partition, -1)
            if told > count or 2 * told <= count != told:
                slot.counts[partition] = count
                self._tell(partition)

    def _order(self, slot: _Slot) -> list[int]:
        since = self._clock.monotonic() - HEARTBEAT
        slot.rung = {each: at for each, at in slot.rung.items() if at > since}
        start = self._turn % len(self._partitions)
        turned = [*self._partitions[start:], *self._partitions[:start]]
        return sorted(turned, key=lambda each: each not in slot.rung)

    def _tell(self, partition: int) -> None:
        self._dirty.add(partition)
        if self._update is None:
            self._update = asyncio.get_running_loop().call_soon(self._tell_all)

    def _tell_all(self) -> None:
        self._update = None
        dirty, self._dirty = self._dirty, set()
        for partition in dirty:
            self._subscribe(partition)

    def _subscribe(self, partition: int) -> None:
        self._subscribed = True
        grants = tuple(
            Grant(
                slot=slot.id,
                job_type=slot.wanted.job_type,
                count=slot.counts.get(partition, 0),
                worker=slot.wanted.worker,
                timeout_ms=slot.wanted.timeout_ms,
                fetch=slot.wanted.fetch,
                tenants=slot.wanted.tenants,
            )
            for slot in self._slots.values()
            if self._accepting and slot.granting
        )
        subscription = Subscription(
            subscriber=self._inbox.gateway,
            inbox=self._inbox.partition,
            grants=grants,
            received=self._received[partition],
        )
        self._send(partition, subscription)

    async def _beat(self) -> None:
        """Once there was a poll, for ever: jobs that were handed out are held under our name."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            self._turn += 1
            for slot in self._slots.values():
                self._reallot(slot)
            if self._subscribed:
                self._dirty.update(self._partitions)
                self._tell_all()

    # -- what is given back ------------------------------------------------------------------

    def _expect(self, slot: _Slot) -> None:
        """The worker of a poll that was answered probably polls again: keep things as they are."""
        slot.expected_until = self._clock.monotonic() + LINGER
        self._linger(LINGER)
        if slot.withdrawal is None:
            slot.withdrawal = asyncio.get_running_loop().call_later(KEPT, self._withdraw, slot)

    def _withdraw(self, slot: _Slot) -> None:
        slot.withdrawal = None
        self._reallot(slot)

    def _end_lingering(self) -> None:
        self._lingering = None
        now = self._clock.monotonic()
        for slot in tuple(self._slots.values()):
            if now < slot.expected_until - TICK:
                self._linger(slot.expected_until - now)
            else:
                self._yield_surplus(slot)
                self._drop_if_idle(slot)

    def _linger(self, seconds: float) -> None:
        if self._lingering is None:
            self._lingering = asyncio.get_running_loop().call_later(seconds, self._end_lingering)

    def _yield_surplus(self, slot: _Slot) -> None:
        while slot.surplus:
            self._yield(slot.surplus.popleft())

    def _yield(self, job: ActivatedJob) -> None:
        body = YieldJob(job_key=job.job_key, lease_token=job.lease_token)
        self._send(partition_of(job.job_key), body)

    def _leave(self) -> None:
        name = self._inbox.gateway
        if self._clock.now_ms() >= self._held_until:
            for partition in self._partitions:
                self._send(partition, Goodbye(subscriber=name))
        else:
            self._dirty.update(self._partitions)
            self._tell_all()

    def _send(self, partition: int, body: WorkerResult) -> None:
        assert self._publisher is not None, "a poll before start"
        entry = Entry(
            id=command_id(partition, self._new_id()),
            request_id="",
            partition=partition,
            principal=ENGINE,
            issued_at=self._clock.now_ms(),
            body=body,
        )
        sending = asyncio.ensure_future(
            _without_loss(self._publisher.publish(Inlet.RESULTS, entry))
        )
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)


async def _without_loss(publishing: Awaitable[None]) -> None:
    """What is lost comes back by itself: credit with the next heartbeat, a job by its timeout."""
    try:
        await publishing
    except (LogUnavailable, EntryTooLarge) as error:
        log.warning("worker_result_not_published", error=str(error))
