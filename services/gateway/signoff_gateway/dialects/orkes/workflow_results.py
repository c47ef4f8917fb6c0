"""Workflow executions and their tasks as this dialect shows them.

Members without a value are left out, as Conductor does.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from signoff_gateway.dialects.orkes.conductor_task import conductor_task
from signoff_gateway.dialects.orkes.metadata import definition_of
from signoff_gateway.dialects.orkes.references import WORKFLOW
from signoff_gateway.reads.work import ElementRow, InstanceView, WorkTaskRow
from signoff_schemas.ids import uuid_of
from signoff_schemas.values import JobState, ProcessState
from signoff_schemas.work import EXHAUSTED, Ending

JsonObject = dict[str, object]

HIDDEN: Final = "__"
"""How ids of nodes begin that no task of the definition stands behind."""
SAVED_OUTPUT: Final = "__outputData"
"""The variable in which a job keeps what its worker said while it was in progress."""

_NOBODY_LEFT: Final = (
    "Task terminated as no more assignments pending and completion strategy is TERMINATE"
)
_OPEN: Final = frozenset({ProcessState.ACTIVE, ProcessState.TERMINATING})
_JOB_STATES: Final[Mapping[str, str]] = {
    JobState.ACTIVATABLE: "SCHEDULED",
    JobState.ACTIVATED: "IN_PROGRESS",
    JobState.BACKING_OFF: "SCHEDULED",
    JobState.FAILED: "FAILED",
    JobState.ERROR_THROWN: "FAILED_WITH_TERMINAL_ERROR",
    JobState.COMPLETED: "COMPLETED",
    JobState.CANCELED: "CANCELED",
}


def status_of(state: str, ending: str | None) -> str:
    """The status of a workflow."""
    if state in _OPEN:
        return "RUNNING"
    if state == ProcessState.COMPLETED:
        return Ending.COMPLETED
    return ending or Ending.TERMINATED


def reason_of(view: InstanceView) -> str | None:
    """Why a workflow did not come to its end; None if nothing is known of it."""
    return _NOBODY_LEFT if view.reason == EXHAUSTED else view.reason or None


def workflow_result(
    view: InstanceView, human: Mapping[int, WorkTaskRow], *, include_tasks: bool
) -> JsonObject:
    """A workflow execution; ``human`` has the rows of its HUMAN tasks by key."""
    definition = definition_of(view.content)
    facts = facts_of(view)
    shown = {each.node_id: each for each in view.elements if not each.node_id.startswith(HIDDEN)}
    failed = [each.node_id for each in shown.values() if _has_failed(each)]
    names = {name: str(task.get("name")) for name, task in tasks_of(definition).items()}
    latest = max((each.left_at or each.entered_at for each in view.elements), default=0)
    members: JsonObject = {
        "ownerApp": "",
        "createTime": view.started_at,
        "startTime": view.started_at,
        "updateTime": max(view.ended_at or 0, latest, view.started_at),
        "endTime": view.ended_at or 0,
        "createdBy": view.started_by,
        "status": status_of(view.state, view.ending),
        "workflowId": uuid_of(view.key),
        "workflowName": view.process_id,
        "workflowVersion": view.process_version,
        "correlationId": view.business_id or None,
        "reasonForIncompletion": reason_of(view),
        "input": facts.get("input", {}),
        "output": view.output or {},
        "variables": facts.get("variables", {}),
        "workflowDefinition": definition or None,
        "failedReferenceTaskNames": failed,
        "failedTaskNames": [names.get(each, each) for each in failed],
        "taskToDomain": {},
        "priority": 0,
        "lastRetriedTime": 0,
        "history": [],
        "tasks": list(task_results(view, human)) if include_tasks else [],
    }
    return _without_nothing(members)


def workflow_status(view: InstanceView, *, output: bool, variables: bool) -> JsonObject:
    """The summary of an execution."""
    return _without_nothing(
        {
            "workflowId": uuid_of(view.key),
            "correlationId": view.business_id or None,
            "status": status_of(view.state, view.ending),
            "output": (view.output or {}) if output else None,
            "variables": facts_of(view).get("variables", {}) if variables else None,
        }
    )


def task_results(view: InstanceView, human: Mapping[int, WorkTaskRow]) -> Iterator[JsonObject]:
    """The tasks of an execution in the order in which they were reached."""
    tasks = tasks_of(definition_of(view.content))
    shown = [each for each in view.elements if not each.node_id.startswith(HIDDEN)]
    visits: Counter[str] = Counter()
    for number, element in enumerate(shown, 1):
        row = None if element.task_key is None else human.get(element.task_key)
        if row is not None:
            # There are no loops: who is at a node again tries it again.
            yield {**conductor_task(row), "seq": number, "retryCount": visits[element.node_id]}
        else:
            yield _task(view, element, tasks.get(element.node_id, {}), number)
        visits[element.node_id] += 1


def task_id_of(element: ElementRow) -> str:
    """The id under which a worker or a person knows the task."""
    if element.task_key is not None:
        return uuid_of(element.task_key)
    return uuid_of(element.key if element.job_key is None else element.job_key)


def tasks_of(definition: Mapping[str, object]) -> dict[str, JsonObject]:
    """All tasks of a definition by reference name."""
    found: dict[str, JsonObject] = {}
    waiting = _objects(definition.get("tasks"))
    while waiting:
        task = waiting.pop()
        found[str(task.get("taskReferenceName"))] = task
        waiting += _objects(task.get("defaultCase"))
        cases = task.get("decisionCases")
        if isinstance(cases, dict):
            for branch in cast("JsonObject", cases).values():
                waiting += _objects(branch)
    return found


def _task(view: InstanceView, element: ElementRow, task: JsonObject, number: int) -> JsonObject:
    is_job = element.job_key is not None
    name = task.get("name", element.node_id)
    kind = task.get("type", "SIMPLE")
    begun = element.entered_at
    ended = element.left_at or 0
    members: JsonObject = {
        "taskType": name if is_job else kind,
        "status": _status(element),
        "inputData": _input(element, kind, task),
        "outputData": _output(element, kind),
        "referenceTaskName": element.node_id,
        "taskDefName": name,
        "taskId": task_id_of(element),
        "workflowInstanceId": uuid_of(view.key),
        "workflowType": view.process_id,
        "correlationId": view.business_id or None,
        "scheduledTime": begun,
        "startTime": begun,
        "updateTime": element.job_updated_at or ended or begun,
        "endTime": ended,
        "seq": number,
        "retryCount": element.job_failures or 0,
        "workerId": element.job_worker or None,
        "reasonForIncompletion": element.job_error_message or None,
        "workflowTask": task or None,
        **COMMON,
    }
    return _without_nothing(members)


def _input(element: ElementRow, kind: object, task: JsonObject) -> Mapping[str, object]:
    """What the task was given, under the names of this dialect."""
    given = element.input
    match kind:
        case "SWITCH":
            return {str(task.get("expression")): given.get("on")}
        case "TERMINATE":
            return {_TERMINATION.get(name, name): value for name, value in given.items()}
        case _:
            return given


def _output(element: ElementRow, kind: object) -> Mapping[str, object]:
    given = element.output or {}
    if kind == "SWITCH" and "case" in given:
        return {"evaluationResult": [given["case"]], "selectedCase": given["case"]}
    return given


_TERMINATION: Final[Mapping[str, str]] = {
    "ending": "terminationStatus",
    "reason": "terminationReason",
    "output": "workflowOutput",
}


COMMON: Final[Mapping[str, object]] = {
    "pollCount": 0,
    "retried": False,
    "executed": False,
    "callbackFromWorker": True,
    "callbackAfterSeconds": 0,
    "startDelayInSeconds": 0,
    "rateLimitPerFrequency": 0,
    "rateLimitFrequencyInSeconds": 0,
    "workflowPriority": 0,
    "iteration": 0,
    "loopOverTask": False,
    "subworkflowChanged": False,
    "queueWaitTime": 0,
}
"""What all tasks have in common, since nothing here makes a difference in it."""


def _status(element: ElementRow) -> str:
    if element.left_at is None:
        return _JOB_STATES.get(element.job_state or "", "IN_PROGRESS")
    match element.ending:
        case None | Ending.COMPLETED:
            return "COMPLETED"
        case Ending.TIMED_OUT:
            return "TIMED_OUT"
        case Ending.FAILED if element.job_key is not None:
            return "FAILED"
        case _:
            return "CANCELED"


def _has_failed(element: ElementRow) -> bool:
    return _status(element) in {"FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT"}


def facts_of(view: InstanceView) -> JsonObject:
    """What an execution knows of itself: ``input``, ``variables`` and its facts."""
    facts = view.variables.get(WORKFLOW)
    if isinstance(facts, dict):
        return cast("JsonObject", facts)
    # Started in the other dialect: its variables are the input.
    return {"input": dict(view.variables)}


def _objects(value: object) -> list[JsonObject]:
    items = cast("Sequence[object]", value) if isinstance(value, list) else ()
    return [cast("JsonObject", each) for each in items if isinstance(each, dict)]


def _without_nothing(members: Mapping[str, object]) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
