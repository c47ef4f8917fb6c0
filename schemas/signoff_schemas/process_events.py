"""What happened to process instances, their variables and the cluster-wide settings."""

from typing import Literal

from signoff_schemas.graph import UserTaskNode
from signoff_schemas.model import Record
from signoff_schemas.values import GlobalListener, ProcessReference


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
    at: int


class ElementEntered(Record):
    """The token arrived at a node that takes time."""

    type: Literal["element.entered"] = "element.entered"
    process_instance_key: int
    node_id: str
    element_instance_key: int


class ElementLeft(Record):
    """The token left the node."""

    type: Literal["element.left"] = "element.left"
    process_instance_key: int
    node_id: str


class ProcessTerminating(Record):
    """The instance is being cancelled; its task's canceling listeners still run."""

    type: Literal["process_instance.terminating"] = "process_instance.terminating"
    process_instance_key: int


class ProcessCompleted(Record):
    """The token reached an end."""

    type: Literal["process_instance.completed"] = "process_instance.completed"
    process_instance_key: int
    at: int


class ProcessTerminated(Record):
    """The instance was cancelled."""

    type: Literal["process_instance.terminated"] = "process_instance.terminated"
    process_instance_key: int
    at: int


class VariableSet(Record):
    """A variable was created (``created``) or changed."""

    type: Literal["variable.set"] = "variable.set"
    process_instance_key: int
    scope_key: int
    variable_key: int
    name: str
    value: object
    created: bool


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
    at: int


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
    | ProcessTerminating
    | ProcessCompleted
    | ProcessTerminated
    | VariableSet
)
SettingsEvent = DefinitionDeployed | FormDeployed | GlobalListenerSet | GlobalListenerDeleted
