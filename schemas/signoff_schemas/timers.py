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


Timer = TimeOutJob | RecurJob | ReturnJob | ActivateJob
