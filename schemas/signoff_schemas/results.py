"""What workers say: results of jobs, and how much more they can take. Topic ``signoff.results``.

Results overtake commands, because they free what others wait for. ``CompleteJob``, ``FailJob`` and
``ThrowJobError`` are answered like commands; the others are never answered.
"""

from typing import Annotated, Literal

from pydantic import Field

from signoff_schemas.frozen import frozen
from signoff_schemas.ids import DEFAULT_TENANT
from signoff_schemas.model import Record
from signoff_schemas.values import JobResult, Variables


class CompleteJob(Record):
    """A job is done. Without a lease token it is judged by the job's state alone."""

    type: Literal["job.complete"] = "job.complete"
    job_key: int
    variables: Variables = Field(default_factory=dict[str, object])
    result: JobResult = JobResult()
    lease_token: str | None = None


class FailJob(Record):
    """A job went wrong; with retries it comes again, without it becomes an incident.

    Where the job is a node's whose inputs are a frame's, the end of retries is the instance's.
    """

    type: Literal["job.fail"] = "job.fail"
    job_key: int
    retries: int | None = 0
    """None: one less than it had; when, is then up to the node's rule, if it has one."""
    error_message: str = ""
    back_off_ms: int = 0
    variables: Variables = Field(default_factory=dict[str, object])
    lease_token: str | None = None


class ThrowJobError(Record):
    """A job ends in a business error that its process should handle."""

    type: Literal["job.throw_error"] = "job.throw_error"
    job_key: int
    error_code: str
    error_message: str = ""
    variables: Variables = Field(default_factory=dict[str, object])
    lease_token: str | None = None


class YieldJob(Record):
    """A pushed job goes back untouched: nobody could take it. Judged by its lease token."""

    type: Literal["job.yield"] = "job.yield"
    job_key: int
    lease_token: str


@frozen
class Grant:
    """Credit of one slot at one partition: up to ``count`` further jobs may be pushed to it.

    A slot is what the subscriber serves alike: one job type with one timeout and one worker name.
    ``count`` is what may be outstanding from now on: it replaces, it does not add. Zero keeps the
    interest (the partition rings when it has jobs); a slot that is not listed any more is gone.
    """

    slot: str
    job_type: str
    count: int
    worker: str = ""
    timeout_ms: int = 300_000
    fetch: tuple[str, ...] = ()
    """Names of the variables to send; none means all that are visible."""
    tenants: tuple[str, ...] = (DEFAULT_TENANT,)


class Subscription(Record):
    """All that a subscriber wants of one partition, and a sign of life.

    Sent on change and each second.

    ``received`` counts the jobs that the subscriber had taken from this partition when it wrote
    this, so that the partition can subtract pushes that crossed it on the way.
    """

    type: Literal["subscription"] = "subscription"
    subscriber: str
    inbox: int
    """The subscriber's partition of ``signoff.jobs``."""
    grants: tuple[Grant, ...] = ()
    received: int = 0


class Goodbye(Record):
    """A subscriber leaves; what it holds goes back at once."""

    type: Literal["goodbye"] = "goodbye"
    subscriber: str


WorkerResult = Annotated[
    CompleteJob | FailJob | ThrowJobError | YieldJob | Subscription | Goodbye,
    Field(discriminator="type"),
]
