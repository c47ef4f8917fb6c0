"""What a listener answered: agreed, corrected or denied, and whether it may."""

from signoff_broker.engine import changes
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.lifecycle import PHASE_OF
from signoff_broker.engine.preconditions import refuse
from signoff_broker.engine.processors import listeners
from signoff_broker.engine.state import Job, UserTask
from signoff_schemas.job_events import JobCompleted
from signoff_schemas.limits import printable
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.results import CompleteJob
from signoff_schemas.task_events import TaskCorrected
from signoff_schemas.values import JobResult, TaskState


def must_suit(task: UserTask, job: Job, answer: CompleteJob) -> Rejection | None:
    """The answer is one that this transition can take. The order of the checks is part of it."""
    result = answer.result
    corrections = changes.named(result.corrections)
    if answer.variables:
        return _unsuited(job, Code.JOB_LISTENER_VARIABLES)
    if result.denied and not PHASE_OF[task.state].deniable:
        return _unsuited(job, Code.JOB_DENIAL_UNSUPPORTED, event=task.state.value)
    if result.denied and corrections:
        return _unsuited(job, Code.JOB_DENIED_WITH_CORRECTIONS)
    if "assignee" in corrections and _will_be_assigned(task):
        return _unsuited(job, Code.JOB_ASSIGNEE_MODELLED)
    if name := changes.unknown(corrections):
        return _unsuited(job, Code.JOB_UNKNOWN_CORRECTION, property=printable(name))
    if name := changes.offence(corrections):
        value = printable(str(corrections[name]))
        return _unsuited(job, Code.JOB_INVALID_CORRECTION, property=name, value=value)
    return None


def complete_listener(draft: Draft, job: Job, result: JobResult) -> None:
    """Take the answer: end the transition, or correct it, and go on."""
    corrections = changes.named(result.corrections)
    reason = result.denied_reason if result.denied else ""
    draft.emit(
        JobCompleted(
            job_key=job.key,
            process_instance_key=job.process_instance_key,
            result=JobResult(result.denied, reason, corrections),
            at=draft.now,
        )
    )
    if result.denied:
        listeners.deny(draft, reason)
        return
    _correct(draft, corrections)
    listeners.continue_transition(draft)


def _correct(draft: Draft, corrections: dict[str, object]) -> None:
    task, transition = draft.task, draft.transition
    corrected = changes.applied(transition.attributes, corrections)
    changed = changes.really_changed(corrections, corrected, transition.attributes)
    if changed:
        draft.emit(
            TaskCorrected(
                task_key=task.key,
                process_instance_key=task.process_instance_key,
                attributes=corrected,
                variables=transition.variables,
                action=transition.action,
                changed=changed,
            )
        )


def _will_be_assigned(task: UserTask) -> bool:
    """Whether the engine assigns the task itself as soon as it is created."""
    if task.state is not TaskState.CREATING:
        return False
    policy = None if task.transition is None else task.transition.policy
    return bool(task.profile.modelled_assignee or (policy is not None and policy.assignments))


def _unsuited(job: Job, code: Code, **values: object) -> Rejection:
    return refuse(
        RejectionType.INVALID_ARGUMENT,
        code,
        "COMPLETE",
        key=job.key,
        type=job.job_type,
        process=job.process_instance_key,
        **values,
    )
