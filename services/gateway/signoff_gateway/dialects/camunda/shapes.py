"""The resources of this dialect as types, from which the API's document is made.

Every member is always there; what has no value is null.
"""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

Item = TypeVar("Item")
Key = Annotated[str, Field(pattern=r"^-?[0-9]+$")]
"""A 64-bit number, as a text."""
DateTime = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
EventType = Literal["creating", "assigning", "updating", "completing", "canceling"]
Texts = list[str]


class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


class Timeout(Problem):
    """The outcome is not known in time; whoever sent a command can ask for it by its id."""

    commandId: str


class Page(TypedDict):
    """Where a page of results stands among all."""

    totalItems: int
    hasMoreTotalItems: bool
    startCursor: str | None
    endCursor: str | None


class Found(TypedDict, Generic[Item]):
    """A page of results."""

    items: list[Item]
    page: Page


class UserTask(TypedDict):
    """A user task."""

    userTaskKey: Key
    state: Literal[
        "CREATING",
        "CREATED",
        "ASSIGNING",
        "UPDATING",
        "COMPLETING",
        "COMPLETED",
        "CANCELING",
        "CANCELED",
    ]
    name: str | None
    elementId: str
    elementInstanceKey: Key
    assignee: str | None
    candidateGroups: Texts
    candidateUsers: Texts
    priority: int
    processDefinitionId: str
    processDefinitionKey: Key
    processDefinitionVersion: int
    processName: str | None
    processInstanceKey: Key
    rootProcessInstanceKey: Key
    tenantId: str
    creationDate: DateTime | None
    completionDate: DateTime | None
    dueDate: DateTime | None
    followUpDate: DateTime | None
    formKey: Key | None
    externalFormReference: str | None
    customHeaders: dict[str, str]
    tags: Texts
    businessId: str | None


class CreatedTask(TypedDict):
    """The keys of a new user task."""

    userTaskKey: Key | None
    processInstanceKey: Key | None
    elementInstanceKey: Key | None
    tenantId: str


class Job(TypedDict):
    """A job as searches show it; its state is the last thing that happened to it."""

    jobKey: Key
    type: str
    kind: Literal["BPMN_ELEMENT", "TASK_LISTENER"]
    listenerEventType: Literal[
        "UNSPECIFIED", "CREATING", "ASSIGNING", "UPDATING", "COMPLETING", "CANCELING"
    ]
    state: Literal[
        "CREATED",
        "FAILED",
        "TIMED_OUT",
        "RETRIES_UPDATED",
        "TIMEOUT_UPDATED",
        "PRIORITY_UPDATED",
        "ERROR_THROWN",
        "COMPLETED",
        "CANCELED",
    ]
    retries: int
    worker: str
    deadline: DateTime | None
    isDenied: bool | None
    deniedReason: str | None
    errorCode: str | None
    errorMessage: str | None
    hasFailedWithRetriesLeft: bool
    customHeaders: dict[str, str]
    elementId: str
    elementInstanceKey: Key
    processDefinitionId: str
    processDefinitionKey: Key
    processInstanceKey: Key
    rootProcessInstanceKey: Key
    tenantId: str
    creationTime: DateTime | None
    endTime: DateTime | None
    lastUpdateTime: DateTime | None
    businessId: None
    tags: Texts
    priority: int


class JobTask(TypedDict):
    """The user task that a listener job is about: as it will be, if nobody objects."""

    userTaskKey: Key
    action: str
    assignee: str | None
    candidateGroups: Texts
    candidateUsers: Texts
    changedAttributes: Texts
    dueDate: str | None
    followUpDate: str | None
    formKey: Key | None
    priority: int | None


class ActivatedJob(TypedDict):
    """A job that a worker has until its deadline."""

    jobKey: Key
    type: str
    kind: Literal["BPMN_ELEMENT", "TASK_LISTENER"]
    listenerEventType: Literal[
        "UNSPECIFIED", "CREATING", "ASSIGNING", "UPDATING", "COMPLETING", "CANCELING"
    ]
    processDefinitionId: str
    processDefinitionVersion: int
    processDefinitionKey: Key
    processInstanceKey: Key
    rootProcessInstanceKey: Key
    elementId: str
    elementInstanceKey: Key
    customHeaders: dict[str, str]
    worker: str
    retries: int
    deadline: int
    variables: dict[str, object]
    tenantId: str
    tags: Texts
    userTask: JobTask | None
    businessId: str | None
    priority: int
    leaseToken: str | None
    jobLeaseToken: str | None
    physicalTenantId: str


class ActivatedJobs(TypedDict):
    """What a poll got."""

    jobs: list[ActivatedJob]


class Incident(TypedDict):
    """An incident."""

    incidentKey: Key
    errorType: Literal[
        "EXTRACT_VALUE_ERROR",
        "FORM_NOT_FOUND",
        "IO_MAPPING_ERROR",
        "JOB_NO_RETRIES",
        "MESSAGE_SIZE_EXCEEDED",
        "TASK_LISTENER_NO_RETRIES",
        "UNHANDLED_ERROR_EVENT",
    ]
    errorMessage: str
    state: Literal["ACTIVE", "RESOLVED"]
    creationTime: DateTime | None
    elementId: str
    elementInstanceKey: Key
    jobKey: Key | None
    processDefinitionId: str
    processDefinitionKey: Key
    processInstanceKey: Key
    rootProcessInstanceKey: Key
    tenantId: str


class Variable(TypedDict):
    """A variable; its value is JSON."""

    variableKey: Key
    name: str
    value: str
    scopeKey: Key
    processInstanceKey: Key
    rootProcessInstanceKey: Key
    tenantId: str


class FoundVariable(Variable):
    """A variable as searches show it."""

    isTruncated: bool


class ProcessInstance(TypedDict):
    """A process instance."""

    processInstanceKey: Key
    processDefinitionId: str
    processDefinitionName: str | None
    processDefinitionVersion: int
    processDefinitionVersionTag: None
    processDefinitionKey: Key
    parentProcessInstanceKey: None
    parentElementInstanceKey: None
    rootProcessInstanceKey: Key
    startDate: DateTime | None
    endDate: DateTime | None
    suspendedDate: None
    state: Literal["ACTIVE", "COMPLETED", "TERMINATED"]
    hasIncident: bool
    tenantId: str
    tags: Texts
    businessId: str | None


class StartedInstance(TypedDict):
    """A process instance that has just been started."""

    processDefinitionId: str
    processDefinitionKey: Key | None
    processDefinitionVersion: int
    processInstanceKey: Key | None
    tenantId: str
    variables: dict[str, object]
    tags: Texts
    businessId: str | None


class Form(TypedDict):
    """A form; its schema is a text."""

    formKey: Key
    formId: str
    version: int
    tenantId: str
    schema: str


class StoredResource(TypedDict):
    """A deployed file that is neither a process nor a form."""

    resourceName: str
    version: int
    versionTag: None
    resourceId: str
    tenantId: str
    resourceKey: Key


class GlobalListener(TypedDict):
    """A task listener that listens to all tasks."""

    id: str
    type: str
    eventTypes: list[EventType | Literal["all"]]
    retries: int
    afterNonGlobal: bool
    priority: int
    source: Literal["CONFIGURATION", "API"]


class DeployedProcess(TypedDict):
    """A process definition that was deployed."""

    processDefinitionId: str
    processDefinitionKey: Key
    processDefinitionVersion: int
    resourceName: str
    tenantId: str


class DeployedForm(TypedDict):
    """A form that was deployed."""

    formId: str
    formKey: Key
    version: int
    resourceName: str
    tenantId: str


class DeployedResource(TypedDict):
    """A file that is only kept."""

    resourceId: str
    resourceKey: Key
    version: int
    resourceName: str
    tenantId: str


class DeployedItem(TypedDict):
    """One of what was deployed: one member has a value."""

    processDefinition: DeployedProcess | None
    decisionDefinition: None
    decisionRequirements: None
    form: DeployedForm | None
    resource: DeployedResource | None


class Deployment(TypedDict):
    """What was deployed."""

    deploymentKey: Key
    tenantId: str
    deployments: list[DeployedItem]


class DeploymentForm(TypedDict):
    """The files to be deployed."""

    resources: list[bytes]
    tenantId: str
