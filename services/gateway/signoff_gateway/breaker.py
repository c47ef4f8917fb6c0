"""Says before anything is handed over that it would not get through."""

import asyncio
from math import inf
from typing import Final

import structlog

from signoff_gateway.ports import ClusterReader
from signoff_gateway.reads import Cluster, ReadsError
from signoff_gateway.refusals import Cause, Unavailable
from signoff_process.clock import Clock
from signoff_process.log.ports import EntryPublisher

REFRESH: Final = 0.3
"""Seconds between two looks at who owns what."""
STALE: Final = 1.0
"""Seconds without an answer after which the database counts as gone."""
OWNERLESS: Final = 0.7
"""Seconds for which a partition may be seen without an owner and still be sent commands.

A planned move takes some 100 ms, and what is published meanwhile waits in the log. Together with
the time between two looks it is a second after the lease ceased to hold: by then it has to be told.
"""
UNACKNOWLEDGED_MS: Final = 1000
"""Age of the oldest unacknowledged send from which on the log counts as gone."""

log = structlog.get_logger(__name__)


class Breaker:
    """Knows whether the log takes entries, the database answers, and who owns each partition."""

    def __init__(self, cluster: ClusterReader, clock: Clock) -> None:
        self._reader = cluster
        self._clock = clock
        self._publisher: EntryPublisher | None = None
        self._seen = -inf
        """When the last look succeeded."""
        self._answers = False
        self._refreshing: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[Cluster]] = set()
        self._owned_until: dict[int, float] = {}
        """When each that had an owner was first seen without it; infinite while it has one."""
        self.cluster = Cluster(brokers=(), partitions=())
        """What the last look saw."""

    async def start(self, publisher: EntryPublisher) -> None:
        """Look once, then keep looking."""
        self._publisher = publisher
        await self._look()
        self._refreshing = asyncio.create_task(self._refresh(), name="cluster-view")

    async def stop(self) -> None:
        """Stop looking."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait({self._refreshing, *self._looks})

    def check(self, partition: int) -> None:
        """Raises: Unavailable, if an entry for this partition would not get through now."""
        publisher = self._publisher
        if publisher is None or publisher.oldest_unacknowledged_ms() > UNACKNOWLEDGED_MS:
            raise Unavailable(Cause.LOG, partition)
        if not self.database_answers():
            raise Unavailable(Cause.DATABASE, partition)
        if self._clock.monotonic() - self._owned_until.get(partition, -inf) > OWNERLESS:
            raise Unavailable(Cause.NO_OWNER, partition)

    def partitions_for_keys(self) -> int:
        """How many partitions, from 1 on, were there from the beginning.

        What an idempotency key creates goes to one of these for ever: the command id carries its
        partition, so a key that moved, on whatever day, would have a second effect.
        """
        return max(1, sum(each.added_at == 0 for each in self.cluster.partitions))

    def knows(self, partition: int) -> bool:
        """Whether there is such a partition, whoever owns it."""
        return any(each.id == partition for each in self.cluster.partitions)

    def database_answers(self) -> bool:
        """Whether the database answered, by the looks of the last second."""
        return self._answers

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH)
            await self._look()

    async def _look(self) -> None:
        began = self._clock.monotonic()
        look = asyncio.create_task(self._reader.cluster(), name="cluster-look")
        self._looks.add(look)
        look.add_done_callback(self._note_end)
        try:
            # What is given up may take its time to end: that is not waited for.
            await asyncio.wait({look}, timeout=STALE - REFRESH)
            seen = look.result()
        except asyncio.InvalidStateError:
            log.warning("cluster_view_unavailable", error="timeout")
            self._note_silence(began)
        except ReadsError as error:
            log.warning("cluster_view_unavailable", error=str(error))
            self._note_silence(began)
        except Exception:  # whoever stopped looking would refuse for ever
            log.exception("cluster_view_failed")
            self._note_silence(began)
        else:
            self._seen = self._clock.monotonic()
            self._answers = True
            self._note_owners(seen, self._seen)
            self.cluster = seen
        finally:
            look.cancel()

    def _note_end(self, look: "asyncio.Task[Cluster]") -> None:
        self._looks.discard(look)
        if not look.cancelled():
            look.exception()  # of one that was given up nobody else asks

    def _note_silence(self, began: float) -> None:
        now = self._clock.monotonic()
        if now - began > STALE:
            return  # we were held up ourselves: what was late says nothing, the next look will
        if now + REFRESH - self._seen > STALE:
            self._answers = False

    def _note_owners(self, seen: Cluster, now: float) -> None:
        for each in seen.partitions:
            if each.broker_id:
                self._owned_until[each.id] = inf
            elif self._owned_until.get(each.id) == inf:
                self._owned_until[each.id] = now
