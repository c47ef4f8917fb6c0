"""What a worker needs of the way to the broker; HTTP is the canonical one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from signoff_worker.job import ListenerJob, Outcome


class TransportError(Exception):
    """The gateway did not take it; trying again may help."""


class JobGone(Exception):
    """The job is not ours any more: completed by another worker, cancelled, or timed out."""


class OutcomeRefused(Exception):
    """The outcome is not allowed for this job, such as variables of a listener."""


@dataclass(frozen=True, slots=True)
class Activation:
    """What a worker asks for: up to `jobs_max` jobs of a type, each its own for `timeout`."""

    job_type: str
    jobs_max: int
    timeout: timedelta
    worker: str
    variables: tuple[str, ...] = ()
    """Names of variables to send; none means all."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that went wrong: how many tries are left, and when the next one is."""

    retries: int
    message: str
    pause: timedelta = timedelta()


class Transport(Protocol):
    """A way to get jobs and to answer them."""

    async def activate(self, activation: Activation) -> Sequence[ListenerJob]:
        """Wait until there are jobs, or some seconds: then empty. Raises: TransportError."""
        ...

    async def answer(self, job: ListenerJob, outcome: Outcome) -> None:
        """Complete a job. Raises: TransportError, JobGone, OutcomeRefused."""
        ...

    async def fail(self, job: ListenerJob, failure: Failure) -> None:
        """Fail a job, or with unchanged retries give it back. Raises: TransportError, JobGone."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...
