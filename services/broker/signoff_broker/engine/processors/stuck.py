"""How an instance gets stuck: an incident that waits for a person, or an early end."""

from signoff_broker.engine.draft import Draft, Failed
from signoff_schemas.job_events import IncidentCreated
from signoff_schemas.limits import TEXT_MAX
from signoff_schemas.values import IncidentType
from signoff_schemas.work import Ending


def get_stuck(
    draft: Draft,
    error_type: IncidentType,
    message: str,
    *,
    job_key: int | None = None,
    task_key: int | None = None,
) -> None:
    """Raise an incident where the token is, on a job, on a task's transition, or on the node.

    In a graph with a frame only a task waits for a person; all else ends the instance.
    """
    process = draft.open.process
    if process.entered_at is not None and task_key is None:
        draft.failure = Failed(Ending.FAILED, shortened(message))
        return
    draft.emit(
        IncidentCreated(
            incident_key=draft.new_key(),
            process_instance_key=process.key,
            process=process.process,
            tenant=process.tenant,
            error_type=error_type,
            message=shortened(message),
            element_id=process.node_id,
            element_instance_key=process.element_instance_key,
            job_key=job_key,
            task_key=task_key,
            at=draft.now,
        )
    )


def shortened(message: str) -> str:
    """The beginning of a message that is too long to keep."""
    return message if len(message) <= TEXT_MAX else f"{message[:TEXT_MAX]}..."
