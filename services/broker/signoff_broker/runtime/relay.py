"""What was committed leaves: in the order of its steps, while the loop works on the next batch.

Everything that waits leaves together: replies as one batch a gateway, jobs as one a subscriber,
events as one a step. Sending twice is allowed, losing is not: a batch is tried until the log has
it, and after a takeover everything behind the cursor leaves again.
"""

import asyncio
from collections.abc import Sequence

import structlog

from signoff_broker.engine.world import Outgoing
from signoff_broker.ports import StepRow, Store
from signoff_broker.runtime.metrics import Metrics
from signoff_broker.runtime.signals import Fact, Signals
from signoff_process.log.ports import Addressed, LogUnavailable, Publisher
from signoff_schemas.codec import EventBatch, JobBatch, ReplyBatch
from signoff_schemas.documents import DocumentSet
from signoff_schemas.events import Event
from signoff_schemas.jobs import JobPush, Ring
from signoff_schemas.replies import Reply, Waiting

CATCH_UP_ROWS = 1_000
RETRY_SECONDS = 0.05
RETRY_SECONDS_MAX = 2.0


class Relay:
    """The way out of one partition.

    Args:
        partition: Whose messages these are.
        publisher: Where they go.
        publish_events: Whether events are built at all: a log without readers needs none.
        steps_max: Steps that may wait before ``room`` makes the loop wait.
        metrics: Where retries are counted.
        signals: Who is told that a position has left.
    """

    def __init__(
        self,
        partition: int,
        publisher: Publisher,
        *,
        publish_events: bool,
        steps_max: int,
        metrics: Metrics,
        signals: Signals,
    ) -> None:
        self._partition = partition
        self._publisher = publisher
        self._publish_events = publish_events
        self._steps_max = steps_max
        self._metrics = metrics
        self._signals = signals
        self._rows: list[StepRow] = []
        self._loose: list[Outgoing] = []
        self._offered = asyncio.Event()
        self._left = asyncio.Event()
        self._under_way = 0
        self._busy = True
        """Until it has caught up with what a crash kept from leaving."""
        self.relayed = 0
        """The last position whose messages have left."""

    @property
    def lag(self) -> int:
        """How many committed steps have not left."""
        return len(self._rows) + self._under_way

    def offer(self, rows: Sequence[StepRow], loose: Sequence[Outgoing]) -> None:
        """Hand over committed steps, and messages that need no step, in order."""
        self._rows += rows
        self._loose += loose
        self._offered.set()

    async def room(self) -> None:
        """Return when there is room for another batch."""
        while self.lag > self._steps_max:
            await self._until_something_left()

    async def flush(self) -> None:
        """Return when everything that was offered has left."""
        while self._busy or self._rows or self._loose:
            await self._until_something_left()

    async def run(self, store: Store, relayed: int, newest: int) -> None:
        """Send what is behind the cursor, then what is offered, until cancelled."""
        self.relayed = relayed
        while self.relayed < newest:
            rows = await store.unrelayed(self.relayed, CATCH_UP_ROWS)
            await self._send(rows, ())
            self._note(rows[-1].position if rows else newest)
        while True:
            self._busy = False
            self._left.set()
            await self._offered.wait()
            self._offered.clear()
            self._busy = True
            rows, self._rows = self._rows, []
            loose, self._loose = self._loose, []
            self._under_way = len(rows)
            await self._send(rows, loose)
            self._under_way = 0
            if rows:
                self._note(rows[-1].position)

    async def _until_something_left(self) -> None:
        self._left.clear()
        await self._left.wait()

    def _note(self, position: int) -> None:
        self.relayed = position
        self._signals.tell(Fact.RELAYED, self._partition, position)

    async def _send(self, rows: Sequence[StepRow], loose: Sequence[Outgoing]) -> None:
        batches = address(self._partition, rows, loose, events=self._publish_events)
        pause = RETRY_SECONDS
        while batches:
            try:
                await self._publisher.publish(batches)
            except LogUnavailable as error:
                self._metrics.relay_retries += 1
                structlog.get_logger().warning(
                    "relay_waits", partition=self._partition, steps=self.lag, error=str(error)
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_SECONDS_MAX)
            except Exception as error:  # noqa: BLE001 - one message must not hold up the others
                batches = await self._without_culprit(batches, error)
            else:
                return

    async def _without_culprit(
        self, batches: Sequence[Addressed], error: Exception
    ) -> list[Addressed]:
        """Send batches one by one until one fails by its own fault; returns what is behind it."""
        for index, each in enumerate(batches):
            try:
                await self._publisher.publish([each])
            except LogUnavailable:
                return list(batches[index:])
            except Exception as own:  # noqa: BLE001 - as above: it is dropped by name
                self._metrics.unsendable += 1
                structlog.get_logger().error(
                    "message_unsendable", partition=self._partition, error=str(own)[:500]
                )
                return list(batches[index + 1 :])
        structlog.get_logger().warning(
            "publish_failed_once", partition=self._partition, error=str(error)[:500]
        )
        return []


def address(
    partition: int, rows: Sequence[StepRow], loose: Sequence[Outgoing], *, events: bool
) -> list[Addressed]:
    """Messages and events as batches: one a gateway, one a subscriber, one a step with events."""
    replies: dict[tuple[int, str], list[Reply | Waiting]] = {}
    jobs: dict[tuple[int, str], list[JobPush | Ring]] = {}
    for outgoing in (*(each for row in rows for each in row.messages), *loose):
        message = outgoing.message
        if isinstance(message, (Reply, Waiting)):
            replies.setdefault((outgoing.partition, message.gateway), []).append(message)
        else:
            jobs.setdefault((outgoing.partition, message.subscriber), []).append(message)
    # model_construct: the items are records already, and checking them again costs most of this.
    found: list[Addressed] = [
        (to, ReplyBatch.model_construct(gateway=gateway, items=tuple(items)))
        for (to, gateway), items in replies.items()
    ]
    found += [
        (to, JobBatch.model_construct(subscriber=subscriber, items=tuple(items)))
        for (to, subscriber), items in jobs.items()
    ]
    if events:
        found += [(partition, _events_of(partition, row)) for row in rows if row.events]
    return found


def _events_of(partition: int, row: StepRow) -> EventBatch:
    return EventBatch.model_construct(
        partition=partition,
        position=row.position,
        command_id=row.command_id,
        actor=row.principal,
        at=row.now,
        items=tuple(map(_published, row.events)),
    )


def _published(event: Event) -> Event:
    """As readers of the log may see it: what documents hold, secrets too, is for the store only."""
    return event.model_copy(update={"content": {}}) if isinstance(event, DocumentSet) else event
