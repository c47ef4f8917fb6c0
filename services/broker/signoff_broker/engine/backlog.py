"""Waiting jobs of one type: best first, bounded in memory, the rest left in the store."""

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Final

from signoff_schemas.frozen import frozen

Order = tuple[int, int]
"""What sorts the queue: highest priority first, then oldest (lowest key)."""

# Sorts before every job.
_NOTHING_HERE: Final[Order] = (-(1 << 63), 0)


@frozen
class QueuedJob:
    """A job that any subscriber of its type and tenant may have."""

    key: int
    job_type: str
    tenant: str
    priority: int
    created_at: int
    """Epoch milliseconds."""

    @property
    def order(self) -> Order:
        """Its place in the queue."""
        return (-self.priority, self.key)


class Backlog:
    """The queue of one job type.

    Up to ``limit`` jobs (twice that while better ones keep coming) are held here. ``horizon`` is
    the order behind which the store may know more: all that sorts up to it is here.
    """

    __slots__ = ("_heaps", "_jobs", "_limit", "horizon", "total")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: dict[int, QueuedJob] = {}
        self._heaps: dict[str, list[Order]] = {}
        """By tenant. Orders of jobs that left or moved stay until they come up or are too many."""
        self.horizon: Order | None = None
        self.total = 0
        """How many jobs wait, those that only the store has included."""

    @property
    def drained(self) -> bool:
        """Whether the store has jobs and this has none."""
        return self.horizon is not None and not self._jobs

    @property
    def oldest(self) -> int:
        """Creation time of the oldest job that is held here; 0 if there is none."""
        return min((job.created_at for job in self._jobs.values()), default=0)

    def add(self, job: QueuedJob, *, waited: bool = False) -> None:
        """Queue a job; one that ``waited`` before stays once, in its new place if it has one."""
        if not waited:
            self.total += 1
        known = self._jobs.get(job.key)
        if known is not None:
            if known.order == job.order:
                return
            del self._jobs[job.key]
        if self.horizon is not None and job.order > self.horizon:
            return
        self._jobs[job.key] = job
        heap = self._heaps.setdefault(job.tenant, [])
        heappush(heap, job.order)
        if len(heap) > 2 * len(self._jobs) + 64:
            self._rebuild(self._jobs.values())
        if len(self._jobs) > (self._limit if self.horizon is None else 2 * self._limit):
            self._overflow()

    def remove(self, key: int) -> None:
        """Take a job out that waited and does not any more, wherever it is."""
        self._jobs.pop(key, None)
        self.total -= 1

    def heads(self) -> list[tuple[Order, str]]:
        """The best job of every tenant that has one, best first: its order, the tenant."""
        found: list[tuple[Order, str]] = []
        for tenant, heap in list(self._heaps.items()):
            while heap and not self._is_current(heap[0]):
                heappop(heap)
            if heap:
                found.append((heap[0], tenant))
            else:
                del self._heaps[tenant]
        found.sort()
        return found

    def pop(self, tenant: str) -> QueuedJob:
        """Take the job that ``heads`` showed for the tenant."""
        self.total -= 1
        return self._jobs.pop(heappop(self._heaps[tenant])[1])

    def refill(self, jobs: Sequence[QueuedJob], horizon: Order | None) -> None:
        """Take over the front of the store's queue, up to ``horizon`` if there is more of it."""
        self.horizon = horizon
        for job in jobs:
            self._jobs.setdefault(job.key, job)
        self._rebuild(self._jobs.values())

    def leave(self, total: int) -> None:
        """Say that this many jobs wait, all of them known to the store only."""
        self.horizon = _NOTHING_HERE
        self.total = total

    def _is_current(self, order: Order) -> bool:
        job = self._jobs.get(order[1])
        return job is not None and job.order == order

    def _overflow(self) -> None:
        kept = sorted(self._jobs.values(), key=lambda job: job.order)
        kept = kept[: self._limit]
        self.horizon = kept[-1].order
        self._jobs = {job.key: job for job in kept}
        self._rebuild(kept)

    def _rebuild(self, jobs: Iterable[QueuedJob]) -> None:
        self._heaps = {}
        for job in jobs:
            self._heaps.setdefault(job.tenant, []).append(job.order)
        for heap in self._heaps.values():
            heapify(heap)
