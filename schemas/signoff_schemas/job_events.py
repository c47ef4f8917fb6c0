"""What happened to jobs, and to the incidents that they and expressions cause."""

from typing import Literal

from pydantic import Field

from signoff_schemas.model import Record
from signoff_schemas.values import (
    IncidentType,
    JobKind,
    JobResult,
    ListenerEvent,
    ProcessReference,
    TaskSnapshot,
)


class JobCreated(Record):
    """A job waits for a worker."""

    type: Literal["job.created"] = "job.created"
    job_key: int
    process_instance_key: int
    process: ProcessReference
    tenant: str
    job_type: str
    kind: JobKind
    listener_event: ListenerEvent | None = None
    element_id: str
    element_instance_key: int
    retries: int
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    task: TaskSnapshot | None = None
    failures: int = 0
    """Tries that were used up by jobs before it at the same node."""
    at: int


class _JobEvent(Record):
    job_key: int
    process_instance_key: int
    at: int


class JobActivated(_JobEvent):
    """A job was pushed to a subscriber."""

    type: Literal["job.activated"] = "job.activated"
    worker: str
    subscriber: str
    deadline: int
    lease_token: str


class JobCompleted(_JobEvent):
    """A worker answered."""

    type: Literal["job.completed"] = "job.completed"
    result: JobResult = JobResult()


class JobFailed(_JobEvent):
    """A worker failed; with retries and a ``recur_at`` the job backs off until then."""

    type: Literal["job.failed"] = "job.failed"
    retries: int
    error_message: str = ""
    recur_at: int | None = None


class JobErrorThrown(_JobEvent):
    """A worker threw a business error that nothing in the process catches."""

    type: Literal["job.error_thrown"] = "job.error_thrown"
    error_code: str
    error_message: str = ""


class JobTimedOut(_JobEvent):
    """The deadline passed; any worker may have the job again."""

    type: Literal["job.timed_out"] = "job.timed_out"


class JobRecurred(_JobEvent):
    """The back-off is over."""

    type: Literal["job.recurred"] = "job.recurred"


class JobYielded(_JobEvent):
    """The job went back untouched."""

    type: Literal["job.yielded"] = "job.yielded"


class JobCanceled(_JobEvent):
    """The job's reason is gone."""

    type: Literal["job.canceled"] = "job.canceled"


class JobRetriesUpdated(_JobEvent):
    """A person gave the job retries."""

    type: Literal["job.retries_updated"] = "job.retries_updated"
    retries: int


class JobTimeoutUpdated(_JobEvent):
    """A person or worker moved the job's deadline."""

    type: Literal["job.timeout_updated"] = "job.timeout_updated"
    deadline: int


class JobPriorityUpdated(_JobEvent):
    """A person moved the job in its queue."""

    type: Literal["job.priority_updated"] = "job.priority_updated"
    priority: int


class JobReleased(_JobEvent):
    """The job's incident was resolved: it waits for a worker again."""

    type: Literal["job.released"] = "job.released"


class IncidentCreated(Record):
    """The instance is stuck until somebody resolves this."""

    type: Literal["incident.created"] = "incident.created"
    incident_key: int
    process_instance_key: int
    process: ProcessReference
    tenant: str
    error_type: IncidentType
    message: str
    element_id: str
    element_instance_key: int
    job_key: int | None = None
    task_key: int | None = None
    at: int


class IncidentResolved(Record):
    """The incident is over."""

    type: Literal["incident.resolved"] = "incident.resolved"
    incident_key: int
    process_instance_key: int
    at: int


JobEvent = (
    JobCreated
    | JobActivated
    | JobCompleted
    | JobFailed
    | JobErrorThrown
    | JobTimedOut
    | JobRecurred
    | JobYielded
    | JobCanceled
    | JobRetriesUpdated
    | JobTimeoutUpdated
    | JobPriorityUpdated
    | JobReleased
)
IncidentEvent = IncidentCreated | IncidentResolved
