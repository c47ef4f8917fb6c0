"""A broker on memory adapters with one caller and one worker, and faults at a chosen call."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from signoff_broker.memory.ownership import MemoryOwnership
from signoff_broker.memory.store import MemoryDatabase, Partition
from signoff_broker.ports import ClusterView, CommitUnknown, Held, StepRow, StoreUnavailable
from signoff_broker.runtime.limits import Limits
from signoff_broker.runtime.signals import AwaitableSignals
from signoff_broker.wiring import Broker
from signoff_process.clock import Clock, SystemClock
from signoff_process.log.memory import MemoryLog
from signoff_process.log.ports import LogUnavailable
from signoff_schemas.codec import JobBatch, ReplyBatch
from signoff_schemas.commands import Command
from signoff_schemas.envelope import Entry
from signoff_schemas.jobs import ActivatedJob, JobPush, Ring
from signoff_schemas.principal import ADMIN, Principal
from signoff_schemas.replies import Outcome, Reply, Waiting
from signoff_schemas.results import CompleteJob, Goodbye, Grant, Subscription, WorkerResult
from signoff_schemas.topics import Inlet
from signoff_schemas.values import Inbox

DEMO = Principal("demo", roles=(ADMIN,))
QUICK = Limits(idle_ms=20, marker_ms=20, prune_ms=20, flush_ms=500)
HEARTBEAT_SECONDS = 0.01
LEASE_SECONDS = 60.0
"""A test that is held up has lost nothing: what a broker is to lose, tests take from it."""
RETRY_SECONDS = 5.0
"""Longer than a process is kept waiting: a repetition is a record of its own."""
SOON_SECONDS = 0.1
"""Where things are lost on purpose."""
GATEWAY = Inbox(0, "g1")
JOBS_INBOX = 1


async def eventually(fact: Callable[[], object]) -> None:
    """Return when it is so: for facts that nobody signals."""
    async with asyncio.timeout(30):
        while not fact():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)


@dataclass
class Faults:
    """Counts the broker's calls to the outside, and lets the ``at``-th one go wrong."""

    at: int = 0
    after: bool = False
    """Whether the call still has its effect."""
    die: bool = False
    """Whether the process dies of it, instead of hearing an error."""
    calls: int = 0
    failed: str = ""
    died: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, name: str, call: Callable[[], Awaitable[Any]], error: Exception) -> Any:
        self.calls += 1
        if self.calls != self.at:
            return await call()
        self.failed = name
        if self.after:
            await call()
        if self.die:
            self.died.set()
            await asyncio.Event().wait()
        raise error


class Faulty:
    """Anything asynchronous, with faults in its calls."""

    def __init__(self, inner: Any, faults: Faults, error: type[Exception]) -> None:
        self._inner = inner
        self._faults = faults
        self._error = error

    def __getattr__(self, name: str) -> Any:
        method: Any = getattr(self._inner, name)
        if name in ("close", "wake", "inboxes", "partitions", "durable"):
            return method

        async def guarded(*args: Any) -> Any:
            error = CommitUnknown if name == "commit" and self._faults.after else self._error
            found = await self._faults.call(name, lambda: method(*args), error(name))
            if isinstance(found, Held):
                store: Any = Faulty(found.store, self._faults, StoreUnavailable)
                return replace(found, store=store)
            return Faulty(found, self._faults, self._error) if hasattr(found, "close") else found

        return guarded


class Caller:
    """Asks until it is answered, as a client does that never gives up: under the same id."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.replies: list[Reply | Waiting] = []
        self.asked: list[Entry] = []
        self.check: Callable[[Reply], None] = lambda _: None
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._count = 0

    def receive(self, batch: ReplyBatch) -> None:
        for message in batch.items:
            self.replies.append(message)
            if isinstance(message, Reply):
                self.check(message)
                waiter = self._waiting.get(message.command_id)
                if waiter and not waiter.done():
                    waiter.set_result(message.outcome)

    def entry(self, body: Command | WorkerResult, **given: Any) -> Entry:
        self._count += 1
        values: dict[str, Any] = {
            "id": f"c1-{self._count}",
            "request_id": f"r{self._count}",
            "partition": 1,
            "principal": DEMO,
            "inbox": GATEWAY,
            "issued_at": int(time.time() * 1000),
            "body": body,
        }
        return Entry(**{**values, **given})

    def send(self, entry: Entry, inlet: Inlet = Inlet.COMMANDS) -> None:
        self.log.append(inlet, entry)

    async def ask(self, body: Command | WorkerResult, *, again: float = RETRY_SECONDS) -> Outcome:
        entry = self.entry(body)
        self.asked.append(entry)
        return await self.insist(entry, again=again)

    async def insist(self, entry: Entry, *, again: float = RETRY_SECONDS) -> Outcome:
        """Send it until it is answered (again)."""
        waiter = self._waiting[entry.id] = asyncio.get_running_loop().create_future()
        while True:
            self.send(entry)
            with suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(waiter), again)
            self._count += 1
            entry = entry.model_copy(update={"request_id": f"r{self._count}"})


class Worker:
    """Grants credit for one job type, and completes what comes, unless it is told to keep it."""

    def __init__(self, log: MemoryLog, job_type: str, *, credit: int = 5, name: str = "w") -> None:
        self.log = log
        self.job_type = job_type
        self.credit = credit
        self.name = name
        self.keep = False
        self.timeout_ms = 60_000
        self.jobs: list[ActivatedJob] = []
        self.rings: list[Ring] = []
        self.got_job = asyncio.Event()
        self.beats = 0

    def receive(self, batch: JobBatch) -> None:
        for message in batch.items:
            if isinstance(message, Ring):
                self.rings.append(message)
            elif isinstance(message, JobPush) and message.subscriber == self.name:
                self.jobs.append(message.job)
                self.got_job.set()
                if not self.keep:
                    self.complete(message.job)

    def complete(self, job: ActivatedJob) -> None:
        self._say(CompleteJob(job_key=job.job_key, lease_token=job.lease_token))

    def beat(self) -> None:
        grant = Grant("s", self.job_type, self.credit, worker="test", timeout_ms=self.timeout_ms)
        self._say(
            Subscription(
                subscriber=self.name, inbox=JOBS_INBOX, grants=(grant,), received=len(self.jobs)
            )
        )

    def leave(self) -> None:
        self._say(Goodbye(subscriber=self.name))

    async def run(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(0.02)

    def _say(self, body: WorkerResult) -> None:
        self.beats += 1
        entry = Entry(
            id=f"c1-{self.name}-{self.beats}",
            request_id=f"{self.name}-{self.beats}",
            partition=1,
            principal=DEMO,
            issued_at=int(time.time() * 1000),
            body=body,
        )
        self.log.append(Inlet.RESULTS, entry)


class Process(MemoryOwnership):
    """Ownership of a broker that can die: from then on it says nothing."""

    def __init__(self, database: MemoryDatabase, name: str) -> None:
        super().__init__(database, name)
        self.name = name
        self.dead = False
        self.wrap: Callable[[Any], Any] = lambda store: store
        self._rows = database.partitions

    async def _only_alive(self) -> None:
        if self.dead:
            await asyncio.Event().wait()

    async def heartbeat(self) -> ClusterView:
        await self._only_alive()
        return await super().heartbeat()

    async def take(self, partition: int) -> Held | None:
        await self._only_alive()
        unclean = bool(self._rows[partition].owner)
        held = await super().take(partition)
        return None if held is None else replace(held, unclean=unclean, store=self.wrap(held.store))

    async def release(self, partition: int) -> None:
        if not self.dead:
            await super().release(partition)

    async def close(self) -> None:
        if not self.dead:
            await super().close()


class LastingLog(MemoryLog):
    """A log in memory that outlives the brokers of a test, as one outside of them does."""

    durable = True


@dataclass
class Stack:
    """A database and a log that outlive brokers, and the broker that runs now."""

    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    log: MemoryLog = field(default_factory=lambda: LastingLog(1, 2))
    limits: Limits = QUICK
    clock: Clock = field(default_factory=SystemClock)
    signals: AwaitableSignals = field(default_factory=AwaitableSignals)
    broker: Broker | None = None
    faults: Faults = field(default_factory=Faults)
    wrap: Callable[[Any], Any] = lambda store: store
    """Around every store that a broker gets."""
    _brokers: int = 0
    _running: asyncio.Task[None] | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def rows(self) -> Partition:
        return self.database.partitions[1]

    @property
    def steps(self) -> list[StepRow]:
        return self.rows.steps

    def begin(self) -> None:
        """Start a new broker process."""
        self._brokers += 1
        self.process = Process(self.database, f"broker-{self._brokers}")
        self.process.wrap = self.wrap
        ownership: Any = Faulty(self.process, self.faults, StoreUnavailable)
        log: Any = Faulty(self.log, self.faults, LogUnavailable)
        self.broker = Broker(
            log,
            ownership,
            clock=self.clock,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            lease_seconds=LEASE_SECONDS,
            limits=self.limits,
            signals=self.signals,
        )
        self._stopping = asyncio.Event()
        self._running = asyncio.create_task(self.broker.run(self._stopping))

    async def kill(self) -> None:
        """The process dies: nothing is given back, its leases run out."""
        assert self._running is not None
        running, self._running = self._running, None
        self.process.dead = True
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        self.database.expire(self.process.name)

    async def stop(self) -> None:
        if self._running is None:
            return
        self._stopping.set()
        dying = asyncio.create_task(self.faults.died.wait())
        await asyncio.wait((self._running, dying), return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if self._running.done():
            await self._running
            self._running = None
        else:
            await self.kill()


@asynccontextmanager
async def stack(**given: Any) -> AsyncIterator[tuple[Stack, Caller]]:
    """A running broker, and a caller of it."""
    made = Stack(**given)
    caller = Caller(made.log)
    await made.log.on_replies(GATEWAY.partition, caller.receive)
    made.begin()
    try:
        yield made, caller
    finally:
        await made.stop()


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[Worker]:
    """A worker that gives signs of life."""
    reading = await worker.log.on_jobs(JOBS_INBOX, worker.receive)
    beating = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        beating.cancel()
        await reading.close()


@asynccontextmanager
async def buried(made: Stack, faults: Faults) -> AsyncIterator[None]:
    """Whenever the process dies of a fault, another begins."""

    async def bury() -> None:
        while True:
            await faults.died.wait()
            faults.died.clear()
            await made.kill()
            made.begin()

    burying = asyncio.create_task(bury())
    try:
        yield
    finally:
        burying.cancel()


async def at_every_call(
    survive: Callable[[Faults], Awaitable[None]], *, after: bool, die: bool
) -> None:
    """Live through the same history again and again, each time with the next call going wrong."""
    at = 0
    while True:
        at += 1
        faults = Faults(at=at, after=after, die=die)
        try:
            await survive(faults)
        except Exception as error:
            error.add_note(f"call {at}: {faults.failed}")
            raise
        if not faults.failed:
            break
    assert at > 20, "the walk went over the whole history"
