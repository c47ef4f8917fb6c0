"""Which timers are to be stepped next: jobs that are due by the clock, and jobs to be returned."""

from collections import deque
from collections.abc import Callable, Iterable

from signoff_broker.engine.state import Job
from signoff_broker.ports import Store
from signoff_schemas.timers import RecurJob, ReturnJob, TimeOutJob, Timer

# What is due and stays due although it was stepped must not keep the loop spinning.
STUCK_MS = 1_000


class DueTimers:
    """The earliest due time is kept in memory, so that the store is asked only when there is one.

    Args:
        store: Asked for what is due.
        limit: Timers in one batch.
        is_orphan: Whether a job is still held by a subscriber that is gone.
    """

    def __init__(self, store: Store, limit: int, is_orphan: Callable[[int], bool]) -> None:
        self._store = store
        self._limit = limit
        self._is_orphan = is_orphan
        self._next: int | None = None
        self._asked = False
        self._full = False
        self._orphans: deque[int] = deque()
        self._shunned: set[int] = set()

    async def restore(self) -> None:
        """Begin with what the store has. Orphans stay."""
        self._next = await self._store.next_due()
        self._asked = False

    def note(self, jobs: Iterable[Job]) -> None:
        """Follow what steps made of jobs."""
        for job in jobs:
            due_at = job.due_at
            if due_at is not None and (self._next is None or due_at < self._next):
                self._next = due_at

    def give_back(self, job_keys: Iterable[int]) -> None:
        """Return these jobs as soon as there is room."""
        self._orphans.extend(job_keys)

    def shun(self, job_key: int) -> None:
        """Step this job's timers no more while this owner lives: they cannot be stored."""
        self._shunned.add(job_key)

    async def take(self, now: int) -> list[Timer]:
        """What to step with this batch. ``now`` is epoch milliseconds."""
        timers: list[Timer] = []
        while self._orphans and len(timers) < self._limit:
            key = self._orphans.popleft()
            if key not in self._shunned and self._is_orphan(key):
                timers.append(ReturnJob(job_key=key))
        if self._next is not None and now >= self._next:
            limit = self._limit + len(self._shunned)
            due = await self._store.due(now, limit)
            self._asked, self._full = True, len(due) == limit
            for each in due:
                if each.key not in self._shunned:
                    kind = TimeOutJob if each.activated else RecurJob
                    timers.append(kind(job_key=each.key))
        return timers

    async def settle(self, now: int) -> None:
        """After the commit: when to ask again."""
        if self._asked:
            self._asked = False
            self._next = await self._store.next_due()
            if self._next is not None and self._next <= now and not self._full:
                self._next = now + STUCK_MS

    def wait_ms(self, now: int) -> int | None:
        """How long there is nothing to do; None: until something new is noted."""
        if self._orphans:
            return 0
        return None if self._next is None else max(0, self._next - now)
