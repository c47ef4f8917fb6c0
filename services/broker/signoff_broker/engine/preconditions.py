"""Checks that several commands share. Each gives the refusal, or None if all is well."""

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.lifecycle import accepts
from signoff_broker.engine.state import Instance, Job, UserTask
from signoff_schemas.principal import Principal
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.values import JobState, ProcessState

_JOB_STATE_NAMES = {JobState.BACKING_OFF: JobState.FAILED.value}
"""A job that backs off has failed, as far as its workers are concerned."""


def refuse(type_: RejectionType, code: Code, intent: str, **values: object) -> Rejection:
    """A refusal with its values as texts."""
    return Rejection(
        type=type_,
        code=code,
        intent=intent,
        values={name: str(value) for name, value in values.items()},
    )


def find_task(draft: Draft, key: int, verb: str) -> UserTask | Rejection:
    """The open task with this key; another tenant's looks like none."""
    task = None if draft.instance is None else draft.instance.task
    if task is None or task.key != key or task.tenant not in draft.asker.principal.tenants:
        return refuse(
            RejectionType.NOT_FOUND, Code.TASK_NOT_FOUND, verb.upper(), verb=verb, key=key
        )
    return task


def must_accept(task: UserTask, command: str, verb: str = "") -> Rejection | None:
    """The task's state allows the command, which the caller knows as ``verb``."""
    verb = verb or command
    if accepts(command, task.state):
        return None
    return refuse(
        RejectionType.INVALID_STATE,
        Code.TASK_IN_STATE,
        verb.upper(),
        verb=verb,
        key=task.key,
        state=task.state.value,
    )


def find_job(draft: Draft, key: int, verb: str) -> Job | Rejection:
    """The open job with this key; another tenant's looks like none."""
    job = None if draft.instance is None else draft.instance.job
    if job is None or job.key != key or job.tenant not in draft.asker.principal.tenants:
        return refuse(RejectionType.NOT_FOUND, Code.JOB_NOT_FOUND, verb.upper(), verb=verb, key=key)
    return job


def must_be_workable(job: Job, verb: str, lease_token: str | None) -> Rejection | None:
    """The job waits for an answer, and this lease, if one is named, is the last that was given."""
    if job.state not in (JobState.ACTIVATABLE, JobState.ACTIVATED):
        return refuse(
            RejectionType.INVALID_STATE,
            Code.JOB_IN_STATE,
            verb.upper(),
            verb=verb,
            key=job.key,
            state=_JOB_STATE_NAMES.get(job.state, job.state.value),
        )
    if lease_token is not None and lease_token != job.lease_token:
        return refuse(
            RejectionType.INVALID_STATE, Code.JOB_LEASE_MISMATCH, verb.upper(), key=job.key
        )
    return None


def is_running(instance: Instance | None) -> bool:
    """Whether the instance is there and is not being cancelled."""
    return instance is not None and instance.process.state is ProcessState.ACTIVE


def must_be_of_tenant(
    principal: Principal, tenant: str, intent: str, operation: str
) -> Rejection | None:
    """The caller belongs to the tenant."""
    if tenant in principal.tenants:
        return None
    return refuse(
        RejectionType.FORBIDDEN,
        Code.TENANT_FORBIDDEN,
        intent,
        operation=operation,
        tenant=tenant,
    )
