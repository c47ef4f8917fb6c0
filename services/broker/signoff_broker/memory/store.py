"""The store in dictionaries, for fast tests and simulation.

One ``MemoryDatabase`` stands for the database server: stores and ownerships that share it see
each other's commits, fences and leases, so that a crash is an ownership that is forgotten, and a
takeover is another one that takes. Leases know no clock: ``expire`` is when one runs out.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import orjson
from pydantic import BaseModel

from signoff_broker.engine.evolve import evolve_settings
from signoff_broker.engine.state import (
    Element,
    Incident,
    Instance,
    Job,
    Process,
    Settings,
    Start,
    UserTask,
    Variable,
)
from signoff_broker.engine.world import Known, keys_in
from signoff_broker.ports import (
    Batch,
    DataError,
    Due,
    DueJob,
    Fenced,
    HeldJob,
    Loaded,
    StepRow,
    StoreUnavailable,
    WaitingJob,
    assignment_due,
    late_at,
)
from signoff_schemas.process_events import SettingsEvent
from signoff_schemas.topics import Inlet
from signoff_schemas.values import (
    IncidentState,
    JobState,
    ProcessState,
    TaskState,
)

D = TypeVar("D", UserTask, Job, Process)
E = TypeVar("E", UserTask, Job, Incident)
Owned = TypeVar("Owned", UserTask, Job, Incident, Variable, Element)

DAY_MS: Final = 24 * 60 * 60 * 1000
_DUE_STATES: Final = frozenset({JobState.ACTIVATED, JobState.BACKING_OFF})
_ENDED: Final = frozenset(
    {
        TaskState.COMPLETED,
        TaskState.CANCELED,
        JobState.COMPLETED,
        JobState.CANCELED,
        ProcessState.COMPLETED,
        ProcessState.TERMINATED,
        IncidentState.RESOLVED,
    }
)


@dataclass(slots=True)
class Partition:
    """All rows of one partition."""

    owner: str = ""
    """Of the lease; empty if it was given back."""
    alive: bool = False
    fence: tuple[str, int] = ("", 0)
    """Owner and epoch under which commits count."""
    relayed: int = 0
    steps: list[StepRow] = field(default_factory=list[StepRow])
    known: dict[str, Known] = field(default_factory=dict[str, Known])
    processes: dict[int, Process] = field(default_factory=dict[int, Process])
    tasks: dict[int, UserTask] = field(default_factory=dict[int, UserTask])
    jobs: dict[int, Job] = field(default_factory=dict[int, Job])
    incidents: dict[int, Incident] = field(default_factory=dict[int, Incident])
    variables: dict[int, Variable] = field(default_factory=dict[int, Variable])
    elements: dict[int, Element] = field(default_factory=dict[int, Element])
    starts: dict[int, Start] = field(default_factory=dict[int, Start])
    suspects: dict[tuple[Inlet, int], int] = field(default_factory=dict[tuple[Inlet, int], int])


def _no_interruption(_moment: str) -> None:
    """The default: nothing goes wrong."""


@dataclass(slots=True)
class MemoryDatabase:
    """What outlives a process.

    ``interrupt`` is called with ``"load"``, ``"commit"`` (nothing is written yet) and
    ``"committed"`` (all is written). What it raises is raised to the caller: so a test cuts a
    connection.
    """

    partitions: dict[int, Partition] = field(default_factory=lambda: {1: Partition()})
    brokers: set[str] = field(default_factory=set[str])
    settings: Settings = field(default_factory=Settings)
    interrupt: Callable[[str], None] = _no_interruption

    def expire(self, broker_id: str) -> None:
        """A broker was not heard of for too long."""
        self.brokers.discard(broker_id)
        for partition in self.partitions.values():
            if partition.owner == broker_id:
                partition.alive = False


class MemoryStore:
    """``ports.Store`` over a partition of a ``MemoryDatabase``."""

    def __init__(
        self,
        database: MemoryDatabase,
        partition: int,
        fence: tuple[str, int],
        retention_ms: int = 30 * DAY_MS,
    ) -> None:
        self._database = database
        self._rows = database.partitions[partition]
        self._fence = fence
        self._retention_ms = retention_ms
        self._closed = False

    async def load(self, keys: Collection[int], command_ids: Collection[str]) -> Loaded:
        """See ``ports.Store``."""
        self._interrupt("load")
        wanted, known = set(keys), self._rows.known
        found = [each for each in self._open_instances() if wanted.intersection(keys_in(each))]
        return Loaded(
            found,
            {each: known[each] for each in command_ids if each in known},
            self._database.settings.version,
        )

    async def settings(self) -> Settings:
        """See ``ports.Store``."""
        self._usable()
        settings = self._database.settings
        running = {
            each.process.definition_key
            for each in self._rows.processes.values()
            if each.state not in _ENDED
        }
        definitions = {
            key: each
            for key, each in settings.definitions.items()
            if not each.deleted or key in running
        }
        return replace(settings, definitions=definitions)

    async def commit(self, batch: Batch) -> None:
        """See ``ports.Store``."""
        self._interrupt("commit")
        if self._rows.fence != self._fence:
            raise Fenced(f"the epoch is {self._rows.fence[1]} by now")
        _refuse_unstorable(batch)
        rows = self._rows
        if assumed := batch.assumed:
            on_record = any(each in rows.known for each in assumed.command_ids)
            if on_record or assumed.settings_version != self._database.settings.version:
                raise DataError("what was assumed is not true")
        rows.processes.update(batch.processes)
        rows.tasks.update(batch.tasks)
        rows.jobs.update(batch.jobs)
        rows.incidents.update(batch.incidents)
        rows.variables.update(batch.variables)
        rows.elements.update(batch.elements)
        for key, start in batch.starts.items():
            if start is None:
                rows.starts.pop(key, None)
            else:
                rows.starts[key] = start
        rows.steps.extend(batch.steps)
        for step in batch.steps:
            _remember(rows.known, step)
        if batch.settings:
            self._database.settings = _changed(self._database.settings, batch.settings)
        self._database.interrupt("committed")

    async def due(self, now: int, limit: int) -> Due:
        """See ``ports.Store``."""
        self._usable()
        rows = self._rows
        jobs = _earliest(rows.jobs.values(), _job_due, now)[:limit]
        tasks = _earliest(rows.tasks.values(), assignment_due, now)[:limit]
        late = _earliest(rows.processes.values(), late_at, now)[:limit]
        return Due(
            [DueJob(j.key, j.process_instance_key, j.state is JobState.ACTIVATED) for j in jobs],
            [each.key for each in tasks],
            [each.key for each in late],
            [rows.starts[key] for key in sorted(rows.starts)[:limit]],
        )

    async def next_due(self) -> int | None:
        """See ``ports.Store``."""
        self._usable()
        rows = self._rows
        times = [
            *map(_job_due, rows.jobs.values()),
            *map(assignment_due, rows.tasks.values()),
            *map(late_at, rows.processes.values()),
            0 if rows.starts else None,
        ]
        return min((at for at in times if at is not None), default=None)

    async def waiting(self, job_type: str, limit: int) -> Sequence[WaitingJob]:
        """See ``ports.Store``."""
        found = [job for job in self._in_state(JobState.ACTIVATABLE) if job.job_type == job_type]
        found.sort(key=lambda job: (-job.priority, job.key))
        return [
            WaitingJob(
                j.key, j.process_instance_key, j.job_type, j.priority, j.created_at, j.tenant
            )
            for j in found[:limit]
        ]

    async def waiting_types(self) -> dict[str, tuple[int, int]]:
        """See ``ports.Store``."""
        types: dict[str, tuple[int, int]] = {}
        for job in self._in_state(JobState.ACTIVATABLE):
            count, oldest = types.get(job.job_type, (0, job.created_at))
            types[job.job_type] = (count + 1, min(oldest, job.created_at))
        return types

    async def held(self) -> Sequence[HeldJob]:
        """See ``ports.Store``."""
        return [
            HeldJob(job.key, job.process_instance_key, job.subscriber)
            for job in sorted(self._in_state(JobState.ACTIVATED), key=lambda job: job.key)
        ]

    async def unrelayed(self, after: int, limit: int) -> Sequence[StepRow]:
        """See ``ports.Store``."""
        self._usable()
        return [step for step in self._rows.steps if step.position > after][:limit]

    async def relayed(self, position: int) -> None:
        """See ``ports.Store``."""
        self._rows.relayed = max(self._rows.relayed, position)

    async def suspect(self, inlet: Inlet, offset: int) -> int:
        """See ``ports.Store``."""
        self._usable()
        times = self._rows.suspects.get((inlet, offset), 0) + 1
        self._rows.suspects[inlet, offset] = times
        return times

    async def acquit(self) -> None:
        """See ``ports.Store``."""
        self._usable()
        self._rows.suspects.clear()

    async def prune(self, now: int) -> None:
        """See ``ports.Store``."""
        self._usable()
        rows = self._rows
        newest = rows.steps[-1].position if rows.steps else 0
        last = min(rows.relayed, newest - 1)
        held = {each.transition.command_id for each in rows.tasks.values() if each.transition}
        rows.steps = [
            step
            for step in rows.steps
            if step.position > last
            or step.now >= now - DAY_MS
            or (step.command_id in held - {""} and step.outcome is None)
        ]
        rows.known.clear()
        for step in rows.steps:
            _remember(rows.known, step)
        for process in tuple(rows.processes.values()):
            ended = process.ended_at
            if process.state in _ENDED and ended is not None and ended < now - self._retention_ms:
                self._forget(process.key)

    async def close(self) -> None:
        """See ``ports.Store``."""
        self._closed = True

    def _forget(self, instance_key: int) -> None:
        del self._rows.processes[instance_key]
        _drop(self._rows.tasks, instance_key)
        _drop(self._rows.jobs, instance_key)
        _drop(self._rows.incidents, instance_key)
        _drop(self._rows.variables, instance_key)
        _drop(self._rows.elements, instance_key)

    def _open_instances(self) -> Iterable[Instance]:
        rows = self._rows
        tasks = _by_instance(rows.tasks)
        jobs = _by_instance(rows.jobs)
        incidents = _by_instance(rows.incidents)
        for key, process in rows.processes.items():
            if process.state not in _ENDED:
                yield Instance(
                    process, tasks.get(key), jobs.get(key), incidents.get(key), self._scopes(key)
                )

    def _scopes(self, instance_key: int) -> dict[int, dict[str, Variable]]:
        scopes: dict[int, dict[str, Variable]] = {}
        for variable in self._rows.variables.values():
            if variable.process_instance_key == instance_key:
                scopes.setdefault(variable.scope_key, {})[variable.name] = variable
        return scopes

    def _in_state(self, state: JobState) -> list[Job]:
        self._usable()
        return [job for job in self._rows.jobs.values() if job.state is state]

    def _interrupt(self, moment: str) -> None:
        self._usable()
        self._database.interrupt(moment)

    def _usable(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")


def _job_due(job: Job) -> int | None:
    return job.due_at if job.state in _DUE_STATES else None


def _earliest(table: Iterable[D], due_at: Callable[[D], int | None], now: int) -> list[D]:
    found = [(at, each) for each in table if (at := due_at(each)) is not None and at <= now]
    return [each for _, each in sorted(found, key=lambda pair: (pair[0], pair[1].key))]


def _drop(table: dict[int, Owned], instance_key: int) -> None:
    for key, each in tuple(table.items()):
        if each.process_instance_key == instance_key:
            del table[key]


def _by_instance(table: Mapping[int, E]) -> dict[int, E]:
    return {each.process_instance_key: each for each in table.values() if each.state not in _ENDED}


def _remember(known: dict[str, Known], step: StepRow) -> None:
    """A command's first own row and its first outcome count."""
    if step.command_id:
        old = known.get(step.command_id) or Known(None, step.fingerprint, step.subject_key)
        outcome = old.outcome or step.outcome
        known[step.command_id] = Known(outcome, old.fingerprint, old.instance_key)
    if step.answers:
        old = known.get(step.answers) or Known(None, "", step.subject_key)
        outcome = old.outcome or step.answered
        known[step.answers] = Known(outcome, old.fingerprint, old.instance_key)


def _refuse_unstorable(batch: Batch) -> None:
    """A database takes no NUL, no lone surrogate and no number beyond 64 bits."""
    tables = (
        batch.processes,
        batch.tasks,
        batch.jobs,
        batch.incidents,
        batch.variables,
        batch.elements,
        batch.starts,
    )
    names = [step.command_id + step.request_id + step.principal for step in batch.steps]
    entities = [list(table.values()) for table in tables]
    try:
        data = orjson.dumps([names, entities], default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError) as error:
        raise DataError(f"cannot be encoded: {error}") from error
    if b"\\u0000" in data:
        raise DataError("a text has a NUL")


def _plain(model: BaseModel) -> object:
    return model.model_dump(mode="json")


def _changed(settings: Settings, events: Sequence[SettingsEvent]) -> Settings:
    for event in events:
        settings = evolve_settings(settings, event)
    return replace(settings, version=settings.version + len(events))
