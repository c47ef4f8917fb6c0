"""What workers and the clock may do to a job, and what a person may change about it."""

from signoff_broker.engine import scopes
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import find_job, must_be_workable, refuse
from signoff_broker.engine.processors import frames, tokens
from signoff_broker.engine.processors.answers import complete_listener, must_suit
from signoff_broker.engine.processors.stuck import get_stuck, shortened
from signoff_broker.engine.state import Job
from signoff_schemas.commands import UpdateJob
from signoff_schemas.job_events import (
    JobActivated,
    JobCompleted,
    JobErrorThrown,
    JobFailed,
    JobPriorityUpdated,
    JobRecurred,
    JobRetriesUpdated,
    JobTimedOut,
    JobTimeoutUpdated,
    JobYielded,
)
from signoff_schemas.jobs import ActivatedJob
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError, YieldJob
from signoff_schemas.timers import ActivateJob, RecurJob, ReturnJob, TimeOutJob
from signoff_schemas.values import IncidentType, JobKind, JobState, Variables
from signoff_schemas.work import TaskRule

NO_RETRIES_LEFT = "No more retries left."
NO_RESPONSE = "The worker did not respond in time."
_SECOND_MS = 1_000


def complete(draft: Draft, result: CompleteJob) -> Rejection | None:
    """A worker is done. The first answer wins, in time or late."""
    job = find_job(draft, result.job_key, "complete")
    if isinstance(job, Rejection):
        return job
    if refusal := must_be_workable(job, "complete", result.lease_token):
        return refusal
    if job.kind is JobKind.TASK_LISTENER:
        if refusal := must_suit(draft.task, job, result):
            return refusal
        complete_listener(draft, job, result.result)
        return None
    draft.emit(
        JobCompleted(job_key=job.key, process_instance_key=job.process_instance_key, at=draft.now)
    )
    tokens.leave(draft, result.variables, job_key=job.key)
    return None


def fail(draft: Draft, result: FailJob) -> Rejection | None:
    """A worker could not do it: later again, or stuck once no retries are left.

    In a graph with a frame the node's rule says when, if the worker does not say how often.
    """
    job = find_job(draft, result.job_key, "fail")
    if isinstance(job, Rejection):
        return job
    if refusal := must_be_workable(job, "fail", result.lease_token):
        return refusal
    retries, back_off_ms = result.retries, result.back_off_ms
    follows_rule = _follows_rule(draft, job)
    scope_key = job.key if follows_rule else job.element_instance_key
    scopes.set_local(draft, scope_key, result.variables)
    if retries is None:
        retries = job.retries - 1
        if follows_rule:
            back_off_ms = _rule_of(draft).retry_delay_seconds * _SECOND_MS
    _fail(draft, job, retries, back_off_ms, result.error_message)
    return None


def throw_error(draft: Draft, result: ThrowJobError) -> Rejection | None:
    """A worker met a business error; nothing catches one, so its variables go nowhere."""
    job = find_job(draft, result.job_key, "throw_error")
    if isinstance(job, Rejection):
        return job
    if refusal := must_be_workable(job, "throw_error", result.lease_token):
        return refusal
    if job.kind is JobKind.TASK_LISTENER:
        return refuse(
            RejectionType.INVALID_STATE,
            Code.JOB_LISTENER_ERROR,
            "THROW_ERROR",
            key=job.key,
            type=job.job_type,
            process=job.process_instance_key,
        )
    message = shortened(result.error_message)
    draft.emit(
        JobErrorThrown(
            job_key=job.key,
            process_instance_key=job.process_instance_key,
            error_code=result.error_code,
            error_message=message,
            at=draft.now,
        )
    )
    uncaught = (
        f"Expected to throw an error event with the code '{result.error_code}' with message"
        f" '{message}', but it was not caught. No error events are available in the scope."
    )
    get_stuck(draft, IncidentType.UNHANDLED_ERROR_EVENT, uncaught, job_key=job.key)
    return None


def give_back(draft: Draft, result: YieldJob) -> None:
    """A pushed job returns untouched; from anyone but its last holder this says nothing."""
    job = _open_job(draft, result.job_key)
    if job is not None and job.lease_token == result.lease_token:
        _return(draft, job)


def update(draft: Draft, command: UpdateJob) -> Rejection | None:
    """Change retries, deadline, priority. What is valid is applied even if the rest is refused."""
    job = find_job(draft, command.job_key, "update")
    if isinstance(job, Rejection):
        return job
    if job.lease_token and command.lease_token not in (None, job.lease_token):
        return refuse(RejectionType.INVALID_STATE, Code.JOB_LEASE_MISMATCH, "UPDATE", key=job.key)
    key, instance = job.key, job.process_instance_key
    wrong: dict[str, object] = {}
    if (retries := command.retries) is not None:
        if retries < 1:
            wrong["retries"] = retries
        else:
            draft.emit(
                JobRetriesUpdated(
                    job_key=key, process_instance_key=instance, retries=retries, at=draft.now
                )
            )
    if (timeout := command.timeout_ms) is not None:
        if job.state is not JobState.ACTIVATED:
            wrong["timeout"] = timeout
        else:
            # A negative one is over at once: that is how a job is taken from its worker.
            deadline = draft.now + timeout
            draft.emit(
                JobTimeoutUpdated(
                    job_key=key, process_instance_key=instance, deadline=deadline, at=draft.now
                )
            )
    if (priority := command.priority) is not None:
        draft.emit(
            JobPriorityUpdated(
                job_key=key, process_instance_key=instance, priority=priority, at=draft.now
            )
        )
    if not wrong:
        return None
    return refuse(
        RejectionType.INVALID_ARGUMENT, Code.JOB_UPDATE_INVALID, "UPDATE", key=job.key, **wrong
    )


def activate(draft: Draft, timer: ActivateJob) -> None:
    """Give a waiting job to a subscriber, under a new lease; nothing if it waits no more.

    In a graph with a frame the node's rule says for how long.
    """
    job = _open_job(draft, timer.job_key)
    if job is None or job.state is not JobState.ACTIVATABLE:
        return
    timeout_ms = timer.timeout_ms
    if _follows_rule(draft, job):
        timeout_ms = _rule_of(draft).response_timeout_seconds * _SECOND_MS or timeout_ms
    draft.emit(
        JobActivated(
            job_key=job.key,
            process_instance_key=job.process_instance_key,
            worker=timer.worker,
            subscriber=timer.subscriber,
            deadline=draft.now + timeout_ms,
            lease_token=str(draft.position),
            at=draft.now,
        )
    )
    active = _open_job(draft, timer.job_key)
    assert active is not None, "an activated job is open"
    draft.activated = _as_sent(draft, active, timer.fetch)


def time_out(draft: Draft, timer: TimeOutJob) -> None:
    """The deadline has passed, unless it was moved meanwhile. Retries stay as they are.

    In a graph with a frame this is a failure like others.
    """
    job = _open_job(draft, timer.job_key)
    if job is None or job.state is not JobState.ACTIVATED or not _is_due(job, draft.now):
        return
    if _follows_rule(draft, job):
        pause_ms = _rule_of(draft).retry_delay_seconds * _SECOND_MS
        _fail(draft, job, job.retries - 1, pause_ms, NO_RESPONSE)
        return
    draft.emit(
        JobTimedOut(job_key=job.key, process_instance_key=job.process_instance_key, at=draft.now)
    )


def recur(draft: Draft, timer: RecurJob) -> None:
    """The back-off is over."""
    job = _open_job(draft, timer.job_key)
    if job is not None and job.state is JobState.BACKING_OFF and _is_due(job, draft.now):
        draft.emit(
            JobRecurred(
                job_key=job.key, process_instance_key=job.process_instance_key, at=draft.now
            )
        )


def take_back(draft: Draft, timer: ReturnJob) -> None:
    """Its subscriber is gone; should that still answer, it counts until another has the job."""
    job = _open_job(draft, timer.job_key)
    if job is not None:
        _return(draft, job)


def _fail(draft: Draft, job: Job, retries: int, back_off_ms: int, error_message: str) -> None:
    message = shortened(error_message)
    backs_off = retries > 0 and back_off_ms > 0
    draft.emit(
        JobFailed(
            job_key=job.key,
            process_instance_key=job.process_instance_key,
            retries=retries,
            error_message=message,
            recur_at=draft.now + back_off_ms if backs_off else None,
            at=draft.now,
        )
    )
    if retries <= 0:
        error_type = IncidentType.JOB_NO_RETRIES
        if job.kind is JobKind.TASK_LISTENER:
            error_type = IncidentType.TASK_LISTENER_NO_RETRIES
        task_key = None if job.task is None else job.task.task_key
        get_stuck(draft, error_type, message or NO_RETRIES_LEFT, job_key=job.key, task_key=task_key)


def _follows_rule(draft: Draft, job: Job) -> bool:
    """Whether it is the work of a node in a graph with a frame."""
    return job.kind is JobKind.SERVICE_TASK and draft.open.process.entered_at is not None


def _rule_of(draft: Draft) -> TaskRule:
    return frames.rule_of(draft, tokens.standing_at(draft).rule)


def _return(draft: Draft, job: Job) -> None:
    if job.state is JobState.ACTIVATED:
        draft.emit(
            JobYielded(job_key=job.key, process_instance_key=job.process_instance_key, at=draft.now)
        )


def _open_job(draft: Draft, key: int) -> Job | None:
    job = None if draft.instance is None else draft.instance.job
    return job if job is not None and job.key == key else None


def _is_due(job: Job, now: int) -> bool:
    return job.due_at is not None and job.due_at <= now


def _as_sent(draft: Draft, job: Job, fetch: tuple[str, ...]) -> ActivatedJob:
    process = draft.open.process
    assert job.due_at is not None, "an activated job has a deadline"
    return ActivatedJob(
        job_key=job.key,
        job_type=job.job_type,
        kind=job.kind,
        listener_event=job.listener_event,
        process=job.process,
        process_instance_key=job.process_instance_key,
        element_id=job.element_id,
        element_instance_key=job.element_instance_key,
        headers=dict(job.headers),
        worker=job.worker,
        retries=job.retries,
        deadline=job.due_at,
        variables=_visible_to(draft, job, fetch),
        tenant=job.tenant,
        tags=process.tags,
        business_id=process.business_id,
        task=job.task,
        lease_token=job.lease_token,
        priority=job.priority,
        failures=job.failures,
    )


def _visible_to(draft: Draft, job: Job, fetch: tuple[str, ...]) -> Variables:
    """What a worker sees: with variables that are only asked for laid over those in effect.

    In a graph with a frame, what a failure left behind is no input of the node: only of its job.
    """
    values = scopes.visible(draft.open) | scopes.values_of(draft.open, job.key)
    task = draft.open.task
    if task is not None and task.transition is not None:
        values.update(task.transition.variables)
    return {name: values[name] for name in fetch if name in values} if fetch else values
