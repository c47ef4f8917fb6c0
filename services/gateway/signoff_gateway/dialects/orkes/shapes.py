"""The entities of this dialect as types, from which the API's document is made.

Members that need not be there are left out when they have no value. Times are epoch milliseconds.
"""

from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

from signoff_gateway.dialects.orkes.people import USER_TYPES
from signoff_schemas.work import ActionKind, Exhaustion

Item = TypeVar("Item")
Json = dict[str, Any]
Texts = list[str]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Moment = int
TaskState = Literal["PENDING", "ASSIGNED", "IN_PROGRESS", "COMPLETED", "TIMED_OUT", "DELETED"]
TaskStatus = Literal[
    "SCHEDULED",
    "IN_PROGRESS",
    "COMPLETED",
    "FAILED",
    "FAILED_WITH_TERMINAL_ERROR",
    "TIMED_OUT",
    "CANCELED",
]
WorkflowStatus = Literal["RUNNING", "COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"]


class ValidationProblem(TypedDict):
    """One value that is not what it should be."""

    path: str
    message: str
    invalidValue: NotRequired[str]


class Problem(TypedDict):
    """What went wrong; ``retryable`` if the same request may succeed in a moment."""

    status: int
    message: str
    instance: str
    retryable: bool
    code: NotRequired[str]
    commandId: NotRequired[str]
    validationErrors: NotRequired[list[ValidationProblem]]


class Unauthorized(TypedDict):
    """Why the caller is nobody."""

    message: str
    error: Literal["INVALID_TOKEN", "EXPIRED_TOKEN", "INVALID_CREDENTIALS"]
    timestamp: Moment


class HumanTaskUser(TypedDict):
    """A user or a group."""

    userType: Annotated[str, Field(json_schema_extra={"enum": list(USER_TYPES)})]
    user: str


class HumanTaskAssignment(TypedDict):
    """One link of a chain of assignees."""

    assignee: HumanTaskUser
    slaMinutes: NotRequired[int]


class UserFormTemplate(TypedDict):
    """The form that a task names; version 0 is the latest."""

    name: str
    version: int


class Tag(TypedDict):
    """A tag."""

    key: str
    value: NotRequired[str]


class HumanTaskTemplate(TypedDict):
    """A user form."""

    createTime: Moment
    updateTime: Moment
    createdBy: str
    updatedBy: str
    name: str
    version: int
    jsonSchema: Json
    templateUI: Json
    ownerApp: NotRequired[str]
    tags: NotRequired[list[Tag]]


class HumanTaskDefinition(TypedDict):
    """What a human task says of itself."""

    assignments: list[HumanTaskAssignment]
    userFormTemplate: NotRequired[UserFormTemplate]
    fullTemplate: NotRequired[HumanTaskTemplate]
    taskTriggers: NotRequired[Any]
    assignmentCompletionStrategy: Exhaustion
    displayName: NotRequired[str]


class ActionLog(TypedDict):
    """A line of a task's log."""

    id: Id
    state: TaskState
    stateStart: Moment
    assignee: NotRequired[HumanTaskUser]
    claimant: NotRequired[HumanTaskUser]
    action: ActionKind
    actedBy: str
    reason: NotRequired[str]


class TriggerLog(TypedDict):
    """A workflow that was started, or should have been, when something happened to a task."""

    id: Id
    triggerType: Literal[
        "PENDING",
        "ASSIGNED",
        "IN_PROGRESS",
        "COMPLETED",
        "TIMED_OUT",
        "ASSIGNEE_CHANGED",
        "CLAIMANT_CHANGED",
    ]
    triggeredAt: Moment
    workflowName: str
    workflowVersion: NotRequired[int]
    startedWorkflowId: NotRequired[Id]
    error: NotRequired[str]


class HumanTaskContext(TypedDict):
    """Where a task stands in its chain, and what was done to it."""

    state: TaskState
    lastUpdated: Moment
    assigneeIndex: NotRequired[int]
    assignmentsCompleted: bool
    skippedAssigneeIndexes: list[int]
    humanTaskActionLogs: list[ActionLog]
    humanTaskTriggerLog: list[TriggerLog]


HumanTaskInput = TypedDict(
    "HumanTaskInput",
    {
        "_createdBy": Any,
        "__humanTaskDefinition": NotRequired[Any],
        "__humanTaskProcessContext": HumanTaskContext,
    },
)
HumanTaskInput.__doc__ = "What a task was given, with whatever else the workflow gave it."
HumanTaskInput.__pydantic_config__ = {"extra": "allow"}  # type: ignore[attr-defined]


class HumanTaskSearchEntry(TypedDict):
    """A human task as searches show it."""

    createdBy: str
    updatedBy: str
    taskId: Id
    state: TaskState
    definitionName: str
    displayName: NotRequired[str]
    workflowId: Id
    workflowName: str
    taskRefName: str
    input: HumanTaskInput
    output: Json
    createdOn: Moment
    updatedOn: Moment
    assignee: NotRequired[HumanTaskUser]
    claimant: NotRequired[HumanTaskUser]


class HumanTaskEntry(HumanTaskSearchEntry):
    """A human task."""

    humanTaskDef: HumanTaskDefinition


class HumanTaskSearchResult(TypedDict):
    """A page of human tasks."""

    start: int
    pageSizeLimit: int
    hits: int
    totalHits: int
    results: list[HumanTaskSearchEntry]


class Task(TypedDict):
    """A task of a workflow, of a worker's or a person's."""

    taskType: str
    status: TaskStatus
    inputData: Json
    outputData: Json
    referenceTaskName: str
    taskDefName: str
    taskId: Id
    workflowInstanceId: Id
    workflowType: str
    correlationId: NotRequired[str]
    workerId: NotRequired[str]
    scheduledTime: Moment
    startTime: Moment
    firstStartTime: NotRequired[Moment]
    updateTime: Moment
    endTime: Moment
    seq: int
    retryCount: int
    responseTimeoutSeconds: NotRequired[int]
    reasonForIncompletion: NotRequired[str]
    workflowTask: NotRequired[Json]
    pollCount: int
    retried: bool
    executed: bool
    callbackFromWorker: bool
    callbackAfterSeconds: int
    startDelayInSeconds: int
    rateLimitPerFrequency: int
    rateLimitFrequencyInSeconds: int
    workflowPriority: int
    iteration: int
    loopOverTask: bool
    subworkflowChanged: bool
    queueWaitTime: int


class Workflow(TypedDict):
    """An execution of a workflow."""

    ownerApp: str
    createTime: Moment
    startTime: Moment
    updateTime: Moment
    endTime: Moment
    createdBy: str
    status: WorkflowStatus
    workflowId: Id
    workflowName: str
    workflowVersion: int
    correlationId: NotRequired[str]
    reasonForIncompletion: NotRequired[str]
    input: Json
    output: Json
    variables: Json
    workflowDefinition: NotRequired[Json]
    failedReferenceTaskNames: Texts
    failedTaskNames: Texts
    taskToDomain: Json
    priority: int
    lastRetriedTime: Moment
    history: list[Json]
    tasks: list[Task]


class WorkflowState(TypedDict):
    """The summary of an execution."""

    workflowId: Id
    correlationId: NotRequired[str]
    status: WorkflowStatus
    output: NotRequired[Json]
    variables: NotRequired[Json]


class WorkflowSummary(TypedDict):
    """An execution as searches show it; input and output are JSON texts."""

    workflowType: str
    version: int
    workflowId: Id
    correlationId: NotRequired[str]
    startTime: str
    updateTime: str
    endTime: NotRequired[str]
    status: WorkflowStatus
    input: str
    output: str
    reasonForIncompletion: NotRequired[str]
    executionTime: int
    createdBy: NotRequired[str]
    priority: NotRequired[int]


class Page(TypedDict, Generic[Item]):
    """A page of results."""

    totalHits: int
    results: list[Item]


class Bulk(TypedDict):
    """What could be done, and why the rest could not, by id or name."""

    bulkErrorResults: dict[str, str]
    bulkSuccessfulResults: Texts


class WorkflowDefinition(TypedDict):
    """A workflow definition as it was saved, with defaults for what it does not say."""

    __pydantic_config__ = {"extra": "allow"}  # type: ignore[misc] # noqa: RUF012

    name: str
    version: int
    tasks: list[Json]
    inputParameters: Texts
    outputParameters: Json
    schemaVersion: int
    restartable: bool
    workflowStatusListenerEnabled: bool
    timeoutPolicy: str
    timeoutSeconds: int
    variables: Json
    inputTemplate: Json
    createTime: Moment
    updateTime: Moment
    createdBy: str
    updatedBy: str


class TaskDefinition(TypedDict):
    """A task definition as it was saved, with defaults for what it does not say."""

    __pydantic_config__ = {"extra": "allow"}  # type: ignore[misc] # noqa: RUF012

    name: str
    retryCount: int
    retryLogic: str
    retryDelaySeconds: int
    timeoutPolicy: str
    timeoutSeconds: int
    totalTimeoutSeconds: int
    responseTimeoutSeconds: int
    inputKeys: Texts
    outputKeys: Texts
    inputTemplate: Json
    rateLimitPerFrequency: int
    rateLimitFrequencyInSeconds: int
    backoffScaleFactor: int
    createTime: Moment
    updateTime: Moment
    createdBy: str
    updatedBy: str
