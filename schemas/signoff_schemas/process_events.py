"""What happened to process instances, their variables and the cluster-wide settings."""

from typing import Literal

from signoff_schemas.documents import DocumentEvent
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.limits import DESCENDANTS_MAX
from signoff_schemas.model import Record
from signoff_schemas.values import GlobalListener, ProcessReference, Variables
from signoff_schemas.work import Ending


class ProcessStarted(Record):
    """An instance began."""

    type: Literal["process_instance.started"] = "process_instance.started"
    process_instance_key: int
    process: ProcessReference
    tenant: str
    tags: tuple[str, ...] = ()
    business_id: str = ""
    standalone: UserTaskNode | None = None
    """The one task of a stand-alone instance, which has no deployed definition."""
    started_by: str = ""
    """Id of the principal."""
    due_at: int | None = None
    """Epoch milliseconds at which the instance, or the node where its token is, is late."""
    descendants: int = DESCENDANTS_MAX
    """How many processes may come of this one by triggers, theirs included, until somebody does
    something with its task: then it is ``DESCENDANTS_MAX`` again."""
    at: int


class ElementEntered(Record):
    """The token arrived at a node: in a graph without a frame, one that takes time."""

    type: Literal["element.entered"] = "element.entered"
    process_instance_key: int
    node_id: str
    element_instance_key: int
    input: Variables | None = None
    """In a graph with a frame."""
    due_at: int | None = None
    """Epoch milliseconds at which node or instance is late, whichever is first."""
    retries: int = 0
    """How often the node may be begun again."""
    at: int = 0


class ElementLeft(Record):
    """The token left the node."""

    type: Literal["element.left"] = "element.left"
    process_instance_key: int
    node_id: str
    output: Variables | None = None
    """In a graph with a frame."""
    ending: Ending | None = None
    """In a graph with a frame: how the visit ended."""
    at: int = 0


class ElementTimedOut(Record):
    """The node where the token is was not done in time; it is begun again when its work is off."""

    type: Literal["element.timed_out"] = "element.timed_out"
    process_instance_key: int
    node_id: str
    retries: int
    """How often the node may be begun again after that."""
    due_at: int | None = None
    """Epoch milliseconds at which the instance is late, however long its work takes to be off."""
    at: int


class ProcessTerminating(Record):
    """The instance is being cancelled; its task's canceling listeners still run."""

    type: Literal["process_instance.terminating"] = "process_instance.terminating"
    process_instance_key: int
    ending: Ending = Ending.TERMINATED
    reason: str = ""


class ProcessCompleted(Record):
    """The token reached an end."""

    type: Literal["process_instance.completed"] = "process_instance.completed"
    process_instance_key: int
    output: Variables | None = None
    reason: str = ""
    at: int


class ProcessTerminated(Record):
    """The instance was cancelled, or failed."""

    type: Literal["process_instance.terminated"] = "process_instance.terminated"
    process_instance_key: int
    output: Variables | None = None
    at: int


class StartCalledFor(Record):
    """A trigger calls for a process: it starts in a step of its own (``StartTriggered``)."""

    type: Literal["process_instance.start_called_for"] = "process_instance.start_called_for"
    process_instance_key: int
    """Of the task whose trigger it is."""
    start_key: int
    """That the new instance will have."""
    process_id: str
    version: int
    variables: Variables
    tenant: str
    business_id: str
    started_by: str
    descendants: int = 0
    """Those of the new instance (``ProcessStarted.descendants``): the calling one has as many less,
    and one."""
    at: int


class StartSettled(Record):
    """A triggered process was started, or could not be (``error``): nothing is left to do."""

    type: Literal["process_instance.start_settled"] = "process_instance.start_settled"
    start_key: int
    error: str = ""


class VariableSet(Record):
    """A variable was created (``created``) or changed.

    With a ``member``, the variable is an object of objects, and the members of ``value`` were set
    in that one of them; the rest stayed.
    """

    type: Literal["variable.set"] = "variable.set"
    process_instance_key: int
    scope_key: int
    variable_key: int
    name: str
    value: object
    created: bool
    member: str = ""


class DefinitionDeployed(Record):
    """A process definition is there; ``graph`` is a ``ProcessGraph`` as JSON object."""

    type: Literal["definition.deployed"] = "definition.deployed"
    process: ProcessReference
    resource_name: str
    digest: str
    tenant: str
    graph: dict[str, object]
    content: str = ""
    """The deployed file's text, verbatim."""
    deployment_key: int
    deployed_by: str = ""
    """Id of the principal."""
    at: int


class DefinitionDeleted(Record):
    """Nothing starts by this definition any more; what runs goes on with it."""

    type: Literal["definition.deleted"] = "definition.deleted"
    definition_key: int


class FormDeployed(Record):
    """A form is there."""

    type: Literal["form.deployed"] = "form.deployed"
    form_key: int
    form_id: str
    version: int
    resource_name: str
    digest: str
    tenant: str
    content: str
    deployment_key: int
    at: int


class ResourceDeployed(Record):
    """A file that is only kept is there; its name tells which it is."""

    type: Literal["resource.deployed"] = "resource.deployed"
    resource_key: int
    name: str
    version: int
    digest: str
    tenant: str
    content: str
    deployment_key: int
    at: int


class GlobalListenerSet(Record):
    """A global listener was created or replaced."""

    type: Literal["global_listener.set"] = "global_listener.set"
    listener: GlobalListener


class GlobalListenerDeleted(Record):
    """A global listener is gone."""

    type: Literal["global_listener.deleted"] = "global_listener.deleted"
    id: str


ProcessEvent = (
    ProcessStarted
    | ElementEntered
    | ElementLeft
    | ElementTimedOut
    | ProcessTerminating
    | ProcessCompleted
    | ProcessTerminated
    | VariableSet
    | StartCalledFor
)
"""Of one instance."""
SettingsEvent = (
    DefinitionDeployed
    | DefinitionDeleted
    | FormDeployed
    | ResourceDeployed
    | GlobalListenerSet
    | GlobalListenerDeleted
    | DocumentEvent
)
