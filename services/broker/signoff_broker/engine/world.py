"""What one batch of steps works on, and what one step gives back.

``World`` is the only mutable thing: it holds the newest version of every instance that the batch
loaded or made. A step works on a ``Draft`` and is taken over as a whole, so that a step that raises
leaves the world as it was.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

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
from signoff_schemas.events import Event
from signoff_schemas.frozen import frozen
from signoff_schemas.jobs import JobPush, Ring
from signoff_schemas.replies import Outcome, Reply, Waiting
from signoff_schemas.work import LogEntry


@frozen
class Known:
    """What is on record about a command id."""

    outcome: Outcome | None
    """None while it waits."""
    fingerprint: str = ""
    instance_key: int | None = None
    """The instance in which it waits."""


@frozen
class Outgoing:
    """A message and the partition of its topic (replies or jobs) that it goes to."""

    partition: int
    message: Reply | Waiting | JobPush | Ring


@dataclass(slots=True)
class Touched:
    """The newest version of every entity that a step changed, by key: what has to be stored."""

    processes: dict[int, Process] = field(default_factory=dict[int, Process])
    tasks: dict[int, UserTask] = field(default_factory=dict[int, UserTask])
    jobs: dict[int, Job] = field(default_factory=dict[int, Job])
    waited: set[int] = field(default_factory=set[int])
    """Of these jobs those that waited for a worker before the step."""
    incidents: dict[int, Incident] = field(default_factory=dict[int, Incident])
    variables: dict[int, Variable] = field(default_factory=dict[int, Variable])
    elements: dict[int, Element] = field(default_factory=dict[int, Element])
    log: dict[tuple[int, int], LogEntry] = field(default_factory=dict[tuple[int, int], LogEntry])
    """(task key, number from 0) → a new line of the task's log."""
    starts: dict[int, Start | None] = field(default_factory=dict[int, Start | None])
    """Start key → what a trigger called for; None: settled, to be removed."""
    worklist: set[int] = field(default_factory=set[int])
    """Tasks whose place in work lists may have changed: not those of mere updates."""

    def update(self, other: "Touched") -> None:
        """Take over what a later step touched."""
        self.processes.update(other.processes)
        self.tasks.update(other.tasks)
        self.jobs.update(other.jobs)
        self.incidents.update(other.incidents)
        self.variables.update(other.variables)
        self.elements.update(other.elements)
        self.log.update(other.log)
        self.starts.update(other.starts)
        self.worklist.update(other.worklist)


@frozen
class Step:
    """What one command did: its events, what leaves for others, and whose outcome it decides."""

    events: tuple[Event, ...] = ()
    messages: tuple[Outgoing, ...] = ()
    outcome: Outcome | None = None
    """Of this step's own command; None while it waits, or for what is never answered."""
    answers: str = ""
    """Another command (held until now) whose outcome this step decides."""
    answered: Outcome | None = None
    subject_key: int | None = None
    """The instance that was worked on."""
    recorded: bool = True
    """False for what needs no row: a rejected repetition, a reply from the record."""
    touched: Touched = field(default_factory=Touched)
    bulk: int = 0
    """Bytes that templates made in it, roughly."""


def keys_in(instance: Instance) -> tuple[int, ...]:
    """Every key by which the open instance can be found."""
    process, task, job, incident = (
        instance.process,
        instance.task,
        instance.job,
        instance.incident,
    )
    keys = [process.key]
    if process.element_instance_key:
        keys.append(process.element_instance_key)
    if task is not None:
        keys.append(task.key)
    if job is not None:
        keys.append(job.key)
    if incident is not None:
        keys.append(incident.key)
    return tuple(keys)


@dataclass(slots=True)
class World:
    """The loaded part of one partition: written by ``step`` only."""

    partition_id: int
    settings: Settings = field(default_factory=Settings)
    last_key: int = 0
    """Counter of the last key that was given out (without the partition's bits)."""
    instances: dict[int, Instance] = field(default_factory=dict[int, Instance])
    """By process instance key; open ones only."""
    index: dict[int, int] = field(default_factory=dict[int, int])
    """Any key of an open instance → its process instance key."""
    known: dict[str, Known] = field(default_factory=dict[str, Known])
    starts: dict[int, Start] = field(default_factory=dict[int, Start])
    """What triggers have called for, of the batch's due timers."""
    exhausted: Collection[str] = ()
    """Job types for which as many callers are held as the loop allows: no more may be."""

    def admit(self, instances: Iterable[Instance]) -> None:
        """Add loaded instances; what is here already is newer and stays."""
        for instance in instances:
            if instance.process.key not in self.instances:
                self.put(instance)

    def put(self, instance: Instance) -> None:
        """Make this the newest version of the instance."""
        key, keys = instance.process.key, keys_in(instance)
        old = self.instances.get(key)
        if old is None or keys_in(old) != keys:
            self.drop(key)
            self.index.update(dict.fromkeys(keys, key))
        self.instances[key] = instance

    def drop(self, instance_key: int) -> None:
        """Forget an instance: it ended, or the cache is full."""
        old = self.instances.pop(instance_key, None)
        if old is not None:
            for each in keys_in(old):
                self.index.pop(each, None)

    def find(self, key: int) -> Instance | None:
        """The open instance that a key belongs to."""
        owner = self.index.get(key)
        return None if owner is None else self.instances[owner]

    def remember(self, known: Mapping[str, Known]) -> None:
        """Add what the store has on record about command ids."""
        for identifier, each in known.items():
            self.known.setdefault(identifier, each)
