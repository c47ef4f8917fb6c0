"""What people may ask for. A command travels in an ``Entry`` (envelope.py) on ``signoff.commands``.

Every command either applies to one process instance with all that is open in it, or to the
cluster-wide settings of partition 1. ``aggregate_keys`` says which entity a command names; any key
of an instance (its own, a task's, an element instance's, a job's, an incident's) finds the whole.
"""

from typing import Annotated, Literal

from pydantic import Field

from signoff_schemas.documents import DocumentCommand
from signoff_schemas.graph import ProcessGraph, UserTaskNode
from signoff_schemas.ids import DEFAULT_TENANT
from signoff_schemas.model import Record
from signoff_schemas.values import Changes, GlobalListener, Variables
from signoff_schemas.work_commands import WorkCommand


class CreateUserTask(Record):
    """Create one stand-alone task: an instance of a process that has nothing else in it."""

    type: Literal["user_task.create"] = "user_task.create"
    node: UserTaskNode
    """Literal values only; the dialect refuses expressions."""
    variables: Variables = Field(default_factory=dict[str, object])
    tenant: str = DEFAULT_TENANT
    tags: tuple[str, ...] = ()
    business_id: str = ""


class AssignTask(Record):
    """Assign a task, whoever has it; with an empty assignee: unassign it."""

    type: Literal["user_task.assign"] = "user_task.assign"
    task_key: int
    assignee: str
    action: str = "assign"


class ClaimTask(Record):
    """Assign a task that nobody else has."""

    type: Literal["user_task.claim"] = "user_task.claim"
    task_key: int
    assignee: str
    action: str = "claim"


class UpdateTask(Record):
    """Change attributes of a task: names of ``values.ATTRIBUTE_NAMES`` except the assignee."""

    type: Literal["user_task.update"] = "user_task.update"
    task_key: int
    changes: Changes = Field(default_factory=dict[str, object])
    action: str = "update"


class CompleteTask(Record):
    """Complete a task; its variables take effect when its listeners have agreed."""

    type: Literal["user_task.complete"] = "user_task.complete"
    task_key: int
    variables: Variables = Field(default_factory=dict[str, object])
    action: str = "complete"


class SetVariables(Record):
    """Set variables of a scope; on a user task's element instance this is a transition."""

    type: Literal["variables.set"] = "variables.set"
    scope_key: int
    variables: Variables = Field(default_factory=dict[str, object])
    local: bool = False


class StartProcess(Record):
    """Start an instance of a deployed definition, named by key, or by id and version."""

    type: Literal["process_instance.start"] = "process_instance.start"
    definition_key: int | None = None
    process_id: str = ""
    version: int = -1
    """-1 means the latest."""
    variables: Variables = Field(default_factory=dict[str, object])
    tenant: str = DEFAULT_TENANT
    tags: tuple[str, ...] = ()
    business_id: str = ""


class CancelProcess(Record):
    """Cancel an instance; its open task is cancelled through its ``canceling`` listeners."""

    type: Literal["process_instance.cancel"] = "process_instance.cancel"
    process_instance_key: int
    reason: str = ""


class UpdateJob(Record):
    """Change a job's retries, deadline or priority. What is valid is applied, even if not all is.

    A lease token has to match that of the job, if it has one.
    """

    type: Literal["job.update"] = "job.update"
    job_key: int
    retries: int | None = None
    timeout_ms: int | None = None
    priority: int | None = None
    lease_token: str | None = None


class ResolveIncident(Record):
    """Resolve an incident: its job, or the transition that it stopped, is tried again."""

    type: Literal["incident.resolve"] = "incident.resolve"
    incident_key: int


class Resource(Record):
    """One deployed file: its compiled processes, or a form, or a file that is only kept."""

    name: str
    digest: str
    """Hex SHA-256 of the bytes: the same file again is no new version."""
    processes: tuple[ProcessGraph, ...] = ()
    form_id: str = ""
    content: str = ""
    """The file's text, verbatim (of a form: its JSON)."""


class Deploy(Record):
    """Deploy files, together or not at all."""

    type: Literal["deployment.create"] = "deployment.create"
    resources: tuple[Resource, ...]
    tenant: str = DEFAULT_TENANT
    overwrite: bool = False
    """Replace definitions that name a version which is there; what runs goes on with the old."""


class DeleteDefinition(Record):
    """Remove a version of a process, for what starts from now on; what runs goes on with it."""

    type: Literal["definition.delete"] = "definition.delete"
    process_id: str
    version: int
    tenant: str = DEFAULT_TENANT


class CreateGlobalListener(Record):
    """Add a listener of every task."""

    type: Literal["global_listener.create"] = "global_listener.create"
    listener: GlobalListener


class UpdateGlobalListener(Record):
    """Replace a global listener as a whole."""

    type: Literal["global_listener.update"] = "global_listener.update"
    listener: GlobalListener


class DeleteGlobalListener(Record):
    """Remove a global listener; transitions that began before go on with it."""

    type: Literal["global_listener.delete"] = "global_listener.delete"
    id: str


class ConfigureGlobalListeners(Record):
    """Make the configured listeners exactly these: at every start of the product."""

    type: Literal["global_listener.configure"] = "global_listener.configure"
    listeners: tuple[GlobalListener, ...] = ()


class Withdraw(Record):
    """Settle a command whose outcome nobody knows: if it was not applied, it never will be."""

    type: Literal["command.withdraw"] = "command.withdraw"
    target: str
    """The id of the command to withdraw."""


Command = Annotated[
    CreateUserTask
    | AssignTask
    | ClaimTask
    | UpdateTask
    | CompleteTask
    | SetVariables
    | StartProcess
    | CancelProcess
    | UpdateJob
    | ResolveIncident
    | Deploy
    | DeleteDefinition
    | CreateGlobalListener
    | UpdateGlobalListener
    | DeleteGlobalListener
    | ConfigureGlobalListeners
    | WorkCommand
    | DocumentCommand
    | Withdraw,
    Field(discriminator="type"),
]
