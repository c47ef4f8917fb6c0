"""One batch through load, step, commit and out; when a value cannot be stored, record by record."""

from collections.abc import Iterable, Sequence

import structlog

from signoff_broker.engine.dispatch import Dispatcher
from signoff_broker.engine.step import step, step_timer
from signoff_broker.engine.world import Known, Step, World
from signoff_broker.ports import Assumption, DataError, Held, Loaded
from signoff_broker.runtime import quarantine, queues
from signoff_broker.runtime.batch import BatchBuilder, Offsets
from signoff_broker.runtime.cache import Cache
from signoff_broker.runtime.due import DueTimers, subject_of
from signoff_broker.runtime.limits import Limits
from signoff_broker.runtime.metrics import Metrics
from signoff_broker.runtime.needs import needs_of
from signoff_broker.runtime.relay import Relay
from signoff_broker.runtime.signals import Fact, Signals
from signoff_process.clock import Clock
from signoff_process.log.ports import Arrival
from signoff_schemas.ids import KEY_BITS
from signoff_schemas.timers import ActivateJob, Timer
from signoff_schemas.topics import Inlet

Todo = tuple[Sequence[Arrival], Sequence[Timer]]


class Processor:
    """What a partition's owner has in memory, and how a batch changes it.

    ``position``, ``now``, ``offsets`` and ``last_key`` are as of the last commit.
    """

    def __init__(
        self, held: Held, *, clock: Clock, limits: Limits, metrics: Metrics, signals: Signals
    ) -> None:
        recovery = held.recovery
        self.partition = held.partition
        self.position = recovery.position
        self.now = recovery.now
        self.last_key: int = recovery.last_key
        self.offsets = Offsets(recovery.commands_offset, recovery.results_offset)
        self.dispatcher = Dispatcher(held.partition, waits_max=limits.waits_max)
        self.due = DueTimers(held.store, limits.timers_max, self.dispatcher.is_orphan)
        self.store = held.store
        self._clock = clock
        self._limits = limits
        self._metrics = metrics
        self._signals = signals
        self._log = structlog.get_logger().bind(partition=held.partition)
        self._carried: list[ActivateJob] = []
        """Planned, but the instance was not loaded: it is with the next batch."""
        self._activations: list[ActivateJob] = []
        self._changed: set[int] = set()
        self._assumed: Assumption | None = None
        """Of the batch that is under way, if that saved the load."""
        self._touched: set[int] = set()
        self._must_load = True
        """Until the settings were read."""
        self._begin_world()

    @property
    def restless(self) -> bool:
        """Whether there is work without any new record."""
        return bool(self._carried or self.dispatcher.restless or self.dispatcher.short())

    @property
    def cached(self) -> int:
        """Instances in memory."""
        return len(self._world.instances)

    def tick(self) -> int:
        """The time, epoch milliseconds: never before that of an earlier step."""
        return max(self.now, self._clock.now_ms())

    def monotonic_ms(self) -> int:
        """For whatever is about silence and not about tasks."""
        return int(self._clock.monotonic() * 1000)

    async def restore(self) -> None:
        """Begin with nothing in memory but what was committed."""
        self._begin_world()
        await self._restore_queues()

    async def _restore_queues(self) -> None:
        self._carried = []
        await queues.restore(self.dispatcher, self.store, self.monotonic_ms())
        await self.due.restore()

    async def refill(self) -> None:
        """Load the front of queues of which only the store knows."""
        await queues.refill(self.dispatcher, self.store)

    async def process(
        self, work: Sequence[Arrival], timers: Sequence[Timer], offsets: Offsets, relay: Relay
    ) -> None:
        """Process a batch as a whole; if that cannot be stored, record by record.

        If its steps make too much for one transaction, it takes several, each a batch of its own.
        """
        todo: Todo = (work, timers)
        try:
            todo = await self._process_surely(todo, offsets, relay, self._limits.activations_max)
            while any(todo):
                todo = await self._process_surely(todo, offsets, relay, 0)
        except DataError as error:
            work, timers = todo
            self._log.warning("batch_unstorable", records=len(work), error=str(error)[:500])
            activations = len(self._activations)
            await self.restore()
            await self.process_singly(work, relay)
            await self._timers_singly(timers, activations, relay)

    async def process_singly(
        self, work: Iterable[Arrival], relay: Relay, *, tries: int = 0
    ) -> None:
        """Commit each record by itself, and quarantine what cannot be stored.

        With ``tries``, how often the first one was noted, each of the others is noted too before
        it is stepped: a record at which processes died is quarantined without another try.
        """
        suspects = tries > 0
        for index, arrival in enumerate(work):
            offsets = self.offsets.after(arrival)
            if suspects and index:
                # Once for the batch that it was in when somebody died, and once for now.
                await self.store.suspect(arrival.inlet, arrival.offset)
                tries = await self.store.suspect(arrival.inlet, arrival.offset)
            if tries >= self._limits.deaths_max:
                error = f"{tries} processes died at this record"
                await self._quarantine(arrival, offsets, error, relay)
                continue
            try:
                await self._process_surely(([arrival], ()), offsets, relay, 0)
            except DataError as error:
                await self.restore()
                await self._quarantine(arrival, offsets, error, relay)

    async def mark(self, offsets: Offsets, relay: Relay) -> None:
        """Commit a row that only moves the offsets."""
        builder = self._builder(offsets)
        builder.mark(self.offsets, self.last_key)
        await self._commit(builder, relay)

    # -- load --------------------------------------------------------------------------------

    async def _process_surely(
        self, todo: Todo, offsets: Offsets, relay: Relay, matches: int
    ) -> Todo:
        """Process a batch; again, and with a load, if it assumed what is not true."""
        try:
            return await self._process(todo, offsets, relay, matches)
        except DataError:
            if not self._assumed:
                raise
            await self._unwind()
            return await self._process(todo, offsets, relay, matches)

    async def _process(self, todo: Todo, offsets: Offsets, relay: Relay, matches: int) -> Todo:
        """Gives what was not stepped, because there was too much already."""
        work, timers = todo
        activations: list[ActivateJob] = []
        if matches:
            activations = self._carried + self.dispatcher.match(self.monotonic_ms(), matches)
            self._carried = []
        self._activations = activations
        if not (work or timers or activations):
            self._send_rings(relay)
            return (), ()
        self._assumed = None
        await self._load(work, (*timers, *activations))
        builder = self._builder(offsets)
        builder.batch.assumed = self._assumed
        # Anew for each try: a step takes out what it has settled.
        self._world.starts = dict(self.due.starts)
        left = self._step_all(builder, todo)
        if matches:
            self._activate(builder, activations, matches)
        self._signals.tell(Fact.STEPPED, self.partition, builder.position - 1)
        await self._commit(builder, relay)
        self._tidy_cache()
        return left

    async def _load(self, work: Sequence[Arrival], timers: Sequence[Timer]) -> None:
        world = self._world
        world.known.clear()
        self._touched.clear()
        self._before = world.settings
        needs = needs_of(work, timers)
        index, own = world.index, self.partition
        missing = [key for key in needs.keys if key not in index and key >> KEY_BITS == own]
        if not (missing or needs.doubtful or self._must_load):
            self._assumed = Assumption(needs.ids, world.settings.version)
            return
        loaded = await self.store.load(missing, needs.ids)
        self._admit(loaded)
        waiting = {each.instance_key for each in loaded.known.values() if each.outcome is None}
        late = [key for key in waiting if key is not None and key not in index]
        if late:
            self._admit(await self.store.load(late, ()))
        if loaded.settings_version != world.settings.version:
            world.settings = self._before = await self.store.settings()
        self._must_load = False

    async def _unwind(self) -> None:
        """Forget what a batch did that was not committed; the next one loads what it needs."""
        world = self._world
        for key in self._touched:
            world.drop(key)
        self._changed.update(self._touched)
        world.settings = self._before
        world.last_key = self.last_key
        self._must_load = True
        await self._restore_queues()

    def _admit(self, loaded: Loaded) -> None:
        self._world.admit(loaded.instances)
        self._world.remember(loaded.known)
        self._changed.update(each.process.key for each in loaded.instances)

    # -- step --------------------------------------------------------------------------------

    def _step_all(self, builder: BatchBuilder, todo: Todo) -> Todo:
        (work, timers), bytes_max = todo, self._limits.batch_bytes_max
        for count, arrival in enumerate(work, 1):
            self._step(builder, arrival)
            if builder.bytes > bytes_max and count < len(work):
                builder.end_early(self.offsets, work[:count])
                return work[count:], timers
        for count, timer in enumerate(timers, 1):
            self._step_timer(builder, timer)
            if builder.bytes > bytes_max:
                return (), timers[count:]
        return (), ()

    def _step(self, builder: BatchBuilder, arrival: Arrival) -> None:
        entry = arrival.entry
        assert entry is not None, "rubbish is never stepped"
        try:
            made = step(self._world, entry, now=builder.now, position=builder.position)
        except Exception as error:  # noqa: BLE001 - wrong with us and this record: the others go on
            self._log.exception("step_failed", command=entry.id, body=entry.body.type)
            row = builder.unstepped(arrival, self._world.last_key)
            row = quarantine.quarantined(row, arrival, error)
            builder.add_row(row)
            self._world.remember({entry.id: Known(row.outcome, entry.fingerprint)})
            self._metrics.quarantined += 1
        else:
            builder.add(made, arrival, self._world.last_key)
            self._follow(made)

    def _step_timer(self, builder: BatchBuilder, timer: Timer) -> None:
        try:
            made = step_timer(self._world, timer, now=builder.now, position=builder.position)
        except Exception as error:  # noqa: BLE001 - as above
            self._log.exception("timer_failed", key=subject_of(timer), body=timer.type)
            self._shun(builder, timer, error)
        else:
            builder.add_timer(made, self._world.last_key)
            self._follow(made)

    def _activate(
        self, builder: BatchBuilder, planned: Sequence[ActivateJob], matches: int
    ) -> None:
        """Activate what was planned before the load, and then what the steps themselves queued.

        What would be too much for one transaction is with the next batch.
        """
        index = self._world.index
        bytes_max = builder.bytes + self._limits.batch_bytes_max
        loaded = {each.job_key for each in planned}
        new = self.dispatcher.match(self.monotonic_ms(), max(0, matches - len(planned)))
        for each in (*planned, *new):
            key = each.job_key
            if not self.dispatcher.is_planned(key):
                continue
            if builder.bytes > bytes_max:
                self._carried.append(each)
                continue
            if key in index:
                self._step_timer(builder, each)
            elif key not in loaded:
                self._carried.append(each)
                continue
            # No-op for a job that is activated now: the plan is fulfilled.
            self.dispatcher.forget(key)

    def _follow(self, made: Step) -> None:
        touched = made.touched
        if made.subject_key is not None:
            self._touched.add(made.subject_key)
        if touched.jobs:
            jobs, waited = touched.jobs.values(), touched.waited
            self.dispatcher.observe(jobs, waited, self.monotonic_ms())
        self.due.note(touched)
        if made.subject_key is not None and (touched.variables or touched.processes):
            self._changed.add(made.subject_key)

    # -- commit ------------------------------------------------------------------------------

    async def _commit(self, builder: BatchBuilder, relay: Relay) -> None:
        steps = builder.batch.steps
        if builder.loose and not steps:
            # What was refused for want of room must not come again and find some.
            builder.mark(self.offsets, self.last_key)
        if steps:
            began = self._clock.monotonic()
            await self.store.commit(builder.batch)
            self.position = steps[-1].position
            self.now = builder.now
            self.offsets = builder.offsets
            self.last_key = self._world.last_key
            metrics = self._metrics
            metrics.steps += len(steps)
            metrics.batches += 1
            metrics.batch_size.observe(len(steps))
            metrics.commit_seconds.observe(self._clock.monotonic() - began)
            self._signals.tell(Fact.COMMITTED, self.partition, self.position)
            self.dispatcher.committed()
            relay.offer(steps, builder.loose)
        self._send_rings(relay)

    def _send_rings(self, relay: Relay) -> None:
        if rings := self.dispatcher.rings(self.monotonic_ms()):
            relay.offer((), rings)

    # -- when something cannot be stored -----------------------------------------------------

    async def _timers_singly(self, timers: Sequence[Timer], activations: int, relay: Relay) -> None:
        for timer in timers:
            await self._timer_alone(timer, relay)
        for _ in range(activations):
            try:
                await self._process(((), ()), self.offsets, relay, 1)
            except DataError as error:
                culprits = self._activations
                await self.restore()
                for each in culprits:
                    await self._give_up(each, error, relay)

    async def _timer_alone(self, timer: Timer, relay: Relay) -> None:
        try:
            await self._process(((), [timer]), self.offsets, relay, 0)
        except DataError as error:
            await self.restore()
            await self._give_up(timer, error, relay)

    async def _give_up(self, timer: Timer, error: Exception, relay: Relay) -> None:
        builder = self._builder(self.offsets)
        self._shun(builder, timer, error)
        await self._commit(builder, relay)

    def _shun(self, builder: BatchBuilder, timer: Timer, error: Exception) -> None:
        self.due.shun(timer)
        builder.add_row(
            quarantine.failed_timer(
                builder.marker(Inlet.TIMER, 0, self._world.last_key), timer, error
            )
        )
        self._metrics.quarantined += 1

    async def _quarantine(
        self, arrival: Arrival, offsets: Offsets, error: Exception | str, relay: Relay
    ) -> None:
        self._metrics.quarantined += 1
        inlet, why = arrival.inlet.name, quarantine.describe(error)
        self._log.error("record_quarantined", inlet=inlet, offset=arrival.offset, error=why)
        builder = self._builder(offsets)
        row = quarantine.quarantined(builder.unstepped(arrival, self.last_key), arrival, error)
        builder.add_row(row)
        try:
            await self._commit(builder, relay)
        except DataError:
            builder = self._builder(offsets)
            builder.add_row(quarantine.bare(row))
            await self._commit(builder, relay)

    # -- inside ------------------------------------------------------------------------------

    def _builder(self, offsets: Offsets) -> BatchBuilder:
        return BatchBuilder(self.position + 1, self.tick(), offsets)

    def _begin_world(self) -> None:
        """With settings of version 0, which the next load replaces."""
        self._world = World(self.partition, last_key=self.last_key)
        self._world.exhausted = self.dispatcher.exhausted
        limits = self._limits
        self._cache = Cache(
            self._world, instances_max=limits.instances_max, bytes_max=limits.cache_bytes_max
        )
        self._changed.clear()
        self._before = self._world.settings  # before the batch that is under way
        self._must_load = True

    def _tidy_cache(self) -> None:
        if self._changed:
            self._cache.weigh(self._changed)
            self._changed.clear()
            self._cache.trim()
