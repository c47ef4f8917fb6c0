"""A human task as the ordinary Conductor task that stands behind it."""

from typing import Final

from signoff_gateway.dialects.orkes.entries import input_of
from signoff_gateway.reads.work import WorkTaskRow
from signoff_schemas.ids import uuid_of
from signoff_schemas.work import WorkState

JsonObject = dict[str, object]

_STATUS: Final = {
    WorkState.COMPLETED: "COMPLETED",
    WorkState.TIMED_OUT: "TIMED_OUT",
    WorkState.DELETED: "CANCELED",
}
"""All other states are ``IN_PROGRESS``."""


def conductor_task(task: WorkTaskRow) -> JsonObject:
    """The task in Conductor's own terms."""
    given = input_of(task)
    return {
        "taskType": "HUMAN",
        "status": conductor_status(task.state),
        "inputData": given,
        "referenceTaskName": task.node_id,
        "retryCount": 0,
        "seq": 1,
        "pollCount": 0,
        "taskDefName": task.definition_name,
        "scheduledTime": task.created_at,
        "startTime": task.created_at,
        "endTime": task.completed_at or 0,
        "updateTime": task.updated_at,
        "startDelayInSeconds": 0,
        "retried": False,
        "executed": task.completed_at is not None,
        "callbackFromWorker": True,
        "responseTimeoutSeconds": 0,
        "workflowInstanceId": uuid_of(task.process_instance_key),
        "workflowType": task.process_id,
        "taskId": uuid_of(task.key),
        "callbackAfterSeconds": 0,
        "outputData": task.output,
        "workflowTask": {
            "name": task.definition_name,
            "taskReferenceName": task.node_id,
            "type": "HUMAN",
        },
        "rateLimitPerFrequency": 0,
        "rateLimitFrequencyInSeconds": 0,
        "workflowPriority": 0,
        "iteration": 0,
        "subworkflowChanged": False,
        "firstStartTime": task.created_at,
        "queueWaitTime": 0,
        "loopOverTask": False,
    }


def conductor_status(state: WorkState) -> str:
    """The status that Conductor gives a task in this state."""
    return _STATUS.get(state, "IN_PROGRESS")
