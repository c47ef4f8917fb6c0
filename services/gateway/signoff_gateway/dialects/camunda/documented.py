"""What the API's document says of this dialect's endpoints."""

from collections.abc import Iterable
from typing import Any, Final

from signoff_gateway.dialects.camunda import cluster_shapes, shapes
from signoff_gateway.dialects.camunda import search_tables as tables
from signoff_gateway.dialects.camunda.global_listeners import (
    GlobalListenerCreation,
    GlobalListenerUpdate,
)
from signoff_gateway.dialects.camunda.instance_models import ReferenceBody, StartBody
from signoff_gateway.dialects.camunda.job_models import (
    ActivationBody,
    JobCompletionBody,
    JobErrorBody,
    JobFailureBody,
    JobUpdateBody,
)
from signoff_gateway.dialects.camunda.search_schemas import Schema, search_schema
from signoff_gateway.dialects.camunda.user_task_models import (
    AssignmentBody,
    CompletionBody,
    CreationBody,
    UpdateBody,
    VariablesBody,
)
from signoff_gateway.openapi.operations import Content, Description, Operation, Parameter

_Row = tuple[str, str, Operation]
_PROBLEM: Final = ("application/problem+json",)
_TASK: Final = "/v2/user-tasks/{userTaskKey}"
_JOB: Final = "/v2/jobs/{jobKey}"
_INSTANCE: Final = "/v2/process-instances/{processInstanceKey}"
_LISTENERS: Final = "/v2/global-task-listeners"
_TASKS_TAG: Final = "user tasks"
_JOBS_TAG: Final = "jobs"
_PROCESSES_TAG: Final = "processes and variables"
_LISTENERS_TAG: Final = "global task listeners"
_CLUSTER_TAG: Final = "cluster"
_TRUNCATE: Final = Parameter("truncateValues", bool)
_USER_TASKS: Final = search_schema("UserTaskSearch", tables.USER_TASKS)
_JOBS: Final = search_schema("JobSearch", tables.JOBS)
_INCIDENTS: Final = search_schema("IncidentSearch", tables.INCIDENTS)
_VARIABLES: Final = search_schema("VariableSearch", tables.VARIABLES)
_TASK_VARIABLES: Final = search_schema("TaskVariableSearch", tables.TASK_VARIABLES)
_EFFECTIVE_VARIABLES: Final = search_schema("EffectiveVariableSearch", tables.EFFECTIVE_VARIABLES)
_PROCESS_INSTANCES: Final = search_schema("ProcessInstanceSearch", tables.PROCESS_INSTANCES)
_GLOBAL_LISTENERS: Final = search_schema("GlobalListenerSearch", tables.GLOBAL_LISTENERS)
_ALIASED: Final = ("/v2/user-tasks", "/v2/topology")


def _command(
    tag: str, summary: str, body: Any = None, *, required: bool = False, answer: Any = None
) -> Operation:
    """``answer``: what it is answered with, if not with 204."""
    answers = {204: None} if answer is None else {200: Content(answer)}
    request = None if body is None else Content(body)
    return Operation(tag, summary, answers, request, required=required)


def _get(tag: str, summary: str, answer: Any) -> Operation:
    return Operation(tag, summary, {200: Content(answer)})


def _search(tag: str, summary: str, request: Schema, item: Any) -> Operation:
    is_about_variables = item is shapes.FoundVariable
    return Operation(
        tag,
        summary,
        {200: Content(shapes.Found[item])},
        Content(request),
        required=False,
        query=(_TRUNCATE,) if is_about_variables else (),
    )


def _of_user_tasks() -> Iterable[_Row]:
    tag = _TASKS_TAG
    created = Operation(
        tag,
        "Create a user task without a process",
        {201: Content(shapes.CreatedTask)},
        Content(CreationBody),
    )
    yield "POST", "/v2/user-tasks", created
    yield "GET", _TASK, _get(tag, "Get a user task", shapes.UserTask)
    yield "PATCH", _TASK, _command(tag, "Update a user task", UpdateBody)
    assign = _command(tag, "Assign or claim a user task", AssignmentBody, required=True)
    yield "POST", f"{_TASK}/assignment", assign
    yield "DELETE", f"{_TASK}/assignee", _command(tag, "Unassign a user task")
    complete = _command(tag, "Complete a user task", CompletionBody)
    yield "POST", f"{_TASK}/completion", complete
    form = {200: Content(shapes.Form), 204: None}
    yield "GET", f"{_TASK}/form", Operation(tag, "Get the form of a user task", form)
    found = _search(tag, "Search user tasks", _USER_TASKS, shapes.UserTask)
    yield "POST", "/v2/user-tasks/search", found
    for name, what in (
        ("variables", _TASK_VARIABLES),
        ("effective-variables", _EFFECTIVE_VARIABLES),
    ):
        summary = f"Search the {name.replace('-', ' ')} of a user task"
        yield "POST", f"{_TASK}/{name}/search", _search(tag, summary, what, shapes.FoundVariable)


def _of_jobs() -> Iterable[_Row]:
    tag = _JOBS_TAG
    activate = _command(
        tag,
        "Activate jobs, waiting for them",
        ActivationBody,
        required=True,
        answer=shapes.ActivatedJobs,
    )
    yield "POST", "/v2/jobs/activation", activate
    yield "POST", f"{_JOB}/completion", _command(tag, "Complete a job", JobCompletionBody)
    yield "POST", f"{_JOB}/failure", _command(tag, "Fail a job", JobFailureBody)
    throw = _command(tag, "Throw an error for a job", JobErrorBody, required=True)
    yield "POST", f"{_JOB}/error", throw
    yield "PATCH", _JOB, _command(tag, "Update a job", JobUpdateBody, required=True)
    yield "POST", "/v2/jobs/search", _search(tag, "Search jobs", _JOBS, shapes.Job)


def _of_processes() -> Iterable[_Row]:
    tag = _PROCESSES_TAG
    deploy = Operation(
        tag,
        "Deploy resources",
        {200: Content(shapes.Deployment)},
        Content(shapes.DeploymentForm, ("multipart/form-data",)),
    )
    yield "POST", "/v2/deployments", deploy
    start = _command(
        tag, "Start a process instance", StartBody, required=True, answer=shapes.StartedInstance
    )
    yield "POST", "/v2/process-instances", start
    yield "GET", _INSTANCE, _get(tag, "Get a process instance", shapes.ProcessInstance)
    cancel = _command(tag, "Cancel a process instance", ReferenceBody)
    yield "POST", f"{_INSTANCE}/cancellation", cancel
    found = _search(tag, "Search process instances", _PROCESS_INSTANCES, shapes.ProcessInstance)
    yield "POST", "/v2/process-instances/search", found
    yield "GET", "/v2/forms/{formKey}", _get(tag, "Get a form", shapes.Form)
    yield from _of_resources(tag)
    yield "GET", "/v2/variables/{variableKey}", _get(tag, "Get a variable", shapes.Variable)
    found = _search(tag, "Search variables", _VARIABLES, shapes.FoundVariable)
    yield "POST", "/v2/variables/search", found
    element = "/v2/element-instances/{elementInstanceKey}"
    put = _command(tag, "Set variables of an element instance", VariablesBody, required=True)
    yield "PUT", f"{element}/variables", put
    yield from _of_incidents(tag, element)


def _of_resources(tag: str) -> Iterable[_Row]:
    one = "/v2/resources/{resourceKey}"
    get = "Get a deployed file that is neither a process nor a form"
    yield "GET", one, _get(tag, get, shapes.StoredResource)
    as_json = {200: Content(dict[str, Any])}
    content = "Get the JSON object that such a file holds"
    yield "GET", f"{one}/content", Operation(tag, content, as_json, refusals=(406,))
    as_bytes = {200: Content(bytes, ("application/octet-stream",))}
    binary = "Get such a file byte for byte"
    yield "GET", f"{one}/content/binary", Operation(tag, binary, as_bytes)


def _of_incidents(tag: str, element: str) -> Iterable[_Row]:
    incident = "/v2/incidents/{incidentKey}"
    yield "GET", incident, _get(tag, "Get an incident", shapes.Incident)
    resolve = _command(tag, "Resolve an incident", ReferenceBody)
    yield "POST", f"{incident}/resolution", resolve
    for template, summary in (
        ("/v2/incidents/search", "Search incidents"),
        (f"{element}/incidents/search", "Search incidents of an element instance"),
        (f"{_INSTANCE}/incidents/search", "Search incidents of a process instance"),
    ):
        yield "POST", template, _search(tag, summary, _INCIDENTS, shapes.Incident)


def _of_global_listeners() -> Iterable[_Row]:
    tag, one = _LISTENERS_TAG, f"{_LISTENERS}/{{id}}"
    shown = Content(shapes.GlobalListener)
    create = "Create a global task listener"
    yield "POST", _LISTENERS, Operation(tag, create, {201: shown}, Content(GlobalListenerCreation))
    yield "GET", one, _get(tag, "Get a global task listener", shapes.GlobalListener)
    update = "Replace a global task listener"
    yield "PUT", one, Operation(tag, update, {200: shown}, Content(GlobalListenerUpdate))
    yield "DELETE", one, _command(tag, "Delete a global task listener")
    found = _search(tag, "Search global task listeners", _GLOBAL_LISTENERS, shapes.GlobalListener)
    yield "POST", f"{_LISTENERS}/search", found


def _of_the_cluster() -> Iterable[_Row]:
    tag, command = _CLUSTER_TAG, "/v2/commands/{commandId}"
    yield "GET", command, _get(tag, "Ask what became of a command", cluster_shapes.Command)
    withdraw = Operation(
        tag, "Withdraw a command", {200: Content(cluster_shapes.Withdrawal)}, refusals=(409, 422)
    )
    yield "POST", f"{command}/withdrawal", withdraw
    yield "GET", "/v2/topology", _get(tag, "Get the cluster's topology", cluster_shapes.Topology)
    yield "GET", "/v2/status", _command(tag, "Ask whether commands are taken")
    yield "GET", "/v2/license", _get(tag, "Get the license", cluster_shapes.License)
    yield "GET", "/v2/authentication/me", _get(tag, "Get the caller", cluster_shapes.Me)
    metrics = {200: Content(str, ("text/plain",))}
    yield "GET", "/metrics", Operation(tag, "Get metrics for Prometheus", metrics)


def _all() -> Iterable[_Row]:
    for rows in (
        _of_user_tasks(),
        _of_jobs(),
        _of_processes(),
        _of_global_listeners(),
        _of_the_cluster(),
    ):
        for method, template, operation in rows:
            yield method, template, operation
            if template.startswith(_ALIASED):
                yield method, "/v1" + template.removeprefix("/v2"), operation


DESCRIPTION: Final = Description(
    name="Camunda 8",
    prefix="Camunda",
    operations={(method, template): operation for method, template, operation in _all()},
    path=dict.fromkeys(
        (
            "userTaskKey",
            "jobKey",
            "processInstanceKey",
            "elementInstanceKey",
            "incidentKey",
            "variableKey",
            "formKey",
            "resourceKey",
        ),
        shapes.Key,
    ),
    refusal=Content(shapes.Problem, _PROBLEM),
    refusals={504: Content(shapes.Problem | shapes.Timeout, _PROBLEM)},
)
