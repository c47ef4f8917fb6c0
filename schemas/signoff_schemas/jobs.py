"""What leaves for workers: jobs pushed by credit, and rings. Topic ``signoff.jobs``."""

from typing import Annotated, Literal

from pydantic import Field

from signoff_schemas.model import Record
from signoff_schemas.values import (
    JobKind,
    ListenerEvent,
    ProcessReference,
    TaskSnapshot,
    Variables,
)


class ActivatedJob(Record):
    """A job as a worker gets it."""

    job_key: int
    job_type: str
    kind: JobKind
    listener_event: ListenerEvent | None = None
    process: ProcessReference
    process_instance_key: int
    element_id: str
    element_instance_key: int
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    """The model's headers."""
    worker: str
    retries: int
    deadline: int
    """Epoch milliseconds."""
    variables: Variables = Field(default_factory=dict[str, object])
    tenant: str
    tags: tuple[str, ...] = ()
    business_id: str = ""
    task: TaskSnapshot | None = None
    lease_token: str
    priority: int = 0
    failures: int = 0
    """How many tries were used up before this one."""


class JobPush(Record):
    """One job for one slot of a subscriber."""

    type: Literal["job.push"] = "job.push"
    subscriber: str
    slot: str
    job: ActivatedJob


class Ring(Record):
    """This partition has jobs of a type and no credit for it."""

    type: Literal["job.ring"] = "job.ring"
    subscriber: str
    partition: int
    job_type: str


JobMessage = Annotated[JobPush | Ring, Field(discriminator="type")]
