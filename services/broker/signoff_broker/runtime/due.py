"""Which timers are to be stepped next: what is due by the clock, and jobs to be returned."""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain, islice, zip_longest

from signoff_broker.engine.state import Start
from signoff_broker.engine.world import Touched
from signoff_broker.ports import Due, Store, assignment_due, late_at
from signoff_schemas.timers import (
    ExpireAssignment,
    RecurJob,
    ReturnJob,
    StartTriggered,
    TimeOutJob,
    TimeOutNode,
    Timer,
)

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
        self._fresh: int | None = None
        """The earliest that was noted since the store was asked."""
        self._asked = False
        self._full = False
        self._orphans: deque[int] = deque()
        self._shunned: set[int] = set()
        self.starts: dict[int, Start] = {}
        """What the timers taken last are to start, by its key."""

    async def restore(self) -> None:
        """Begin with what the store has. Orphans stay."""
        self._next = await self._store.next_due()
        self._asked = False

    def note(self, touched: Touched) -> None:
        """Follow what a step made of whatever can be due."""
        for job in touched.jobs.values():
            self._note(job.due_at)
        for task in touched.tasks.values():
            if task.work is not None:
                self._note(assignment_due(task))
        for process in touched.processes.values():
            self._note(late_at(process))
        if any(touched.starts.values()):
            self._note(0)

    def give_back(self, job_keys: Iterable[int]) -> None:
        """Return these jobs as soon as there is room."""
        self._orphans.extend(job_keys)

    def shun(self, timer: Timer) -> None:
        """Step no more timers of its job, task, … while this owner lives: they cannot be stored."""
        self._shunned.add(subject_of(timer))

    async def take(self, now: int) -> list[Timer]:
        """What to step with this batch, of each kind a share. ``now`` is epoch milliseconds."""
        timers: list[Timer] = []
        self.starts.clear()
        while self._orphans and len(timers) < self._limit:
            key = self._orphans.popleft()
            if key not in self._shunned and self._is_orphan(key):
                timers.append(ReturnJob(job_key=key))
        if self._next is not None and now >= self._next:
            limit = self._limit + len(self._shunned)
            due = await self._store.due(now, limit)
            self._asked, self._full, self._fresh = True, len(due) >= limit, None
            taken = islice(_in_turn(due), limit)
            timers += [each for each in taken if subject_of(each) not in self._shunned]
            self.starts.update((each.key, each) for each in due.starts)
        return timers

    async def settle(self, now: int) -> None:
        """After the commit: when to ask again. What is stuck keeps nothing else waiting."""
        if self._asked:
            self._asked = False
            self._next = await self._store.next_due()
            if self._next is not None and self._next <= now and not self._full:
                self._next = now + STUCK_MS
                self._note(self._fresh)

    def wait_ms(self, now: int) -> int | None:
        """How long there is nothing to do; None: until something new is noted."""
        if self._orphans:
            return 0
        return None if self._next is None else max(0, self._next - now)

    def _note(self, due_at: int | None) -> None:
        if due_at is None:
            return
        if self._next is None or due_at < self._next:
            self._next = due_at
        if self._fresh is None or due_at < self._fresh:
            self._fresh = due_at


def subject_of(timer: Timer) -> int:
    """The key of what a timer is about."""
    match timer:
        case ExpireAssignment():
            return timer.task_key
        case TimeOutNode():
            return timer.process_instance_key
        case StartTriggered():
            return timer.start_key
        case _:
            return timer.job_key


def _in_turn(due: Due) -> Iterable[Timer]:
    """One of each kind after the other, so that no kind keeps another waiting."""
    jobs = ((TimeOutJob if j.activated else RecurJob)(job_key=j.key) for j in due.jobs)
    tasks = (ExpireAssignment(task_key=key) for key in due.tasks)
    late = (TimeOutNode(process_instance_key=key) for key in due.processes)
    starts = (StartTriggered(start_key=each.key) for each in due.starts)
    rounds = zip_longest(jobs, tasks, late, starts)
    return (timer for timer in chain.from_iterable(rounds) if timer is not None)
