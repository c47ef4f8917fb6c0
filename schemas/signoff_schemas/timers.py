"""Commands that a partition gives itself: they never travel, and are stepped like any other."""

from typing import Literal

from signoff_schemas.model import Record


class TimeOutJob(Record):
    """An activated job's deadline has passed: it may be activated again."""

    type: Literal["job.time_out"] = "job.time_out"
    job_key: int


class RecurJob(Record):
    """A failed job's back-off has passed: it may be activated again."""

    type: Literal["job.recur"] = "job.recur"
    job_key: int


class ReturnJob(Record):
    """The subscriber that holds the job is gone."""

    type: Literal["job.return"] = "job.return"
    job_key: int


class ActivateJob(Record):
    """A subscriber has credit for this waiting job."""

    type: Literal["job.activate"] = "job.activate"
    job_key: int
    subscriber: str
    inbox: int
    slot: str
    worker: str
    timeout_ms: int
    fetch: tuple[str, ...] = ()


class ExpireAssignment(Record):
    """Nobody took the task in the time of its assignment: it is the next one's turn."""

    type: Literal["user_task.expire_assignment"] = "user_task.expire_assignment"
    task_key: int


class TimeOutNode(Record):
    """The node where the token is was not done in the time of its rule, or of the graph."""

    type: Literal["process_instance.time_out"] = "process_instance.time_out"
    process_instance_key: int


class StartTriggered(Record):
    """Start the process that a trigger has called for (``state.Start``)."""

    type: Literal["process_instance.start_triggered"] = "process_instance.start_triggered"
    start_key: int
    """The key that the instance will have."""


Timer = (
    TimeOutJob
    | RecurJob
    | ReturnJob
    | ActivateJob
    | ExpireAssignment
    | TimeOutNode
    | StartTriggered
)
