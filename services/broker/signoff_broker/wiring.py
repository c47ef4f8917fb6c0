"""The broker as one object: partitions on a log and a store, by plain values."""

import asyncio

from signoff_broker.ports import Ownership
from signoff_broker.runtime.limits import Limits
from signoff_broker.runtime.metrics import Metrics
from signoff_broker.runtime.partition import Surroundings
from signoff_broker.runtime.signals import SILENT, Signals
from signoff_broker.runtime.supervisor import Lease, Supervisor
from signoff_process.clock import Clock, SystemClock
from signoff_process.log.ports import Log

LEASE_SECONDS = 2.0
HEARTBEAT_SECONDS = 0.25


class Broker:
    """Runs partitions. Use ``run``, or ``start`` and ``stop``.

    Args:
        log: Started already; it stays open, because a gateway may share it.
        ownership: Who owns what; closed when the broker stops.
        clock: The time.
        lease_seconds: How long the ownership's leases last: at most what it was told itself.
        heartbeat_seconds: Time between heartbeats: several must fit into a lease.
        publish_events: Whether events leave for ``signoff.events``; a memory log drops them.
        limits: Sizes and times of the partitions' loops.
        metrics: Counted into; exported by whoever made it.
        signals: For tests.
    """

    def __init__(  # noqa: PLR0913 - a composition names what it is made of
        self,
        log: Log,
        ownership: Ownership,
        *,
        clock: Clock | None = None,
        lease_seconds: float = LEASE_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        publish_events: bool = True,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        signals: Signals = SILENT,
    ) -> None:
        clock = clock or SystemClock()
        lease = Lease(clock, lease_seconds)
        self.metrics = metrics or Metrics()
        around = Surroundings(
            log=log,
            clock=clock,
            limits=limits or Limits(),
            publish_events=publish_events,
            metrics=self.metrics,
            signals=signals,
            holds_lease=lease.runs,
        )
        self._supervisor = Supervisor(ownership, around, lease, heartbeat_seconds=heartbeat_seconds)
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def partitions(self) -> list[int]:
        """Partitions whose loop is up here, ascending."""
        return self._supervisor.running

    @property
    def settled(self) -> bool:
        """Whether every partition has an owner and none is about to move: for readiness."""
        return self._supervisor.settled

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until ``stopping`` is set, then finish batches, let messages leave, give back."""
        await self._supervisor.run(stopping)

    async def start(self) -> None:
        """Work in the background."""
        assert self._running is None, "started once"
        self._running = asyncio.create_task(self.run(self._stopping), name="broker")

    async def stop(self) -> None:
        """What ``run`` does when it is told to stop. Raises what made it end before."""
        self._stopping.set()
        if self._running is not None:
            await self._running
