"""Who gets which job: matches waiting jobs with the credit of subscribers. Pure.

Jobs wait in one backlog a type; the best one goes to the next slot, in turn, that has credit for
its type and tenant. A matched job is *planned* until a step has activated it; from then on it is
*held* by its subscriber until a step says otherwise. ``observe`` follows what steps made of jobs,
so that nothing here is ever the truth: a crash loses it, and ``restore`` builds it from the store.
"""

from collections import deque
from collections.abc import Container, Iterable, Sequence
from typing import Final

from signoff_broker.engine.backlog import Backlog, QueuedJob
from signoff_broker.engine.credit import Account, Slot
from signoff_broker.engine.state import Job
from signoff_broker.engine.world import Outgoing
from signoff_schemas.frozen import frozen
from signoff_schemas.jobs import Ring
from signoff_schemas.results import Subscription
from signoff_schemas.timers import ActivateJob
from signoff_schemas.values import JobState

SILENT_MS: Final = 3_000
"""Without a sign of life for so long, a subscriber is sent nothing more."""
GRACE_MS: Final = 30_000
"""Without a sign of life for so long, what it holds comes back: a blocking handler is not dead."""
# A ring may be lost with the log's connection; one a few seconds is cheap.
RING_AGAIN_MS: Final = 3_000
BACKLOG_MAX: Final = 10_000
WAITS_MAX: Final = 10_000


@frozen
class _Plan:
    job: QueuedJob
    slot: Slot


class Dispatcher:
    """The queue and the credit of one partition. All times are monotonic milliseconds.

    Args:
        partition_id: Whose jobs these are.
        backlog_max: Jobs of one type that are held in memory.
        waits_max: Waiting jobs of one type at which it counts as exhausted.
    """

    def __init__(
        self, partition_id: int, *, backlog_max: int = BACKLOG_MAX, waits_max: int = WAITS_MAX
    ) -> None:
        self._partition_id = partition_id
        self._backlog_max = backlog_max
        self._waits_max = waits_max
        self.exhausted: set[str] = set()
        """Job types of which so many jobs wait that no more callers should be held for them."""
        self._backlogs: dict[str, Backlog] = {}
        self._accounts: dict[str, Account] = {}
        self._rings: dict[str, deque[Slot]] = {}
        """Slots of each job type in the order of their turns."""
        self._plans: dict[int, _Plan] = {}
        self._pushed: list[Slot] = []
        """Slots of activations that are not committed yet, in order."""
        self._holders: dict[int, str] = {}
        self._held: dict[str, set[int]] = {}
        self._unheard: dict[str, int] = {}
        """Holders that never subscribed here: since when we wait for a sign of life."""
        self._rung: dict[str, dict[str, int]] = {}
        """Job type → subscriber → when it was rung."""
        self._stirred: dict[str, None] = {}
        """Job types for which something changed since the last match, in order."""
        self._starving: dict[str, None] = {}
        self._short: dict[str, None] = {}

    # -- what came in ------------------------------------------------------------------------

    def subscribe(self, subscription: Subscription, now: int) -> None:
        """Take over a subscriber's grants, which is also its sign of life."""
        name = subscription.subscriber
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(subscription)
            self._unheard.pop(name, None)
        before = account.slots
        account.renew(subscription, now)
        self._turn(before, account.slots)
        for slot in account.slots.values():
            job_type = slot.grant.job_type
            self._stirred[job_type] = None
            if slot.left:
                self._rung.get(job_type, {}).pop(name, None)

    def goodbye(self, name: str) -> list[int]:
        """Forget a subscriber; returns the jobs that it held: they are to be returned."""
        account = self._accounts.pop(name, None)
        self._unheard.pop(name, None)
        if account is not None:
            self._turn(account.slots, {})
            for plan in [each for each in self._plans.values() if each.slot.account is account]:
                self._unplan(plan)
                self._queue(plan.job)
        return sorted(self._held.pop(name, ()))

    def silent(self, now: int) -> list[int]:
        """Jobs of subscribers that gave no sign of life for the whole grace: to be returned."""
        heard = [(name, each.heard) for name, each in self._accounts.items()]
        lost = [name for name, at in (*heard, *self._unheard.items()) if now - at >= GRACE_MS]
        return [key for name in lost for key in self.goodbye(name)]

    def observe(self, jobs: Iterable[Job], waited: Container[int], now: int) -> None:
        """Follow what a step made of jobs; ``waited``: the keys of those that waited before it."""
        for job in jobs:
            if job.state is JobState.ACTIVATABLE:
                self._release(job.key)
                if job.key not in self._plans:
                    self._queue(_queued(job), waited=job.key in waited)
                continue
            is_planned = job.key in self._plans
            if job.state is JobState.ACTIVATED:
                self._hold(job, now)
            else:
                self._drop(job)
            if job.key in waited and not is_planned:
                self._unqueue(job)

    def forget(self, job_key: int) -> None:
        """A planned job turned out not to wait: give the credit back, and queue it no more."""
        if plan := self._plans.get(job_key):
            self._unplan(plan)

    # -- what goes out -----------------------------------------------------------------------

    def match(self, now: int, limit: int) -> list[ActivateJob]:
        """Plan up to ``limit`` activations, best jobs first; a planned job is not matched again."""
        matched: list[ActivateJob] = []
        while self._stirred and len(matched) < limit:
            job_type = next(iter(self._stirred))
            del self._stirred[job_type]
            backlog = self._backlogs.get(job_type)
            if backlog is None:
                continue
            matched += self._match_type(backlog, job_type, now, limit - len(matched))
            if backlog.total < self._waits_max:
                self.exhausted.discard(job_type)
            else:
                self.exhausted.add(job_type)
            if len(matched) >= limit:
                self._stirred[job_type] = None
            elif backlog.total or backlog.drained:
                self._starving[job_type] = None
                if backlog.drained:
                    self._short[job_type] = None
            else:
                del self._backlogs[job_type]
                self._rung.pop(job_type, None)
        return matched

    @property
    def restless(self) -> bool:
        """Whether another ``match`` may find something at once."""
        return bool(self._stirred)

    def is_planned(self, job_key: int) -> bool:
        """Whether a match still stands."""
        return job_key in self._plans

    def is_orphan(self, job_key: int) -> bool:
        """Whether the job is still held by a subscriber that is gone."""
        holder = self._holders.get(job_key)
        return holder is not None and job_key not in self._held.get(holder, ())

    def rings(self, now: int) -> list[Outgoing]:
        """Tell subscribers without credit of jobs that wait: once, until they grant some."""
        rings: list[Outgoing] = []
        for job_type in self._starving:
            rung = self._rung.setdefault(job_type, {})
            accounts = {slot.account.name: slot.account for slot in self._rings.get(job_type, ())}
            for name, account in accounts.items():
                again = name not in rung or now - rung[name] >= RING_AGAIN_MS
                if again and account.left(job_type) <= 0 and now - account.heard < SILENT_MS:
                    rung[name] = now
                    ring = Ring(subscriber=name, partition=self._partition_id, job_type=job_type)
                    rings.append(Outgoing(account.inbox, ring))
        self._starving.clear()
        return rings

    # -- keeping in step with the store ------------------------------------------------------

    def committed(self) -> None:
        """What was observed so far is in the store now."""
        self._pushed.clear()

    def restore(self, totals: dict[str, int], held: Iterable[tuple[int, str]], now: int) -> None:
        """Begin again from what the store has: jobs waiting by type, and jobs with their holders.

        Grants stay, and what was activated since the last commit is not sent. Ask ``short`` next,
        and refill what it names.
        """
        while self._pushed:
            slot = self._pushed.pop()
            slot.account.recall(slot)
            self._stirred[slot.grant.job_type] = None
        for plan in list(self._plans.values()):
            self._unplan(plan)
        self._backlogs.clear()
        self.exhausted.clear()
        self._short.clear()
        self._holders.clear()
        self._held.clear()
        for job_type, total in totals.items():
            backlog = self._backlogs[job_type] = Backlog(self._backlog_max)
            backlog.leave(total)
            self._short[job_type] = None
            if total >= self._waits_max:
                self.exhausted.add(job_type)
        for key, subscriber in held:
            self._holders[key] = subscriber
            self._held.setdefault(subscriber, set()).add(key)
        self._unheard = {name: now for name in self._held if name not in self._accounts}

    def short(self) -> list[str]:
        """Job types of which the store has more and this has none."""
        return list(self._short)

    def refill(self, job_type: str, jobs: Sequence[QueuedJob], *, more: bool) -> None:
        """Take over the front of the store's queue, as of the last commit."""
        self._short.pop(job_type, None)
        backlog = self._backlogs.get(job_type)
        if backlog is None:
            return
        horizon = jobs[-1].order if more and jobs else None
        ours = self._plans.keys() | self._holders.keys()
        backlog.refill([job for job in jobs if job.key not in ours], horizon)
        self._stirred[job_type] = None

    def backlog(self) -> dict[str, tuple[int, int]]:
        """Job type → jobs that wait, creation time (epoch ms) of the oldest that is known here."""
        return {name: (each.total, each.oldest) for name, each in self._backlogs.items()}

    # -- inside ------------------------------------------------------------------------------

    def _match_type(
        self, backlog: Backlog, job_type: str, now: int, limit: int
    ) -> list[ActivateJob]:
        ring = self._rings.get(job_type)
        matched: list[ActivateJob] = []
        while ring and len(matched) < limit:
            for _, tenant in backlog.heads():
                if slot := _next_slot(ring, tenant, now):
                    matched.append(self._plan(backlog.pop(tenant), slot))
                    break
            else:
                break
        return matched

    def _plan(self, job: QueuedJob, slot: Slot) -> ActivateJob:
        slot.account.reserve(slot)
        self._plans[job.key] = _Plan(job, slot)
        grant = slot.grant
        return ActivateJob(
            job_key=job.key,
            subscriber=slot.account.name,
            inbox=slot.account.inbox,
            slot=grant.slot,
            worker=grant.worker,
            timeout_ms=grant.timeout_ms,
            fetch=grant.fetch,
        )

    def _unplan(self, plan: _Plan) -> None:
        del self._plans[plan.job.key]
        plan.slot.account.cancel(plan.slot)
        self._stirred[plan.job.job_type] = None

    def _queue(self, job: QueuedJob, *, waited: bool = False) -> None:
        backlog = self._backlogs.get(job.job_type)
        if backlog is None:
            backlog = self._backlogs[job.job_type] = Backlog(self._backlog_max)
        backlog.add(job, waited=waited)
        self._stirred[job.job_type] = None

    def _hold(self, job: Job, now: int) -> None:
        if plan := self._plans.pop(job.key, None):
            plan.slot.account.push(plan.slot, now)
            self._pushed.append(plan.slot)
        if self._holders.get(job.key) != job.subscriber:
            self._release(job.key)
            self._holders[job.key] = job.subscriber
            self._held.setdefault(job.subscriber, set()).add(job.key)
            if job.subscriber not in self._accounts:
                self._unheard.setdefault(job.subscriber, now)

    def _release(self, key: int) -> None:
        holder = self._holders.pop(key, None)
        if holder is not None and (jobs := self._held.get(holder)) is not None:
            jobs.discard(key)
            if not jobs:
                del self._held[holder]

    def _drop(self, job: Job) -> None:
        if job.key in self._holders:
            self._release(job.key)
        elif plan := self._plans.get(job.key):
            self._unplan(plan)

    def _unqueue(self, job: Job) -> None:
        if backlog := self._backlogs.get(job.job_type):
            backlog.remove(job.key)
            self._stirred[job.job_type] = None

    def _turn(self, before: dict[str, Slot], after: dict[str, Slot]) -> None:
        """Keep the turns of slots that stay; new ones queue up at the end."""
        for name, slot in before.items():
            if after.get(name) is not slot:
                ring = self._rings[slot.grant.job_type]
                ring.remove(slot)
                if not ring:
                    del self._rings[slot.grant.job_type]
        for name, slot in after.items():
            if before.get(name) is not slot:
                self._rings.setdefault(slot.grant.job_type, deque()).append(slot)


def _queued(job: Job) -> QueuedJob:
    return QueuedJob(job.key, job.job_type, job.tenant, job.priority, job.created_at)


def _next_slot(ring: deque[Slot], tenant: str, now: int) -> Slot | None:
    for _ in range(len(ring)):
        slot = ring[0]
        ring.rotate(-1)
        live = now - slot.account.heard < SILENT_MS
        if slot.left > 0 and live and tenant in slot.grant.tenants:
            return slot
    return None
