"""Job events applied to state."""

from dataclasses import replace

from signoff_broker.engine.state import Job
from signoff_schemas.job_events import (
    JobActivated,
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobErrorThrown,
    JobFailed,
    JobPriorityUpdated,
    JobRecurred,
    JobReleased,
    JobRetriesUpdated,
    JobTimedOut,
    JobTimeoutUpdated,
    JobYielded,
)
from signoff_schemas.values import JobMark, JobState


def created(event: JobCreated) -> Job:
    """A job waits for a worker."""
    return Job(
        key=event.job_key,
        process_instance_key=event.process_instance_key,
        process=event.process,
        tenant=event.tenant,
        job_type=event.job_type,
        kind=event.kind,
        listener_event=event.listener_event,
        element_id=event.element_id,
        element_instance_key=event.element_instance_key,
        headers=event.headers,
        task=event.task,
        state=JobState.ACTIVATABLE,
        mark=JobMark.CREATED,
        retries=event.retries,
        created_at=event.at,
        updated_at=event.at,
        failures=event.failures,
    )


def activated(job: Job, event: JobActivated) -> Job:
    """A subscriber has it until the deadline."""
    return replace(
        job,
        state=JobState.ACTIVATED,
        worker=event.worker,
        subscriber=event.subscriber,
        due_at=event.deadline,
        lease_token=event.lease_token,
        updated_at=event.at,
    )


def completed(job: Job, event: JobCompleted) -> Job:
    """A worker answered: the job is closed."""
    return replace(
        job,
        state=JobState.COMPLETED,
        mark=JobMark.COMPLETED,
        denied=event.result.denied,
        denied_reason=event.result.denied_reason,
        due_at=None,
        subscriber="",
        updated_at=event.at,
        ended_at=event.at,
    )


def canceled(job: Job, event: JobCanceled) -> Job:
    """Its reason is gone: the job is closed."""
    return replace(
        job,
        state=JobState.CANCELED,
        mark=JobMark.CANCELED,
        due_at=None,
        subscriber="",
        updated_at=event.at,
        ended_at=event.at,
    )


def failed(job: Job, event: JobFailed) -> Job:
    """A worker failed. The lease is spent: what it still sends under its token is too late.

    If no try was used up for it, the job was only put off.
    """
    state = JobState.FAILED
    if event.retries > 0:
        state = JobState.ACTIVATABLE if event.recur_at is None else JobState.BACKING_OFF
    return replace(
        job,
        state=state,
        mark=JobMark.FAILED,
        retries=event.retries,
        error_message=event.error_message,
        due_at=event.recur_at,
        subscriber="",
        lease_token="",
        updated_at=event.at,
        failures=job.failures + (event.retries < job.retries),
    )


def error_thrown(job: Job, event: JobErrorThrown) -> Job:
    """An error that nothing catches."""
    return replace(
        job,
        state=JobState.ERROR_THROWN,
        mark=JobMark.ERROR_THROWN,
        error_code=event.error_code,
        error_message=event.error_message,
        due_at=None,
        subscriber="",
        lease_token="",
        updated_at=event.at,
    )


def timed_out(job: Job, event: JobTimedOut) -> Job:
    """Any worker may have it; the one that had it may still finish, until another is given it."""
    return replace(_waiting(job, event.at), mark=JobMark.TIMED_OUT)


def recurred(job: Job, event: JobRecurred) -> Job:
    """The back-off is over."""
    return _waiting(job, event.at)


def yielded(job: Job, event: JobYielded) -> Job:
    """It went back untouched."""
    return _waiting(job, event.at)


def released(job: Job, event: JobReleased) -> Job:
    """Its incident is over."""
    return _waiting(job, event.at)


def retries_updated(job: Job, event: JobRetriesUpdated) -> Job:
    """It may be tried so many times more."""
    return replace(job, retries=event.retries, mark=JobMark.RETRIES_UPDATED, updated_at=event.at)


def timeout_updated(job: Job, event: JobTimeoutUpdated) -> Job:
    """Its deadline moved."""
    return replace(job, due_at=event.deadline, mark=JobMark.TIMEOUT_UPDATED, updated_at=event.at)


def priority_updated(job: Job, event: JobPriorityUpdated) -> Job:
    """Its place in the queue moved."""
    return replace(job, priority=event.priority, mark=JobMark.PRIORITY_UPDATED, updated_at=event.at)


def _waiting(job: Job, at: int) -> Job:
    return replace(job, state=JobState.ACTIVATABLE, due_at=None, subscriber="", updated_at=at)
