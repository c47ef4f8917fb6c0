"""Incident events applied to state."""

from dataclasses import replace

from signoff_broker.engine.state import Incident
from signoff_schemas.job_events import IncidentCreated, IncidentResolved
from signoff_schemas.values import IncidentState


def created(event: IncidentCreated) -> Incident:
    """The instance is stuck."""
    return Incident(
        key=event.incident_key,
        process_instance_key=event.process_instance_key,
        process=event.process,
        tenant=event.tenant,
        error_type=event.error_type,
        message=event.message,
        element_id=event.element_id,
        element_instance_key=event.element_instance_key,
        job_key=event.job_key,
        task_key=event.task_key,
        state=IncidentState.ACTIVE,
        created_at=event.at,
    )


def resolved(incident: Incident, event: IncidentResolved) -> Incident:
    """It goes on."""
    return replace(incident, state=IncidentState.RESOLVED, resolved_at=event.at)
