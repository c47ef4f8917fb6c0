"""What can be searched for in this dialect: per resource the filter fields and the sort fields."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from signoff_gateway.dialects.camunda.search_fields import (
    EnumField,
    EnumListField,
    FilterField,
    FlagField,
    InstantField,
    IntegerField,
    KeyField,
    TextField,
    TextsField,
    VariablesField,
)
from signoff_gateway.reads import Entity
from signoff_schemas.values import IncidentType, ListenerEvent

_NOT_FILTERED_BY_VALUE: Final = (
    "User tasks cannot be filtered by the values of variables yet: leave out"
    " processInstanceVariables and localVariables"
)


@dataclass(frozen=True)
class Searchable:
    """A resource that can be searched for; its sort fields are in the order of the API."""

    entity: Entity
    filters: Mapping[str, FilterField]
    sorts: Mapping[str, str]
    alternatives: bool = False
    """Whether its filter has ``$or``."""
    cursors: bool = True


def _same(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names}


def _not_here(*names: str) -> dict[str, tuple[str, ...]]:
    """Names that the API has and that stand for nothing of ours."""
    return dict.fromkeys(names, ())


TASK_STATES: Final = {
    "CREATING": ("CREATING",),
    "CREATED": ("CREATED",),
    "ASSIGNING": ("ASSIGNING", "CLAIMING"),
    "UPDATING": ("UPDATING",),
    "COMPLETING": ("COMPLETING",),
    "COMPLETED": ("COMPLETED",),
    "CANCELING": ("CANCELING",),
    "CANCELED": ("CANCELED",),
    **_not_here("FAILED"),
}
JOB_STATES: Final = {
    **_same(("CANCELED", "COMPLETED", "CREATED", "ERROR_THROWN", "FAILED")),
    **_not_here("MIGRATED"),
    **_same(("PRIORITY_UPDATED", "RETRIES_UPDATED", "TIMEOUT_UPDATED", "TIMED_OUT")),
}
JOB_KINDS: Final = {
    "BPMN_ELEMENT": ("SERVICE_TASK",),
    "EXECUTION_LISTENER": (),
    "TASK_LISTENER": ("TASK_LISTENER",),
    "AD_HOC_SUB_PROCESS": (),
}
LISTENER_EVENT_TYPES: Final = dict(
    sorted(
        {
            "UNSPECIFIED": ("",),
            **{event.upper(): (event.value,) for event in ListenerEvent},
            **_not_here("BEFORE_ALL", "CANCEL", "END", "START"),
        }.items()
    )
)
ERROR_TYPES: Final = dict(
    sorted(
        {
            **_same(IncidentType),
            **_not_here(
                "AD_HOC_SUB_PROCESS_NO_RETRIES",
                "CALLED_DECISION_ERROR",
                "CALLED_ELEMENT_ERROR",
                "CONDITION_ERROR",
                "DECISION_EVALUATION_ERROR",
                "EXECUTION_LISTENER_NO_RETRIES",
                "RESOURCE_NOT_FOUND",
                "SECRET_RESOLUTION_ERROR",
                "UNKNOWN",
                "UNSPECIFIED",
            ),
        }.items()
    )
)
INCIDENT_STATES: Final = {
    "ACTIVE": ("ACTIVE",),
    "MIGRATED": (),
    "PENDING": (),
    "RESOLVED": ("RESOLVED",),
    "UNKNOWN": (),
}
PROCESS_STATES: Final = {
    "ACTIVE": ("ACTIVE", "TERMINATING"),
    "COMPLETED": ("COMPLETED",),
    "SUSPENDED": (),
    "TERMINATED": ("TERMINATED",),
}
SOURCES: Final = {"CONFIGURATION": (True,), "API": (False,)}

_VARIABLE_SORTS: Final = {
    "value": "value",
    "name": "name",
    "tenantId": "tenant",
    "variableKey": "key",
    "scopeKey": "scope_key",
    "processInstanceKey": "process_instance_key",
}

USER_TASKS: Final = Searchable(
    Entity.USER_TASKS,
    {
        "state": EnumField("state", TASK_STATES),
        "assignee": TextField("assignee"),
        "name": TextField("name"),
        "priority": IntegerField("priority"),
        "candidateGroup": TextField("candidate_groups"),
        "candidateUser": TextField("candidate_users"),
        "tenantId": TextField("tenant"),
        "processDefinitionId": TextField("process_id"),
        "creationDate": InstantField("created_at"),
        "completionDate": InstantField("completed_at"),
        "followUpDate": InstantField("follow_up_at"),
        "dueDate": InstantField("due_at"),
        "processDefinitionKey": KeyField("definition_key"),
        "processInstanceKey": KeyField("process_instance_key"),
        "businessId": TextField("business_id"),
        "userTaskKey": KeyField("key", plain=True),
        "elementInstanceKey": KeyField("element_instance_key", plain=True),
        "elementId": TextField("element_id", plain=True),
        "tags": TextsField("tags"),
        "processInstanceVariables": VariablesField(_NOT_FILTERED_BY_VALUE),
        "localVariables": VariablesField(_NOT_FILTERED_BY_VALUE),
    },
    {
        "creationDate": "created_at",
        "completionDate": "completed_at",
        "followUpDate": "follow_up_at",
        "dueDate": "due_at",
        "priority": "priority",
        "name": "name",
        "businessId": "business_id",
    },
    alternatives=True,
)

JOBS: Final = Searchable(
    Entity.JOBS,
    {
        "creationTime": InstantField("created_at"),
        "deadline": InstantField("deadline"),
        "deniedReason": TextField("denied_reason"),
        "elementId": TextField("element_id"),
        "elementInstanceKey": KeyField("element_instance_key"),
        "endTime": InstantField("ended_at"),
        "errorCode": TextField("error_code"),
        "errorMessage": TextField("error_message"),
        "hasFailedWithRetriesLeft": FlagField("failed_with_retries_left"),
        "isDenied": FlagField("denied"),
        "jobKey": KeyField("key"),
        "kind": EnumField("kind", JOB_KINDS),
        "lastUpdateTime": InstantField("updated_at"),
        "listenerEventType": EnumField("listener_event", LISTENER_EVENT_TYPES),
        "priority": IntegerField("priority"),
        "processDefinitionId": TextField("process_id"),
        "processDefinitionKey": KeyField("definition_key"),
        "processInstanceKey": KeyField("process_instance_key"),
        "retries": IntegerField("retries"),
        "state": EnumField("mark", JOB_STATES),
        "tenantId": TextField("tenant"),
        "type": TextField("job_type"),
        "worker": TextField("worker"),
    },
    {
        "creationTime": "created_at",
        "deadline": "deadline",
        "deniedReason": "denied_reason",
        "elementId": "element_id",
        "elementInstanceKey": "element_instance_key",
        "endTime": "ended_at",
        "errorCode": "error_code",
        "errorMessage": "error_message",
        "hasFailedWithRetriesLeft": "failed_with_retries_left",
        "isDenied": "denied",
        "jobKey": "key",
        "kind": "kind",
        "listenerEventType": "listener_event",
        "priority": "priority",
        "processDefinitionId": "process_id",
        "processDefinitionKey": "definition_key",
        "processInstanceKey": "process_instance_key",
        "retries": "retries",
        "state": "mark",
        "tenantId": "tenant",
        "type": "job_type",
        "worker": "worker",
    },
)

INCIDENTS: Final = Searchable(
    Entity.INCIDENTS,
    {
        "incidentKey": KeyField("key"),
        "errorType": EnumField("error_type", ERROR_TYPES),
        "errorMessage": TextField("message"),
        "state": EnumField("state", INCIDENT_STATES, negated_lists=True),
        "creationTime": InstantField("created_at"),
        "elementId": TextField("element_id"),
        "elementInstanceKey": KeyField("element_instance_key"),
        "jobKey": KeyField("job_key"),
        "processDefinitionId": TextField("process_id"),
        "processDefinitionKey": KeyField("definition_key"),
        "processInstanceKey": KeyField("process_instance_key"),
        "tenantId": TextField("tenant"),
    },
    {
        "incidentKey": "key",
        "errorType": "error_type",
        "state": "state",
        "creationTime": "created_at",
        "elementId": "element_id",
        "elementInstanceKey": "element_instance_key",
        "jobKey": "job_key",
        "processDefinitionId": "process_id",
        "processDefinitionKey": "definition_key",
        "processInstanceKey": "process_instance_key",
        "tenantId": "tenant",
    },
)

VARIABLES: Final = Searchable(
    Entity.VARIABLES,
    {
        "name": TextField("name"),
        "value": TextField("value"),
        "tenantId": TextField("tenant", plain=True),
        "isTruncated": FlagField("is_long"),
        "variableKey": KeyField("key"),
        "scopeKey": KeyField("scope_key"),
        "processInstanceKey": KeyField("process_instance_key"),
    },
    _VARIABLE_SORTS,
)
TASK_VARIABLES: Final = Searchable(Entity.VARIABLES, {"name": TextField("name")}, _VARIABLE_SORTS)
EFFECTIVE_VARIABLES: Final = Searchable(
    Entity.VARIABLES, {"name": TextField("name")}, _VARIABLE_SORTS, cursors=False
)

GLOBAL_LISTENERS: Final = Searchable(
    Entity.GLOBAL_LISTENERS,
    {
        "id": TextField("id"),
        "type": TextField("job_type"),
        "retries": IntegerField("retries"),
        "eventTypes": EnumListField("events", "all", tuple(ListenerEvent)),
        "afterNonGlobal": FlagField("after_own"),
        "priority": IntegerField("priority"),
        "source": EnumField("configured", SOURCES),
    },
    {
        "id": "id",
        "type": "job_type",
        "afterNonGlobal": "after_own",
        "priority": "priority",
        "source": "configured",
    },
)

PROCESS_INSTANCES: Final = Searchable(
    Entity.PROCESS_INSTANCES,
    {
        "processInstanceKey": KeyField("key"),
        "processDefinitionId": TextField("process_id"),
        "processDefinitionName": TextField("process_name"),
        "processDefinitionVersion": IntegerField("process_version"),
        "processDefinitionKey": KeyField("definition_key"),
        "startDate": InstantField("started_at"),
        "endDate": InstantField("ended_at"),
        "state": EnumField("state", PROCESS_STATES),
        "hasIncident": FlagField("has_incident"),
        "tenantId": TextField("tenant"),
        "elementId": TextField("element_id"),
        "tags": TextsField("tags"),
        "businessId": TextField("business_id"),
    },
    {
        "processInstanceKey": "key",
        "processDefinitionId": "process_id",
        "processDefinitionName": "process_name",
        "processDefinitionVersion": "process_version",
        "processDefinitionKey": "definition_key",
        "startDate": "started_at",
        "endDate": "ended_at",
        "state": "state",
        "hasIncident": "has_incident",
        "tenantId": "tenant",
        "businessId": "business_id",
    },
    alternatives=True,
)
