"""A client, workers and one partition in this process, driven move by move, and its history.

Everything is the product's own; a test plants a bug by giving another class for one part. What an
owner has committed outlives it; what the log holds outlives it unless the whole process dies.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from signoff_broker.engine.state import UserTask
from signoff_broker.memory.ownership import MemoryOwnership
from signoff_broker.memory.store import MemoryDatabase
from signoff_broker.ports import Batch, Fenced, Held, Store, StoreUnavailable
from signoff_broker.runtime.limits import Limits
from signoff_broker.runtime.partition import Partition, Surroundings
from signoff_load.evidence import Written, evidence_of
from signoff_load.history import History, Operation, Read, Told, Violation, violations
from signoff_process.clock import SystemClock
from signoff_process.log.memory import MemoryLog
from signoff_schemas.codec import JobBatch, ReplyBatch
from signoff_schemas.commands import Command, CreateUserTask, UpdateTask, Withdraw
from signoff_schemas.envelope import Entry
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.jobs import ActivatedJob, JobPush
from signoff_schemas.principal import ADMIN, Access, Principal
from signoff_schemas.replies import Outcome, OutcomeStatus, Reply
from signoff_schemas.results import CompleteJob, Goodbye, Grant, Subscription, WorkerResult
from signoff_schemas.topics import Inlet
from signoff_schemas.values import Inbox, Listener, ListenerEvent
from signoff_schemas.work import Person
from signoff_schemas.work_commands import TakeTask

QUICK = Limits(idle_ms=20, marker_ms=20, prune_ms=1_000, flush_ms=500)
PATIENCE_SECONDS = 30
GATEWAY, SUBSCRIBERS = Inbox(0, "g"), 1
JOB_TYPE = "check"


class Watched:
    """A store that can be stopped, or fail, before a commit; and notes what was committed."""

    def __init__(self, inner: Store, epoch: int, drive: "Drive") -> None:
        self._inner = inner
        self._epoch = epoch
        self._drive = drive
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_gate = asyncio.Event()
        """A commit stands before the closed gate."""
        self.failing = ""
        """The command whose next commit fails."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(self, batch: Batch) -> None:
        if not self.gate.is_set():
            self.at_gate.set()
            await self.gate.wait()
        if self.failing and self.failing in {each.command_id for each in batch.steps}:
            self.failing = ""
            raise StoreUnavailable("the connection went before the commit")
        await self._inner.commit(batch)
        self._drive.written += [
            Written(1, each.position, self._epoch, each.command_id, each.events)
            for each in batch.steps
        ]


@dataclass
class Owner:
    """A broker that has the partition, or thinks so."""

    name: str
    store: Any
    running: "asyncio.Task[None]"


@dataclass
class Asked:
    """A change that a client has sent."""

    entry: Entry
    value: str
    sent: float
    answer: "asyncio.Future[Outcome]"
    answered: float = 0.0


@dataclass
class Drive:
    """The parts, and what everyone saw. ``partition`` and the others are where bugs are planted."""

    partition: type[Partition] = Partition
    store: Callable[[Any], Any] = lambda store: store
    log_type: type[MemoryLog] = MemoryLog
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    written: list[Written] = field(default_factory=list[Written])
    asked: list[Asked] = field(default_factory=list[Asked])
    reads: list[Read] = field(default_factory=list[Read])
    accepted: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    jobs: "asyncio.Queue[tuple[str, ActivatedJob]]" = field(default_factory=asyncio.Queue)
    task: str = ""
    _answers: "dict[str, asyncio.Future[Outcome]]" = field(default_factory=dict)
    _numbers: int = 0

    async def open_log(self) -> None:
        """At first, and when the process that held the log in memory has died."""
        self.log = self.log_type(1, 2)
        await self.log.on_replies(GATEWAY.partition, self._on_replies)
        await self.log.on_jobs(SUBSCRIBERS, self._on_jobs)

    # -- the broker -----------------------------------------------------------------------------

    async def take(self, name: str) -> Owner:
        """A broker takes the partition, from whoever has it."""
        for partition in self.database.partitions.values():
            partition.alive = False
        held = await MemoryOwnership(self.database, name).take(1)
        assert held is not None
        return self._run(name, held)

    async def die(self, owner: Owner, *, with_log: bool) -> None:
        """A broker's process ends on the spot."""
        owner.running.cancel()
        await asyncio.wait({owner.running})
        if with_log:
            await self.log.close()
            await self.open_log()

    def _run(self, name: str, held: Held) -> Owner:
        watched: Any = Watched(self.store(held.store), held.epoch, self)
        around = Surroundings(self.log, SystemClock(), QUICK)
        partition = self.partition(replace(held, store=watched, unclean=False), around)
        return Owner(name, watched, asyncio.create_task(partition.run()))

    # -- a client -------------------------------------------------------------------------------

    async def create(self, *listeners: Listener) -> None:
        node = UserTaskNode(id="task", next="", listeners=listeners)
        made = await self.tell(CreateUserTask(node=node))
        self.task = str(made.result["task_key"])

    def ask(self, value: str) -> Asked:
        """Send a change; whoever needs the answer awaits it."""
        changes: dict[str, object] = {"candidate_users": (value,)}
        return self._ask(UpdateTask(task_key=int(self.task), changes=changes), value)

    async def claim(self, value: str) -> Asked:
        """Ask for the task in somebody's name, and wait for the answer."""
        claimant = Person(value, external=True)
        taking = TakeTask(task_key=int(self.task), claimant=claimant, access=Access())
        asked = self._ask(taking, value)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asked.answer
        return asked

    def _ask(self, body: Command, value: str) -> Asked:
        entry = self._entry(body)
        asked = Asked(entry, value, time.monotonic(), self._expect(entry))
        self.asked.append(asked)

        def note(_: object) -> None:
            asked.answered = time.monotonic()

        asked.answer.add_done_callback(note)
        self.log.append(Inlet.COMMANDS, entry)
        return asked

    async def change(self, value: str) -> None:
        """Send a change and wait for its answer."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.ask(value).answer

    async def tell(self, body: Command | WorkerResult, inlet: Inlet = Inlet.COMMANDS) -> Outcome:
        entry = self._entry(body)
        answer = self._expect(entry)
        self.log.append(inlet, entry)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await answer

    def read(self) -> None:
        now = time.monotonic()
        self.reads.append(Read(self.task, self._value(), now, now))

    # -- workers --------------------------------------------------------------------------------

    async def take_job(self, worker: str) -> ActivatedJob:
        """A worker grants credit for one job, and gets it."""
        grant = Grant("slot", JOB_TYPE, 1, worker=worker)
        hello = Subscription(subscriber=worker, inbox=SUBSCRIBERS, grants=(grant,))
        self.log.append(Inlet.RESULTS, self._entry(hello))
        async with asyncio.timeout(PATIENCE_SECONDS):
            subscriber, job = await self.jobs.get()
        assert subscriber == worker
        return job

    def leave(self, worker: str) -> None:
        """What it holds goes to somebody else."""
        self.log.append(Inlet.RESULTS, self._entry(Goodbye(subscriber=worker)))

    async def complete(self, worker: str, job: ActivatedJob) -> None:
        body = CompleteJob(job_key=job.job_key, lease_token=job.lease_token)
        outcome = await self.tell(body, Inlet.RESULTS)
        if outcome.status is OutcomeStatus.APPLIED:
            self.accepted.append((str(job.job_key), worker))

    # -- the verdict ----------------------------------------------------------------------------

    async def verdict(self, *, withdrawing: bool) -> list[Violation]:
        """Settle what nobody knows, and look for broken promises."""
        unknown = [each.entry.id for each in self.asked if not each.answer.done()]
        for target in unknown if withdrawing else ():
            await self.tell(Withdraw(target=target))
        known = self.database.partitions[1].known
        settled: dict[str, str] = {}
        for command_id in unknown:
            found = known.get(command_id)
            settled[command_id] = found.outcome.status if found and found.outcome else "PENDING"
        evidence = evidence_of(self.written, {self.task}, self.accepted)
        history = History(
            operations=[self._operation(each) for each in self.asked],
            applied=evidence.applied,
            final={self.task: self._value()},
            settled=settled,
            reads=self.reads,
            activations=evidence.activations,
            completions=evidence.completions,
        )
        return violations(history)

    def _operation(self, asked: Asked) -> Operation:
        told, answered, status = Told.UNKNOWN, time.monotonic(), 504
        if asked.answer.done():
            applied = asked.answer.result().status is OutcomeStatus.APPLIED
            told, status = (Told.ACKNOWLEDGED, 204) if applied else (Told.REFUSED, 409)
            answered = asked.answered
        task, sent = self.task, asked.sent
        return Operation(asked.entry.id, task, asked.value, sent, answered, told, status)

    # -- inside ---------------------------------------------------------------------------------

    def _value(self) -> str:
        task: UserTask = self.database.partitions[1].tasks[int(self.task)]
        if task.work is not None and task.work.claimant is not None:
            return task.work.claimant.id
        users = task.attributes.candidate_users
        return users[0] if users else ""

    def _entry(self, body: Command | WorkerResult) -> Entry:
        self._numbers += 1
        return Entry(
            id=f"c1-{self._numbers}",
            request_id=f"r{self._numbers}",
            partition=1,
            principal=Principal("demo", roles=(ADMIN,)),
            inbox=GATEWAY,
            issued_at=SystemClock().now_ms(),
            body=body,
        )

    def _expect(self, entry: Entry) -> "asyncio.Future[Outcome]":
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._answers[entry.id] = answer
        return answer

    def _on_replies(self, batch: ReplyBatch) -> None:
        for item in batch.items:
            answer = self._answers.get(item.command_id)
            if isinstance(item, Reply) and answer is not None and not answer.done():
                answer.set_result(item.outcome)

    def _on_jobs(self, batch: JobBatch) -> None:
        for item in batch.items:
            if isinstance(item, JobPush):
                self.jobs.put_nowait((item.subscriber, item.job))


def listening() -> Listener:
    """A listener that every update waits for."""
    return Listener(ListenerEvent.UPDATING, JOB_TYPE)


async def over(owner: Owner) -> None:
    """Wait until a broker has found out that the partition is not its own, if it does."""
    with suppress(TimeoutError, Fenced):
        await asyncio.wait_for(asyncio.shield(owner.running), 0.2)
