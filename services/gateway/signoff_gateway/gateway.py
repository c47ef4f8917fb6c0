"""A whole gateway: puts its parts together, starts them in order and stops them in reverse."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Final
from zlib import crc32

from signoff_gateway.admission import Admission, FixedLimiter
from signoff_gateway.app import App
from signoff_gateway.breaker import Breaker
from signoff_gateway.dialects.camunda.routes import Camunda
from signoff_gateway.dialects.orkes.routes import Orkes
from signoff_gateway.identity.service import Identity, IdentityValues
from signoff_gateway.metrics import Metrics
from signoff_gateway.openapi.documentation import Documentation
from signoff_gateway.pending import Pending
from signoff_gateway.ports import ClusterReader
from signoff_gateway.reads import Reads
from signoff_gateway.sending import Sender
from signoff_gateway.subscriptions import Subscriptions
from signoff_process.clock import Clock
from signoff_process.log.ports import EntryPublisher, Log, LogUnavailable, Subscription
from signoff_schemas.codec import ReplyBatch
from signoff_schemas.frozen import frozen
from signoff_schemas.values import Inbox


@frozen
class GatewayValues:
    """What may be set of a gateway; times in seconds, sizes in bytes."""

    request_timeout: float = 15.0
    """Until a held request is answered 504."""
    in_flight_limit: int = 512
    """Commands in flight per partition."""
    waits_limit: int = 10_000
    """Requests that are held for listeners at a time."""
    body_limit: int = 4 * 1024 * 1024
    body_timeout: float = 30.0
    """In which a whole body must have arrived."""
    drain_timeout: float = 2.0
    """Until a stop no longer waits for what is in flight."""
    version: str = "8.10.0"
    """The version that clients are told."""
    identity: IdentityValues = field(default_factory=IdentityValues)
    """Who may call."""


class Gateway:
    """One gateway on one log. ``asgi`` is served by whoever composes the process.

    Args:
        log: A started log; it stays open when the gateway stops.
        reads: The read side; it stays open too.
        clock: The time.
        new_id: Makes a unique text (a UUID) at each call.
        values: What may be set.
        cluster: Tells who owns what, over a connection of its own: reads that are merely busy must
            not look like a database that is gone. ``reads``, if there is none.
    """

    def __init__(
        self,
        log: Log,
        reads: Reads,
        clock: Clock,
        new_id: Callable[[], str],
        values: GatewayValues = GatewayValues(),
        *,
        cluster: ClusterReader | None = None,
    ) -> None:
        self._log = log
        self._values = values
        self._readers: list[Subscription] = []
        self._publisher: EntryPublisher | None = None
        name = f"g-{new_id()}"
        inbox = Inbox(crc32(name.encode()) % log.inboxes, name)
        self._inbox = inbox
        self.metrics: Final = Metrics()
        partitions = range(1, log.partitions + 1)
        self._admission = Admission(
            {each: FixedLimiter(values.in_flight_limit) for each in partitions}
        )
        self._pending = Pending(
            self._admission,
            clock,
            timeout=values.request_timeout,
            waits_limit=values.waits_limit,
            observe=self.metrics.outcome,
        )
        self._breaker = Breaker(reads if cluster is None else cluster, clock)
        self._sender = Sender(
            inbox,
            partitions=log.partitions,
            breaker=self._breaker,
            admission=self._admission,
            pending=self._pending,
            clock=clock,
            new_id=new_id,
            body_limit=values.body_limit,
        )
        self._identity = Identity(reads, clock, values.identity)
        self._subscriptions = Subscriptions(inbox, log.partitions, clock, new_id)
        camunda = Camunda(
            self._sender,
            self._subscriptions,
            reads,
            self._breaker,
            self.metrics,
            partitions=log.partitions,
            version=values.version,
        )
        orkes = Orkes(self._sender, self._subscriptions, reads, clock, self._identity)
        self.dialects: Final[Sequence[Camunda | Orkes]] = (camunda, orkes)
        self.asgi: Final = App(
            (*self.dialects, Documentation(self.dialects)),
            self._sender,
            self.metrics,
            authenticator=self._identity.authenticator,
            body_limit=values.body_limit,
            body_timeout=values.body_timeout,
        )
        self._show()

    async def start(self) -> None:
        """Listen for replies and jobs, look at the cluster, then take requests.

        Raises: LogUnavailable (it may be called again), LogMismatch.
        """
        inbox, jobs = self._inbox.partition, self._subscriptions
        try:
            self._publisher = await self._log.entry_publisher()
            self._readers.append(await self._log.on_replies(inbox, self._on_replies))
            self._readers.append(await self._log.on_jobs(inbox, jobs.on_jobs))
        except LogUnavailable:
            await self._close()
            raise
        await self._breaker.start(self._publisher)
        jobs.start(self._publisher)
        self._sender.open(self._publisher)

    async def stop(self) -> None:
        """Refuse what is new, let what is under way end within a time, and say goodbye."""
        self._sender.close()
        await self._subscriptions.stop()
        await self._pending.drained(self._values.drain_timeout)
        self._pending.stop()
        await self._breaker.stop()
        await self._identity.close()
        await self._close()
        # Answers that are decided are written in the turns of the loop that follow.
        await asyncio.sleep(0)

    async def _close(self) -> None:
        """Let go of the log."""
        for reader in self._readers:
            await reader.close()
        self._readers.clear()
        if self._publisher is not None:
            await self._publisher.close()
            self._publisher = None

    def _on_replies(self, batch: ReplyBatch) -> None:
        if batch.gateway == self._inbox.gateway:
            self._pending.on_replies(batch)

    def _show(self) -> None:
        gauge = self.metrics.gauge
        partitions = range(1, self._log.partitions + 1)
        gauge(
            "signoff_gateway_in_flight",
            "Commands published and not yet marked by their partition.",
            ("partition",),
            lambda: {(str(each),): self._admission.in_flight(each) for each in partitions},
        )
        gauge(
            "signoff_gateway_in_flight_limit",
            "How many commands may be in flight.",
            ("partition",),
            lambda: {(str(each),): self._admission.limit(each) for each in partitions},
        )
        gauge(
            "signoff_gateway_waits",
            "Requests held until listeners have decided.",
            (),
            lambda: {(): self._pending.waits},
        )
        gauge(
            "signoff_gateway_polls",
            "Job polls that wait.",
            (),
            lambda: {(): self._subscriptions.polls},
        )
