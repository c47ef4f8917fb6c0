"""State as values: frozen dataclasses, changed only by ``evolve``.

A process instance has one token, so at most one task, one job and one incident are open in it at a
time. ``Instance`` is that whole: it is what the store loads, the loop caches and a step works on.
The task engine (``processors/user_task``, ``listeners``, ``job``) looks at task, job and incident
only; the process engine (``processors/process``) reacts to what happened to them.
"""

from collections.abc import Mapping
from dataclasses import field

from signoff_schemas.frozen import frozen
from signoff_schemas.graph import ProcessGraph, UserTaskNode
from signoff_schemas.values import (
    Attributes,
    GlobalListener,
    IncidentState,
    IncidentType,
    JobKind,
    JobMark,
    JobState,
    Listener,
    ListenerEvent,
    ProcessReference,
    ProcessState,
    TaskProfile,
    TaskSnapshot,
    TaskState,
    Variables,
    Waiter,
)
from signoff_schemas.work import Ending, LogEntry, Policy, TaskRule, Work


@frozen
class Transition:
    """A change that waits for listeners: what is asked for, who decides, who is held."""

    attributes: Attributes
    listeners: tuple[Listener, ...]
    index: int = 0
    """The listener whose job is open."""
    action: str = ""
    changed: tuple[str, ...] = ()
    """What the command changes, in its order: what the first listener is told."""
    variables: Variables = field(default_factory=dict[str, object])
    local: bool = False
    of_variables: bool = False
    of_output: bool = False
    of_work: bool = False
    command_id: str = ""
    waiters: tuple[Waiter, ...] = ()
    """At most eight: repeated requests of the same command join."""
    work: Work | None = None
    policy: Policy | None = None
    log: tuple[LogEntry, ...] = ()
    """Added to the task's log when the transition takes effect."""
    by: str = ""
    """Id of the principal who asked."""


@frozen
class UserTask:
    """A task. ``attributes`` are in effect; what is asked for is in ``transition``."""

    key: int
    element_instance_key: int
    process_instance_key: int
    process: ProcessReference
    profile: TaskProfile
    tenant: str
    tags: tuple[str, ...]
    business_id: str
    created_at: int
    """Epoch milliseconds."""
    state: TaskState
    attributes: Attributes
    transition: Transition | None = None
    completed_at: int | None = None
    action: str = ""
    """Of the last finished transition."""
    work: Work | None = None
    """None as long as the assignee says it all."""
    policy: Policy | None = None
    logged: int = 0
    """Lines in the task's log, which is kept beside it."""
    updated_at: int = 0
    updated_by: str = ""
    timed_out: bool = False


@frozen
class Job:
    """A job. ``due_at``: its deadline while activated, the end of its pause while it backs off."""

    key: int
    process_instance_key: int
    process: ProcessReference
    tenant: str
    job_type: str
    kind: JobKind
    listener_event: ListenerEvent | None
    element_id: str
    element_instance_key: int
    headers: Mapping[str, str]
    task: TaskSnapshot | None
    state: JobState
    mark: JobMark
    retries: int
    created_at: int
    updated_at: int
    due_at: int | None = None
    worker: str = ""
    subscriber: str = ""
    lease_token: str = ""
    error_code: str = ""
    error_message: str = ""
    denied: bool = False
    denied_reason: str = ""
    ended_at: int | None = None
    priority: int = 0
    failures: int = 0
    """How many tries were used up so far."""


@frozen
class Incident:
    """Why the instance is stuck."""

    key: int
    process_instance_key: int
    process: ProcessReference
    tenant: str
    error_type: IncidentType
    message: str
    element_id: str
    element_instance_key: int
    job_key: int | None
    task_key: int | None
    state: IncidentState
    created_at: int
    resolved_at: int | None = None


@frozen
class Variable:
    """One variable of one scope."""

    key: int
    process_instance_key: int
    scope_key: int
    name: str
    value: object
    tenant: str


@frozen
class Process:
    """A process instance and where its token is."""

    key: int
    process: ProcessReference
    tenant: str
    tags: tuple[str, ...]
    business_id: str
    state: ProcessState
    started_at: int
    ended_at: int | None = None
    standalone: UserTaskNode | None = None
    node_id: str = ""
    """Where the token is; empty between nodes and at the end."""
    element_instance_key: int = 0
    started_by: str = ""
    descendants: int = 0
    """How many processes may still come of this one by triggers, theirs included, by itself."""
    due_at: int | None = None
    """Epoch milliseconds at which the node or the instance is late, whichever is first."""
    entered_at: int | None = None
    """Since when the token is at its node: in a graph with a frame, else None."""
    retries: int = 0
    """How often the node may be begun again."""
    ending: Ending | None = None
    reason: str = ""
    output: Variables | None = None


@frozen
class Element:
    """One visit of the token to a node of a graph with a frame: kept for those who ask later."""

    key: int
    process_instance_key: int
    node_id: str
    entered_at: int
    input: Variables
    output: Variables | None = None
    left_at: int | None = None
    ending: Ending | None = None


@frozen
class Start:
    """A process that a trigger has called for and that is not started yet."""

    key: int
    """That the new instance will have."""
    process_id: str
    version: int
    variables: Variables
    tenant: str
    business_id: str
    started_by: str
    descendants: int = 0
    """That the instance will have."""


Scope = Mapping[str, Variable]


@frozen
class Instance:
    """A process instance with all that is open in it. ``variables``: scope key → name → it."""

    process: Process
    task: UserTask | None = None
    job: Job | None = None
    incident: Incident | None = None
    variables: Mapping[int, Scope] = field(default_factory=dict[int, Scope])
    """A task's key is a scope too: of the output that a person has saved. So is a job's, in a graph
    with a frame: of what its worker has left for the next."""


@frozen
class Definition:
    """A deployed process."""

    process: ProcessReference
    graph: ProcessGraph
    tenant: str
    digest: str
    resource_name: str
    deployed_by: str = ""
    deleted: bool = False
    """Nothing starts by it any more."""


@frozen
class Form:
    """A deployed form; its content is read by the gateway only."""

    key: int
    form_id: str
    version: int
    tenant: str
    digest: str
    resource_name: str


@frozen
class Stored:
    """A deployed file that is only kept; its content is read by the gateway only."""

    key: int
    name: str
    version: int
    tenant: str
    digest: str


@frozen
class Settings:
    """Cluster-wide settings as of one version: what an acknowledged change made them."""

    version: int = 0
    definitions: Mapping[int, Definition] = field(default_factory=dict[int, Definition])
    """By definition key."""
    latest: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """(tenant, process id) → key of the latest version."""
    forms: Mapping[tuple[str, str], Form] = field(default_factory=dict[tuple[str, str], Form])
    """(tenant, form id) → latest form."""
    resources: Mapping[tuple[str, str], Stored] = field(
        default_factory=dict[tuple[str, str], Stored]
    )
    """(tenant, name) → latest file of those that are only kept."""
    global_listeners: Mapping[str, GlobalListener] = field(
        default_factory=dict[str, GlobalListener]
    )
    documents: Mapping[tuple[str, str], Mapping[int, int]] = field(
        default_factory=dict[tuple[str, str], Mapping[int, int]]
    )
    """(kind, id) → its versions, ascending → when each was saved last."""
    rules: Mapping[str, TaskRule] = field(default_factory=dict[str, TaskRule])
    """By name."""
    rule_owners: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name of a rule → who saved it first."""
