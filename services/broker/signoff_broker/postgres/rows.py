"""State and its rows: pure, both ways.

Column orders are those of ``sql/state.sql`` and ``load_instances``. A row to insert
begins with the columns of the row to update, so that what is mutable is said once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

import orjson
from pydantic import TypeAdapter

from signoff_broker.engine.state import (
    Incident,
    Instance,
    Job,
    Process,
    Transition,
    UserTask,
    Variable,
)
from signoff_broker.ports import assignment_due, late_at
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.values import (
    Attributes,
    IncidentState,
    IncidentType,
    JobKind,
    JobMark,
    JobState,
    ListenerEvent,
    ProcessReference,
    ProcessState,
    TaskProfile,
    TaskSnapshot,
    TaskState,
)
from signoff_schemas.work import Ending, Policy, Work

Row = tuple[object, ...]

_PROFILE: Final = TypeAdapter(TaskProfile)
_TRANSITION: Final = TypeAdapter(Transition)
_SNAPSHOT: Final = TypeAdapter(TaskSnapshot)
_WORK: Final = TypeAdapter(Work)
_POLICY: Final = TypeAdapter(Policy)

_ENDED: Final = frozenset(
    {
        TaskState.COMPLETED,
        TaskState.CANCELED,
        JobState.COMPLETED,
        JobState.CANCELED,
        ProcessState.COMPLETED,
        ProcessState.TERMINATED,
        IncidentState.RESOLVED,
    }
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

TASK_UPDATE_COLUMNS: Final = 22
PROCESS_COLUMNS: Final = 22
TASK_COLUMNS: Final = 23
JOB_COLUMNS: Final = 25
INCIDENT_COLUMNS: Final = 11
_TASK_AT: Final = PROCESS_COLUMNS
_JOB_AT: Final = _TASK_AT + TASK_COLUMNS
_INCIDENT_AT: Final = _JOB_AT + JOB_COLUMNS
_VARIABLES_AT: Final = _INCIDENT_AT + INCIDENT_COLUMNS


def is_open(state: TaskState | JobState | ProcessState | IncidentState) -> bool:
    """Whether something can still happen to what is in this state."""
    return state not in _ENDED


def process_update(process: Process) -> Row:
    """What of a process instance can change."""
    return (
        process.key,
        process.state,
        is_open(process.state),
        process.ended_at,
        process.node_id,
        process.element_instance_key,
        process.due_at,
        late_at(process),
        process.entered_at,
        process.retries,
        process.ending,
        process.reason or None,
        None if process.output is None else _json(process.output),
        process.descendants,
    )


def process_insert(process: Process) -> Row:
    """A process instance as a whole."""
    node = process.standalone
    return (
        *process_update(process),
        *_reference_columns(process.process),
        process.tenant,
        text_array(process.tags),
        process.business_id,
        process.started_at,
        None if node is None else node.__pydantic_serializer__.to_json(node).decode(),
        process.started_by,
    )


def task_update(task: UserTask) -> Row:
    """What of a task can change; None for an empty text (``sql/state.sql``)."""
    attributes, work = task.attributes, task.work
    claimant = None if work is None or work.claimant is None else work.claimant.id
    return (
        task.key,
        task.state,
        is_open(task.state),
        attributes.assignee or None,
        text_array(attributes.candidate_groups),
        text_array(attributes.candidate_users),
        attributes.due_date or None,
        instant(attributes.due_date),
        attributes.follow_up_date or None,
        instant(attributes.follow_up_date),
        attributes.priority,
        None if task.transition is None else _json(task.transition),
        claimant,
        task.completed_at,
        task.action or None,
        None if work is None else _json(work),
        None if task.policy is None else _json(task.policy),
        task.logged or None,
        task.updated_at,
        task.updated_by or None,
        task.timed_out or None,
        assignment_due(task),
    )


def task_insert(task: UserTask) -> Row:
    """A task as a whole."""
    return (
        *task_update(task),
        task.element_instance_key,
        task.process_instance_key,
        *_reference_columns(task.process),
        task.profile.element_id,
        task.profile.name,
        _json(task.profile),
        task.tenant,
        text_array(task.tags),
        task.business_id,
        task.created_at,
    )


def job_update(job: Job) -> Row:
    """What of a job can change; None for an empty text."""
    return (
        job.key,
        job.state,
        is_open(job.state),
        job.mark,
        job.retries,
        job.updated_at,
        job.due_at,
        job.worker or None,
        job.subscriber or None,
        job.lease_token or None,
        job.error_code or None,
        job.error_message or None,
        job.denied,
        job.denied_reason or None,
        job.ended_at,
        job.priority,
        job.failures,
    )


def job_insert(job: Job) -> Row:
    """A job as a whole."""
    return (
        *job_update(job),
        job.process_instance_key,
        *_reference_columns(job.process),
        job.tenant,
        job.job_type,
        job.kind,
        job.listener_event,
        job.element_id,
        job.element_instance_key,
        _json(dict(job.headers)) if job.headers else "{}",
        None if job.task is None else _json(job.task),
        job.created_at,
    )


def incident_update(incident: Incident) -> Row:
    """What of an incident can change."""
    return (incident.key, incident.state, is_open(incident.state), incident.resolved_at)


def incident_insert(incident: Incident) -> Row:
    """An incident as a whole."""
    return (
        *incident_update(incident),
        incident.process_instance_key,
        *_reference_columns(incident.process),
        incident.tenant,
        incident.error_type,
        incident.message,
        incident.element_id,
        incident.element_instance_key,
        incident.job_key,
        incident.task_key,
        incident.created_at,
    )


def variable_update(variable: Variable) -> Row:
    """What of a variable can change."""
    return (variable.key, _json(variable.value))


def variable_insert(variable: Variable) -> Row:
    """A variable as a whole."""
    return (
        *variable_update(variable),
        variable.process_instance_key,
        variable.scope_key,
        variable.name,
        variable.tenant,
    )


def instance_of(row: Sequence[Any]) -> Instance:
    """An open instance with all that is open in it, from a row of ``load_instances``."""
    process = _process(row[:_TASK_AT])
    key, reference = process.key, process.process
    task, job, incident = row[_TASK_AT:_JOB_AT], row[_JOB_AT:_INCIDENT_AT], row[_INCIDENT_AT:]
    return Instance(
        process,
        None if task[0] is None else _task(task, key, reference),
        None if job[0] is None else _job(job, key, reference),
        None if incident[0] is None else _incident(incident, key, reference),
        _variables(row[_VARIABLES_AT:], key),
    )


@lru_cache(maxsize=4096)
def instant(text: str) -> int | None:
    """A date of the dialects as epoch milliseconds; None if there is none, or it is no date.

    A zone name in brackets only explains the offset before it. Without an offset it is UTC.
    """
    try:
        date = datetime.fromisoformat(text.partition("[")[0])
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MILLISECOND


def _reference_columns(process: ProcessReference) -> Row:
    return (process.definition_key, process.process_id, process.version, process.name)


def _process(row: Sequence[Any]) -> Process:
    node = row[9]
    return Process(
        key=row[0],
        process=ProcessReference(*row[1:5]),
        tenant=row[5],
        tags=tuple(row[6]),
        business_id=row[7],
        started_at=row[8],
        standalone=None if node is None else UserTaskNode.model_validate_json(node),
        state=ProcessState(row[10]),
        ended_at=row[11],
        node_id=row[12],
        element_instance_key=row[13],
        started_by=row[14],
        due_at=row[15],
        entered_at=row[16],
        retries=row[17],
        ending=None if row[18] is None else Ending(row[18]),
        reason=row[19],
        output=None if row[20] is None else orjson.loads(row[20]),
        descendants=row[21],
    )


def _task(row: Sequence[Any], instance_key: int, process: ProcessReference) -> UserTask:
    return UserTask(
        key=row[0],
        element_instance_key=row[1],
        process_instance_key=instance_key,
        process=process,
        profile=_PROFILE.validate_json(row[2]),
        tenant=row[3],
        tags=tuple(row[4]),
        business_id=row[5],
        created_at=row[6],
        state=TaskState(row[7]),
        attributes=Attributes(
            assignee=row[8],
            candidate_groups=tuple(row[9]),
            candidate_users=tuple(row[10]),
            due_date=row[11],
            follow_up_date=row[12],
            priority=row[13],
        ),
        transition=None if row[14] is None else _TRANSITION.validate_json(row[14]),
        completed_at=row[15],
        action=row[16],
        work=None if row[17] is None else _WORK.validate_json(row[17]),
        policy=None if row[18] is None else _POLICY.validate_json(row[18]),
        logged=row[19],
        updated_at=row[20],
        updated_by=row[21],
        timed_out=row[22],
    )


def _job(row: Sequence[Any], instance_key: int, process: ProcessReference) -> Job:
    return Job(
        key=row[0],
        process_instance_key=instance_key,
        process=process,
        tenant=row[1],
        job_type=row[2],
        kind=JobKind(row[3]),
        listener_event=None if row[4] is None else ListenerEvent(row[4]),
        element_id=row[5],
        element_instance_key=row[6],
        headers=cast("dict[str, str]", orjson.loads(row[7])),
        task=None if row[8] is None else _SNAPSHOT.validate_json(row[8]),
        created_at=row[9],
        state=JobState(row[10]),
        mark=JobMark(row[11]),
        retries=row[12],
        priority=row[13],
        updated_at=row[14],
        due_at=row[15],
        worker=row[16],
        subscriber=row[17],
        lease_token=row[18],
        error_code=row[19],
        error_message=row[20],
        denied=row[21],
        denied_reason=row[22],
        ended_at=row[23],
        failures=row[24],
    )


def _incident(row: Sequence[Any], instance_key: int, process: ProcessReference) -> Incident:
    return Incident(
        key=row[0],
        process_instance_key=instance_key,
        process=process,
        tenant=row[1],
        error_type=IncidentType(row[2]),
        message=row[3],
        element_id=row[4],
        element_instance_key=row[5],
        job_key=row[6],
        task_key=row[7],
        created_at=row[8],
        state=IncidentState(row[9]),
        resolved_at=row[10],
    )


def _variables(row: Sequence[Any], instance_key: int) -> dict[int, dict[str, Variable]]:
    scopes: dict[int, dict[str, Variable]] = {}
    if row[0] is not None:
        for key, scope, name, value, tenant in zip(*row, strict=True):
            variable = Variable(key, instance_key, scope, name, orjson.loads(value), tenant)
            scopes.setdefault(scope, {})[name] = variable
    return scopes


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


@lru_cache(maxsize=1024)
def text_array(texts: tuple[str, ...]) -> str:
    """A text[] literal."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
