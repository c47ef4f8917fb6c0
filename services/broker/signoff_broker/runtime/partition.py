"""The loop of one partition: fetch → load → step → commit → relay.

    fetch    results, then commands; woken early by timers and by the queue of jobs
    credit   subscriptions go to the dispatcher: no step, at most one marker row a second
    load     instances that are not in memory, what is on record of command ids, settings version;
             commands that should be new, on instances in memory, go without: the commit checks
    step     every entry, due timer and activation, in one go, without awaiting
    commit   one transaction: state, rows, offsets
    relay    messages and events leave while the next batch is on its way

The owner is alone, so the world is kept from batch to batch. Whatever goes wrong with a commit, the
world is dropped: by ``run`` raising, after which the supervisor takes the partition again, or, when
a value could not be stored, by going through the batch once more, one record at a time.

Careful mode. A record at which the process dies comes again, and would take down one owner after
the other. So whoever takes a partition from an owner that did not give it back notes the beginning
of each of the first batches durably before stepping it. A batch at which somebody died already goes
one record at a time, each noted; the third death at one of them is its last. A batch of which a
part was committed begins with another record the next time: that takes some owners more. Where
records die with the process, nobody is suspected: what comes under the same offset is another one.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import field

import structlog

from signoff_broker.ports import Fenced, Held
from signoff_broker.runtime import quarantine
from signoff_broker.runtime.batch import Offsets
from signoff_broker.runtime.ending import soon
from signoff_broker.runtime.limits import Limits
from signoff_broker.runtime.metrics import Metrics, PartitionMetrics
from signoff_broker.runtime.processor import Processor
from signoff_broker.runtime.relay import Relay
from signoff_broker.runtime.signals import SILENT, Signals
from signoff_process.clock import Clock
from signoff_process.log.ports import Arrival, CommandSource, Log, LogUnavailable, Publisher
from signoff_schemas.frozen import frozen
from signoff_schemas.results import Goodbye, Subscription

# With nothing to read for so long, whatever killed the owner before is not there any more.
CAREFUL_IDLE_MS = 5_000


def _always() -> bool:
    return True


@frozen
class Surroundings:
    """What all partitions of a broker share."""

    log: Log
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    publish_events: bool = True
    metrics: Metrics = field(default_factory=Metrics)
    signals: Signals = SILENT
    holds_lease: Callable[[], bool] = _always
    """Whether this broker's lease still runs, by its own clock."""


class Partition:
    """One partition while this broker owns it.

    Args:
        held: What ``Ownership.take`` gave; its store is closed by whoever took it.
        around: What it shares with the broker's other partitions.
        survived: This process itself had the partition before: nobody died of a record.
    """

    def __init__(self, held: Held, around: Surroundings, *, survived: bool = False) -> None:
        self.number = held.partition
        self.epoch = held.epoch
        self._held = held
        self._around = around
        self._limits = around.limits
        self._processor = Processor(
            held,
            clock=around.clock,
            limits=around.limits,
            metrics=around.metrics,
            signals=around.signals,
        )
        self._consumed = self._processor.offsets
        self._stopping = False
        self._survived = survived
        deadly = held.unclean and not survived and around.log.durable
        self._careful = 2 * around.limits.batch_max if deadly else 0
        """How many more records are taken up in batches whose beginning is noted before."""
        self._batch = 1 if held.unclean else around.limits.batch_max
        """Records in the next fetch. Not given back, so dropped: perhaps because a batch took
        longer than the store waits. So it comes again in pieces, each twice the one before."""
        self._began_at = 0
        self._marked_at = 0
        self._heard_at = 0
        self._source: CommandSource | None = None

    async def run(self) -> None:
        """Work until ``stop``; then everything is committed and, if the log is there, has left.

        Raises: StoreError, LogUnavailable, LogMismatch; whatever it is, the partition is to be
        taken again, and nothing that was committed is lost.
        """
        log, offsets = self._around.log, self._processor.offsets
        source = await log.source(self.number, offsets.commands, offsets.results)
        self._source = source
        try:
            publisher = await log.publisher()
            try:
                await self._work(source, publisher)
            finally:
                await soon(publisher.close(), f"publisher {self.number}")
        finally:
            self._source = None
            self._around.metrics.partitions.pop(self.number, None)
            await soon(source.close(), f"source {self.number}")

    def stop(self) -> None:
        """Let ``run`` finish its batch and return."""
        self._stopping = True
        if self._source is not None:
            self._source.wake()

    async def _work(self, source: CommandSource, publisher: Publisher) -> None:
        around, recovery = self._around, self._held.recovery
        relay = Relay(
            self.number,
            publisher,
            publish_events=around.publish_events,
            steps_max=self._limits.relay_max,
            metrics=around.metrics,
            signals=around.signals,
        )
        try:
            async with asyncio.TaskGroup() as group:
                beside = [
                    group.create_task(
                        relay.run(self._held.store, recovery.relayed, recovery.position)
                    ),
                    group.create_task(self._keep(source, relay)),
                ]
                await self._loop(source, relay)
                await self._leave(source, relay)
                for each in beside:
                    each.cancel()
        except BaseExceptionGroup as errors:
            # One reason is enough: the others follow from it.
            raise errors.exceptions[0] from errors

    async def _loop(self, source: CommandSource, relay: Relay) -> None:
        processor = self._processor
        await processor.restore()
        if self._survived:
            await processor.store.acquit()
        self._began_at = self._heard_at = processor.monotonic_ms()
        while not self._stopping:
            await processor.refill()
            arrivals = await source.fetch(self._batch, self._wait_ms())
            self._batch = min(2 * self._batch, self._limits.batch_max)
            if not self._around.holds_lease():
                raise Fenced("the lease could not be prolonged in time")
            await relay.room()
            await self._take_up(arrivals, relay)

    async def _take_up(self, arrivals: Sequence[Arrival], relay: Relay) -> None:
        processor = self._processor
        work = self._sort(arrivals)
        self._listen_for_silence()
        timers = await processor.due.take(processor.tick())
        if self._careful:
            rest = await self._take_up_suspects(work, relay)
            await processor.process(rest, timers, self._consumed, relay)
            await self._calm_down(len(work))
        else:
            await processor.process(work, timers, self._consumed, relay)
        await processor.due.settle(processor.tick())
        await self._mark_sometimes(relay)

    async def _take_up_suspects(self, work: Sequence[Arrival], relay: Relay) -> Sequence[Arrival]:
        """Note where a batch begins; returns what of it may be taken up as a whole."""
        if not work:
            return work
        processor = self._processor
        tries = await processor.store.suspect(work[0].inlet, work[0].offset)
        if tries == 1:
            return work
        await processor.process_singly(work, relay, tries=tries)
        return ()

    async def _calm_down(self, survived: int) -> None:
        processor = self._processor
        self._careful = max(0, self._careful - survived)
        quiet = processor.monotonic_ms() - self._began_at >= CAREFUL_IDLE_MS
        if not self._careful or (quiet and not survived):
            self._careful = 0
            await processor.store.acquit()

    def _sort(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Give credit to the dispatcher and rubbish to the logs; the rest is to be stepped."""
        if not arrivals:
            return []
        work: list[Arrival] = []
        inboxes = self._around.log.inboxes
        for arrival in arrivals:
            if why := quarantine.why_rubbish(arrival, self.number, inboxes):
                self._around.metrics.rubbish += 1
                structlog.get_logger().warning(
                    "record_is_rubbish",
                    partition=self.number,
                    inlet=arrival.inlet.name,
                    offset=arrival.offset,
                    error=quarantine.describe(why)[:300],
                )
            elif not self._is_credit(arrival):
                work.append(arrival)
        # Offsets ascend within an inlet, so the last record of each says how far it is.
        last = {arrival.inlet: arrival for arrival in arrivals}
        for arrival in last.values():
            self._consumed = self._consumed.after(arrival)
        return work

    def _is_credit(self, arrival: Arrival) -> bool:
        processor = self._processor
        body = arrival.entry.body if arrival.entry else None
        if isinstance(body, Subscription):
            processor.dispatcher.subscribe(body, processor.monotonic_ms())
            return True
        if isinstance(body, Goodbye):
            processor.due.give_back(processor.dispatcher.goodbye(body.subscriber))
            return True
        return False

    def _listen_for_silence(self) -> None:
        now = self._processor.monotonic_ms()
        if now - self._heard_at >= self._limits.idle_ms:
            self._heard_at = now
            self._processor.due.give_back(self._processor.dispatcher.silent(now))

    def _wait_ms(self) -> int:
        """How long ``fetch`` may wait for a record."""
        processor = self._processor
        if self._stopping or processor.restless:
            return 0
        due = processor.due.wait_ms(processor.tick())
        idle = self._limits.idle_ms
        return idle if due is None else min(idle, due)

    async def _mark_sometimes(self, relay: Relay) -> None:
        """Rows move the offsets; without any, a marker row does, at most once a second."""
        processor = self._processor
        if self._consumed != processor.offsets:
            now = processor.monotonic_ms()
            if now - self._marked_at >= self._limits.marker_ms:
                self._marked_at = now
                await processor.mark(self._consumed, relay)

    async def _leave(self, source: CommandSource, relay: Relay) -> None:
        """After the last batch of a clean stop: nothing is to be done twice by the next owner."""
        processor = self._processor
        if self._consumed != processor.offsets:
            await processor.mark(self._consumed, relay)
        if self._careful:
            await processor.store.acquit()
        with suppress(TimeoutError):
            await asyncio.wait_for(relay.flush(), self._limits.flush_ms / 1000)
        await self._move_cursors(source, relay)

    async def _keep(self, source: CommandSource, relay: Relay) -> None:
        """Beside the loop: cursors, gauges, retention."""
        processor, limits = self._processor, self._limits
        pruned_at = processor.monotonic_ms()
        while True:
            self._measure(relay)
            await asyncio.sleep(limits.marker_ms / 1000)
            await self._move_cursors(source, relay)
            if processor.monotonic_ms() - pruned_at >= limits.prune_ms:
                pruned_at = processor.monotonic_ms()
                await processor.store.prune(processor.tick())

    async def _move_cursors(self, source: CommandSource, relay: Relay) -> None:
        processor = self._processor
        await processor.store.relayed(relay.relayed)
        with suppress(LogUnavailable):
            offsets: Offsets = processor.offsets
            await source.mirror(offsets.commands, offsets.results)

    def _measure(self, relay: Relay) -> None:
        processor = self._processor
        now = processor.tick()
        backlog = {
            job_type: (count, max(0, now - oldest) / 1000 if oldest else 0.0)
            for job_type, (count, oldest) in processor.dispatcher.backlog().items()
        }
        self._around.metrics.partitions[self.number] = PartitionMetrics(
            position=processor.position,
            relay_lag=relay.lag,
            backlog=backlog,
            cached=processor.cached,
        )
