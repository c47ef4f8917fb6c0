"""Incidents: how an instance gets stuck, and how a person sets it going again."""

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import refuse
from signoff_broker.engine.processors import listeners, tokens
from signoff_broker.engine.state import Incident
from signoff_schemas.commands import ResolveIncident
from signoff_schemas.job_events import IncidentResolved, JobReleased
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.task_events import TransitionRetried


def resolve(draft: Draft, command: ResolveIncident) -> Rejection | None:
    """Resolve, whether or not the cause is gone, and try again what was stuck."""
    incident = _find(draft, command.incident_key)
    if isinstance(incident, Rejection):
        return incident
    job = draft.open.job
    if job is not None and job.retries <= 0:
        return refuse(
            RejectionType.INVALID_STATE,
            Code.INCIDENT_JOB_WITHOUT_RETRIES,
            "RESOLVE",
            key=incident.key,
            job=job.key,
        )
    draft.emit(
        IncidentResolved(
            incident_key=incident.key,
            process_instance_key=incident.process_instance_key,
            at=draft.now,
        )
    )
    _try_again(draft, incident)
    return None


def _try_again(draft: Draft, incident: Incident) -> None:
    """The job, else the transition with all its listeners, else what the token does at its node."""
    instance = draft.open
    if instance.job is not None:
        draft.emit(
            JobReleased(
                job_key=instance.job.key, process_instance_key=instance.process.key, at=draft.now
            )
        )
    elif instance.task is not None:
        draft.emit(
            TransitionRetried(task_key=instance.task.key, process_instance_key=instance.process.key)
        )
        listeners.continue_transition(draft)
    else:
        tokens.try_again(draft, incident)


def _find(draft: Draft, key: int) -> Incident | Rejection:
    """The open incident with this key; another tenant's looks like none."""
    incident = None if draft.instance is None else draft.instance.incident
    tenants = draft.asker.principal.tenants
    if incident is None or incident.key != key or incident.tenant not in tenants:
        return refuse(RejectionType.NOT_FOUND, Code.INCIDENT_NOT_FOUND, "RESOLVE", key=key)
    return incident
