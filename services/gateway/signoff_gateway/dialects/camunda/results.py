"""Rows as this dialect's resources: every field is present, null where there is no value."""

from datetime import UTC, datetime, timedelta
from typing import Final

from signoff_gateway.dialects.camunda.headers import job_headers
from signoff_gateway.dialects.camunda.search_tables import JOB_KINDS
from signoff_gateway.reads.rows import (
    FormRow,
    IncidentRow,
    JobRow,
    ProcessInstanceRow,
    ResourceRow,
    UserTaskRow,
    VariableRow,
)
from signoff_schemas.values import GlobalListener, ListenerEvent

JsonObject = dict[str, object]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_LAST_MS: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_KINDS: Final = {stored: name for name, values in JOB_KINDS.items() for stored in values}


def user_task_result(row: UserTaskRow) -> JsonObject:
    """A user task; a claim that waits for listeners shows as an assignment."""
    return {
        "userTaskKey": str(row.key),
        "state": "ASSIGNING" if row.state == "CLAIMING" else row.state,
        "name": row.name,
        "elementId": row.element_id,
        "elementInstanceKey": str(row.element_instance_key),
        "assignee": row.assignee,
        "candidateGroups": row.candidate_groups,
        "candidateUsers": row.candidate_users,
        "priority": row.priority,
        "processDefinitionId": row.process_id,
        "processDefinitionKey": str(row.definition_key),
        "processDefinitionVersion": row.process_version,
        "processName": row.process_name,
        "processInstanceKey": str(row.process_instance_key),
        "rootProcessInstanceKey": str(row.process_instance_key),
        "tenantId": row.tenant,
        "creationDate": date_time(row.created_at),
        "completionDate": date_time(row.completed_at),
        "dueDate": date_time(row.due_at),
        "followUpDate": date_time(row.follow_up_at),
        "formKey": _key(row.form_key),
        "externalFormReference": row.form_external,
        "customHeaders": row.headers,
        "tags": row.tags,
        "businessId": row.business_id,
    }


def job_result(row: JobRow) -> JsonObject:
    """A job as job search shows it; its state is the last thing that happened to it."""
    return {
        "jobKey": str(row.key),
        "type": row.job_type,
        "kind": _KINDS[row.kind],
        "listenerEventType": row.listener_event.upper() or "UNSPECIFIED",
        "state": row.mark,
        "retries": row.retries,
        "worker": row.worker,
        "deadline": date_time(row.deadline),
        "isDenied": row.denied,
        "deniedReason": row.denied_reason,
        "errorCode": row.error_code,
        "errorMessage": row.error_message,
        "hasFailedWithRetriesLeft": row.failed_with_retries_left,
        "customHeaders": job_headers(row.headers, row.snapshot),
        "elementId": row.element_id,
        "elementInstanceKey": str(row.element_instance_key),
        "processDefinitionId": row.process_id,
        "processDefinitionKey": str(row.definition_key),
        "processInstanceKey": str(row.process_instance_key),
        "rootProcessInstanceKey": str(row.process_instance_key),
        "tenantId": row.tenant,
        "creationTime": date_time(row.created_at),
        "endTime": date_time(row.ended_at),
        "lastUpdateTime": date_time(row.updated_at),
        # Jobs carry neither; one of the published clients wants the list to be there.
        "businessId": None,
        "tags": [],
        "priority": row.priority,
    }


def incident_result(row: IncidentRow) -> JsonObject:
    """An incident."""
    return {
        "incidentKey": str(row.key),
        "errorType": row.error_type,
        "errorMessage": row.message,
        "state": row.state,
        "creationTime": date_time(row.created_at),
        "elementId": row.element_id,
        "elementInstanceKey": str(row.element_instance_key),
        "jobKey": _key(row.job_key),
        "processDefinitionId": row.process_id,
        "processDefinitionKey": str(row.definition_key),
        "processInstanceKey": str(row.process_instance_key),
        "rootProcessInstanceKey": str(row.process_instance_key),
        "tenantId": row.tenant,
    }


def variable_result(row: VariableRow) -> JsonObject:
    """A variable with its whole value."""
    return {
        "variableKey": str(row.key),
        "name": row.name,
        "value": row.value,
        "scopeKey": str(row.scope_key),
        "processInstanceKey": str(row.process_instance_key),
        "rootProcessInstanceKey": str(row.process_instance_key),
        "tenantId": row.tenant,
    }


def variable_search_result(row: VariableRow, *, truncated: bool) -> JsonObject:
    """A variable as searches show it; ``truncated`` if long values were not read to their end."""
    return {**variable_result(row), "isTruncated": truncated and row.is_long}


def process_instance_result(row: ProcessInstanceRow) -> JsonObject:
    """A process instance; one that waits for canceling listeners is still active."""
    return {
        "processInstanceKey": str(row.key),
        "processDefinitionId": row.process_id,
        "processDefinitionName": row.process_name,
        "processDefinitionVersion": row.process_version,
        "processDefinitionVersionTag": None,
        "processDefinitionKey": str(row.definition_key),
        "parentProcessInstanceKey": None,
        "parentElementInstanceKey": None,
        "rootProcessInstanceKey": str(row.key),
        "startDate": date_time(row.started_at),
        "endDate": date_time(row.ended_at),
        "suspendedDate": None,
        "state": "ACTIVE" if row.state == "TERMINATING" else row.state,
        "hasIncident": row.has_incident,
        "tenantId": row.tenant,
        "tags": row.tags,
        "businessId": row.business_id,
    }


def form_result(row: FormRow) -> JsonObject:
    """A form; its schema is a text."""
    return {
        "formKey": str(row.key),
        "formId": row.form_id,
        "version": row.version,
        "tenantId": row.tenant,
        "schema": row.content,
    }


def resource_result(row: ResourceRow) -> JsonObject:
    """A deployed file that is neither a process nor a form."""
    return {
        "resourceName": row.name,
        "version": row.version,
        "versionTag": None,
        "resourceId": row.name,
        "tenantId": row.tenant,
        "resourceKey": str(row.key),
    }


def global_listener_result(listener: GlobalListener) -> JsonObject:
    """A global listener; one of every event shows that in one word."""
    every = len(listener.events) == len(ListenerEvent)
    return {
        "id": listener.id,
        "type": listener.job_type,
        "eventTypes": ["all"] if every else list(listener.events),
        "retries": listener.retries,
        "afterNonGlobal": listener.after_own,
        "priority": listener.priority,
        "source": "CONFIGURATION" if listener.configured else "API",
    }


def date_time(instant: int | None) -> str | None:
    """Epoch milliseconds as ``2031-05-06T07:08:09.000Z``; null for what no calendar has."""
    if instant is None or not _FIRST_MS <= instant <= _LAST_MS:
        return None
    moment = _EPOCH + timedelta(milliseconds=instant)
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def _key(key: int | None) -> str | None:
    return None if key is None else str(key)
