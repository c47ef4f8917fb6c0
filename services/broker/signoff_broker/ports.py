"""What the partition loop needs of the store. The log's ports are ``signoff_process.log.ports``."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

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
from signoff_broker.engine.world import Known, Outgoing
from signoff_schemas.events import Event
from signoff_schemas.frozen import frozen
from signoff_schemas.ids import DEFAULT_TENANT
from signoff_schemas.process_events import SettingsEvent
from signoff_schemas.replies import Outcome
from signoff_schemas.topics import Inlet
from signoff_schemas.values import ProcessState, TaskState
from signoff_schemas.work import LogEntry


class StoreError(Exception):
    """The store could not do what was asked."""


class StoreUnavailable(StoreError):
    """The database is away. Nothing was committed, unless the commit itself was cut off."""


class CommitUnknown(StoreError):
    """The connection went while a commit was under way: drop the partition and take it again."""


class Fenced(StoreError):
    """Another owner has the partition: write nothing, stop."""


class DataError(StoreError):
    """A value in the batch cannot be stored (SQLSTATE 22, 23, 54, or encoding)."""


@frozen
class Recovery:
    """Where a partition goes on: its newest step row."""

    position: int = 0
    now: int = 0
    last_key: int = 0
    commands_offset: int = 0
    results_offset: int = 0
    relayed: int = 0
    """The last position whose messages are known to have left."""


@frozen
class StepRow:
    """One step, as it is stored. ``events``, ``messages`` and outcomes are encoded by the store."""

    position: int
    inlet: Inlet
    offset: int
    now: int
    last_key: int
    commands_offset: int
    results_offset: int
    command_id: str = ""
    request_id: str = ""
    fingerprint: str = ""
    principal: str = ""
    subject_key: int | None = None
    """The instance's, task's or job's key that the command named."""
    events: tuple[Event, ...] = ()
    messages: tuple[Outgoing, ...] = ()
    outcome: Outcome | None = None
    """Of this step's own command; None while it waits, or for what is never answered."""
    answers: str = ""
    """Another command whose outcome this step decides."""
    answered: Outcome | None = None
    quarantined: str = ""
    """The error, if this command could not be applied for no fault of its state."""
    raw: bytes = b""
    """The bytes of a quarantined record."""


@frozen
class Assumption:
    """What a batch took for granted instead of loading it; its commit looks whether it is true."""

    command_ids: Collection[str]
    """Nothing is on record of them."""
    settings_version: int


@dataclass(slots=True)
class Batch:
    """All that one transaction writes. Entities are the newest version of what was touched."""

    steps: list[StepRow] = field(default_factory=list[StepRow])
    processes: dict[int, Process] = field(default_factory=dict[int, Process])
    tasks: dict[int, UserTask] = field(default_factory=dict[int, UserTask])
    jobs: dict[int, Job] = field(default_factory=dict[int, Job])
    incidents: dict[int, Incident] = field(default_factory=dict[int, Incident])
    variables: dict[int, Variable] = field(default_factory=dict[int, Variable])
    elements: dict[int, Element] = field(default_factory=dict[int, Element])
    log: dict[tuple[int, int], LogEntry] = field(default_factory=dict[tuple[int, int], LogEntry])
    starts: dict[int, Start | None] = field(default_factory=dict[int, Start | None])
    worklist: set[int] = field(default_factory=set[int])
    """Of these tasks the work lists are written anew, beside those that are new."""
    settings: list[SettingsEvent] = field(default_factory=list[SettingsEvent])
    assumed: Assumption | None = None


@frozen
class Loaded:
    """What a batch needs to know before the first decision."""

    instances: Sequence[Instance]
    known: dict[str, Known]
    settings_version: int


@frozen
class DueJob:
    """A job whose ``due_at`` has passed, and whether it is activated (else it backs off)."""

    key: int
    process_instance_key: int
    activated: bool


@frozen
class Due:
    """All that is due, of each kind the earliest first."""

    jobs: Sequence[DueJob] = ()
    tasks: Sequence[int] = ()
    """Keys of tasks whose assignment nobody took in time."""
    processes: Sequence[int] = ()
    """Keys of instances that are late, or whose node is."""
    starts: Sequence[Start] = ()
    """What triggers have called for."""

    def __len__(self) -> int:
        return len(self.jobs) + len(self.tasks) + len(self.processes) + len(self.starts)


def assignment_due(task: UserTask) -> int | None:
    """When it is the next one's turn. None: never, or not while something else is decided."""
    work = task.work
    if work is None or work.claimant is not None or task.state is not TaskState.CREATED:
        return None
    return work.due_at


def late_at(process: Process) -> int | None:
    """When an instance that is not about to end anyway is late."""
    return process.due_at if process.state is ProcessState.ACTIVE else None


@frozen
class WaitingJob:
    """An activatable job, for the queue: highest priority first, then oldest (lowest key)."""

    key: int
    process_instance_key: int
    job_type: str
    priority: int
    created_at: int
    tenant: str = DEFAULT_TENANT


@frozen
class HeldJob:
    """An activated job and the subscriber that has it."""

    key: int
    process_instance_key: int
    subscriber: str


class Store(Protocol):
    """One partition's rows, held by one owner under one epoch.

    Every method raises StoreUnavailable.
    """

    async def load(self, keys: Collection[int], command_ids: Collection[str]) -> Loaded:
        """Instances found by any key of theirs: own, task's, element instance's, job's, incident's.

        Only open instances and, beside them, what is on record of the command ids. Keys that find
        nothing are left out.
        """
        ...

    async def settings(self) -> Settings:
        """The cluster-wide settings as they are now.

        Without the definitions that are deleted and that no instance of this partition runs.
        """
        ...

    async def commit(self, batch: Batch) -> None:
        """Write everything or nothing, fenced by owner and epoch.

        Raises: Fenced, DataError (also if what the batch assumed is not true), CommitUnknown,
        StoreUnavailable. Any SQL error checks the fence first, so that a zombie's collisions are
        not taken for bad data.
        """
        ...

    async def due(self, now: int, limit: int) -> Due:
        """What is due at ``now``, of each kind at most ``limit``."""
        ...

    async def next_due(self) -> int | None:
        """When something is due next; 0 if a process was called for."""
        ...

    async def waiting(self, job_type: str, limit: int) -> Sequence[WaitingJob]:
        """Activatable jobs of a type, in the order of the queue."""
        ...

    async def waiting_types(self) -> dict[str, tuple[int, int]]:
        """Job type → (number of activatable jobs, creation time of the oldest)."""
        ...

    async def held(self) -> Sequence[HeldJob]:
        """All activated jobs, for takeover."""
        ...

    async def unrelayed(self, after: int, limit: int) -> Sequence[StepRow]:
        """Steps above ``after`` in order, with events and messages: what has not left yet."""
        ...

    async def relayed(self, position: int) -> None:
        """Remember that all messages up to ``position`` have left; at least once is enough."""
        ...

    async def suspect(self, inlet: Inlet, offset: int) -> int:
        """Note, in a transaction of its own, that a record is about to be stepped.

        Returns how often that was noted since the last ``acquit``, this time included: so often a
        process took the record up, and all but this one died of it.
        """
        ...

    async def acquit(self) -> None:
        """Forget all that was suspected in this partition."""
        ...

    async def prune(self, now: int) -> None:
        """Drop a bounded piece of what retention no longer keeps."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


@frozen
class PartitionView:
    """Who has a partition, as the database clock sees it."""

    partition: int
    owner: str
    """The owner's uuid; empty if it was given back."""
    epoch: int
    alive: bool
    """Whether the owner's lease holds."""
    ours: bool = False
    """Whether the lease, running or not, is this broker's."""


@frozen
class ClusterView:
    """What one heartbeat learns: every partition, and how many brokers are alive (this one too)."""

    partitions: Sequence[PartitionView]
    live_brokers: int


@frozen
class Held:
    """A partition that was taken: its store under the new epoch, and where to go on."""

    partition: int
    epoch: int
    store: Store
    recovery: Recovery
    unclean: bool = False
    """Whether the owner before did not give it back: it may have died of a record."""


class Ownership(Protocol):
    """Who owns which partition, by the database's clock. Every method raises StoreUnavailable."""

    async def heartbeat(self) -> ClusterView:
        """Prolong this broker's lease and its leases on partitions. Never waits for a fence."""
        ...

    async def take(self, partition: int) -> Held | None:
        """Take a partition that is free, or whose lease does not hold, or that this broker had.

        Raises the epoch, ends the old owner's database sessions, reads the newest step row. None
        if somebody else was faster.
        """
        ...

    async def release(self, partition: int) -> None:
        """Give a partition back at once (clean stop)."""
        ...

    async def leave(self) -> None:
        """Count as a broker no longer, so that the others make room for what is given back."""
        ...

    async def close(self) -> None:
        """Give back all that is left, leave the cluster and disconnect."""
        ...
