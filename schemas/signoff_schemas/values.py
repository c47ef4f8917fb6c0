"""Values that commands, events and engine state have in common: frozen dataclasses and enums."""

from dataclasses import field
from enum import StrEnum

from signoff_schemas.frozen import frozen

Variables = dict[str, object]
"""Variable name to JSON value."""


class TaskState(StrEnum):
    """States of a user task; the ``...ING`` ones wait for listeners."""

    CREATING = "CREATING"
    CREATED = "CREATED"
    ASSIGNING = "ASSIGNING"
    CLAIMING = "CLAIMING"
    UPDATING = "UPDATING"
    COMPLETING = "COMPLETING"
    CANCELING = "CANCELING"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class ListenerEvent(StrEnum):
    """The lifecycle events that a task listener can hook into."""

    CREATING = "creating"
    ASSIGNING = "assigning"
    UPDATING = "updating"
    COMPLETING = "completing"
    CANCELING = "canceling"


class JobKind(StrEnum):
    """What a job is for: a listener of a task, or a service task of a process."""

    TASK_LISTENER = "TASK_LISTENER"
    SERVICE_TASK = "SERVICE_TASK"


class JobState(StrEnum):
    """Where a job stands. ACTIVATABLE and ACTIVATED jobs may be completed."""

    ACTIVATABLE = "ACTIVATABLE"
    ACTIVATED = "ACTIVATED"
    BACKING_OFF = "BACKING_OFF"
    FAILED = "FAILED"
    ERROR_THROWN = "ERROR_THROWN"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class JobMark(StrEnum):
    """The last thing that happened to a job, as job search shows it."""

    CREATED = "CREATED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    RETRIES_UPDATED = "RETRIES_UPDATED"
    TIMEOUT_UPDATED = "TIMEOUT_UPDATED"
    PRIORITY_UPDATED = "PRIORITY_UPDATED"
    ERROR_THROWN = "ERROR_THROWN"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class IncidentType(StrEnum):
    """Why an instance is stuck until a person resolves the incident."""

    EXTRACT_VALUE_ERROR = "EXTRACT_VALUE_ERROR"
    FORM_NOT_FOUND = "FORM_NOT_FOUND"
    IO_MAPPING_ERROR = "IO_MAPPING_ERROR"
    JOB_NO_RETRIES = "JOB_NO_RETRIES"
    MESSAGE_SIZE_EXCEEDED = "MESSAGE_SIZE_EXCEEDED"
    TASK_LISTENER_NO_RETRIES = "TASK_LISTENER_NO_RETRIES"
    UNHANDLED_ERROR_EVENT = "UNHANDLED_ERROR_EVENT"


class IncidentState(StrEnum):
    """An incident is active until it is resolved, by a person or with what it belonged to."""

    ACTIVE = "ACTIVE"
    RESOLVED = "RESOLVED"


class ProcessState(StrEnum):
    """States of a process instance. TERMINATING waits for canceling listeners."""

    ACTIVE = "ACTIVE"
    TERMINATING = "TERMINATING"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


@frozen
class Attributes:
    """What commands and listeners may change of a task. Empty text and empty tuple mean none."""

    assignee: str = ""
    candidate_groups: tuple[str, ...] = ()
    candidate_users: tuple[str, ...] = ()
    due_date: str = ""
    follow_up_date: str = ""
    priority: int = 50


ATTRIBUTE_NAMES = (
    "assignee",
    "candidate_groups",
    "candidate_users",
    "due_date",
    "follow_up_date",
    "priority",
)
VARIABLES = "variables"
"""The name under which changed variables are listed beside the attributes."""

Changes = dict[str, object]
"""Attribute name to its new value, in the order in which the command named them."""


@frozen
class Listener:
    """A hook on one lifecycle event. ``job_type`` and ``retries`` may be expressions (``=...``)."""

    event: ListenerEvent
    job_type: str
    retries: str = "3"


@frozen
class GlobalListener:
    """A listener of every task in the cluster (camunda.md 4)."""

    id: str
    job_type: str
    events: tuple[ListenerEvent, ...]
    retries: int = 3
    after_own: bool = False
    priority: int = 50
    configured: bool = False
    """True if it came from static configuration, not from the API."""


@frozen
class FormReference:
    """A form of a task: linked by id (resolved to ``key`` at creation), or external."""

    id: str = ""
    external: str = ""
    key: int | None = None


@frozen
class ProcessReference:
    """The definition that an instance runs."""

    definition_key: int
    process_id: str
    version: int
    name: str = ""


@frozen
class TaskProfile:
    """What never changes in a task's life."""

    element_id: str
    name: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    listeners: tuple[Listener, ...] = ()
    form: FormReference | None = None
    modelled_assignee: str = ""
    """The assignee that the model names; assigned by the engine once the task is created."""
    rule: str = ""
    """Of its node: the name by which others know this kind of task."""


@frozen
class Inbox:
    """Where a gateway listens for replies: its partition of the reply topic, and its own name."""

    partition: int
    gateway: str


@frozen
class Waiter:
    """A caller that is held until a transition ends: which request, at which gateway."""

    request_id: str
    inbox: Inbox


@frozen
class JobResult:
    """What a listener answered. ``corrections`` hold only what it really named."""

    denied: bool = False
    denied_reason: str = ""
    corrections: dict[str, object] = field(default_factory=dict[str, object])


@frozen
class TaskSnapshot:
    """A task as a listener job shows it: the values asked for, not yet in effect."""

    task_key: int
    action: str
    attributes: Attributes
    changed: tuple[str, ...] = ()
    form_key: int | None = None
