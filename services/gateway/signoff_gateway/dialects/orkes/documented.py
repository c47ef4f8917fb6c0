"""What the API's document says of this dialect's endpoints."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from signoff_gateway.dialects.orkes import directory_shapes, shapes
from signoff_gateway.dialects.orkes.definitions import TaskDef, WorkflowDef
from signoff_gateway.dialects.orkes.directory_models import (
    ApplicationBody,
    GrantBody,
    GroupBody,
    TokenBody,
    UserBody,
)
from signoff_gateway.dialects.orkes.task_models import (
    AssignmentBody,
    SearchBody,
    TagBody,
    TemplateBody,
)
from signoff_gateway.dialects.orkes.workflow_models import StartBody, TaskResultBody
from signoff_gateway.dialects.orkes.workflows import NOT_SUPPORTED
from signoff_gateway.openapi.operations import JSON, Content, Description, Operation, Parameter

_Row = tuple[str, str, Operation]
_TASKS: Final = "/api/human/tasks"
_TASK: Final = f"{_TASKS}/{{taskId}}"
_FORMS: Final = "/api/human/template"
_WORKFLOWS: Final = "/api/workflow"
_WORKFLOW: Final = f"{_WORKFLOWS}/{{workflowId}}"
_METADATA: Final = "/api/metadata"
_WORKERS: Final = "/api/tasks"
_APPLICATIONS: Final = "/api/applications"
_APPLICATION: Final = f"{_APPLICATIONS}/{{id}}"
_GRANTS: Final = "/api/auth/authorization"
_USER: Final = "/api/users/{id}"
_GROUP: Final = "/api/groups/{id}"
_TEXT_OR_JSON: Final = ("text/plain", JSON)
_OBJECT = dict[str, Any]
_VOID: Final = None
_TEMPLATE: Final = Parameter("withTemplate", bool)
_OVERRIDE: Final = Parameter("overrideAssignment", bool)
_COMPLETE: Final = Parameter("complete", bool)
_VERSION: Final = Parameter("version", int)


def _op(
    tag: str,
    summary: str,
    answer: Any = _VOID,
    *query: Parameter,
    body: Any = None,
    required: bool = True,
    refusals: tuple[int, ...] = (),
) -> Operation:
    """``answer``: the type of what comes with 200, or its content; by default it is empty."""
    content = answer if answer is None or isinstance(answer, Content) else Content(answer)
    request = None if body is None else Content(body)
    return Operation(tag, summary, {200: content}, request, required, query, refusals)


def _of_human_tasks() -> Iterable[_Row]:
    tag, entry = "human tasks", shapes.HumanTaskEntry
    yield "GET", _TASK, _op(tag, "Get a human task", entry, _TEMPLATE)
    conductor = _op(tag, "Get the workflow's task behind a human task", shapes.Task)
    yield "GET", f"{_TASK}/conductorTask", conductor
    claim = _op(tag, "Claim a human task", entry, _OVERRIDE, _TEMPLATE)
    yield "POST", f"{_TASK}/claim", claim
    claim = _op(tag, "Claim a human task for an external user", entry, _OVERRIDE, _TEMPLATE)
    yield "POST", f"{_TASK}/externalUser/{{userId}}", claim
    yield "POST", f"{_TASK}/release", _op(tag, "Release a human task")
    skip = _op(tag, "Skip the assignee of a human task", _VOID, Parameter("reason", str))
    yield "POST", f"{_TASK}/skip", skip
    reassign = _op(tag, "Give a human task other assignees", body=list[AssignmentBody])
    yield "POST", f"{_TASK}/reassign", reassign
    update = _op(tag, "Update or complete a human task", _VOID, _COMPLETE, body=_OBJECT)
    by_name = _op(
        tag,
        "Update or complete a human task by its reference name",
        _VOID,
        Parameter("workflowId", str, required=True),
        Parameter("taskRefName", str, required=True),
        _COMPLETE,
        Parameter("iteration", list[int]),
        body=_OBJECT,
        refusals=(404, 409, 422),
    )
    for method in ("POST", "PUT"):
        yield method, f"{_TASK}/update", update
        yield method, f"{_TASKS}/update/taskRef", by_name
    yield "DELETE", f"{_TASKS}/delete/{{taskId}}", _op(tag, "Delete a human task")
    yield "DELETE", f"{_TASKS}/delete", _op(tag, "Delete human tasks", body=shapes.Texts)
    found = shapes.HumanTaskSearchResult
    search = _op(tag, "Search human tasks", found, body=SearchBody, required=False)
    yield "POST", f"{_TASKS}/search", search
    kind = Parameter("searchType", Literal["ADMIN", "INBOX"], required=True)
    names = _op(tag, "List the display names of human tasks", shapes.Texts, kind)
    yield "GET", f"{_TASKS}/getTaskDisplayNames", names
    fill = _op(tag, "Fill the full-text index", _OBJECT, Parameter("100", int))
    yield "GET", f"{_TASKS}/backPopulateFullTextIndex", fill


def _of_forms() -> Iterable[_Row]:
    tag, form = "user forms", shapes.HumanTaskTemplate
    name, one = f"{_FORMS}/{{name}}", f"{_FORMS}/{{name}}/{{version}}"
    yield "GET", f"{_FORMS}/{{humanTaskId}}", _op(tag, "Get the user form of a human task", form)
    name_too = Parameter("name", str)
    listed = _op(
        tag, "List user forms", list[shapes.HumanTaskTemplate], name_too, _VERSION, refusals=(404,)
    )
    yield "GET", _FORMS, listed
    new = Parameter("newVersion", bool)
    yield "POST", _FORMS, _op(tag, "Save a user form", form, new, body=TemplateBody)
    save = _op(tag, "Save user forms", list[shapes.HumanTaskTemplate], new, body=list[TemplateBody])
    yield "POST", f"{_FORMS}/bulk", save
    yield "GET", one, _op(tag, "Get a user form", form)
    yield "DELETE", name, _op(tag, "Delete a user form")
    yield "DELETE", one, _op(tag, "Delete one version of a user form")
    yield from _of_tags(f"{name}/tags", tag, "a user form")


def _of_tags(template: str, tag: str, what: str) -> Iterable[_Row]:
    yield "GET", template, _op(tag, f"List the tags of {what}", list[shapes.Tag])
    yield "PUT", template, _op(tag, f"Set tags of {what}", body=list[TagBody])
    yield "DELETE", template, _op(tag, f"Delete tags of {what}", body=list[TagBody])


def _of_definitions() -> Iterable[_Row]:
    tag, workflows, tasks = "definitions", f"{_METADATA}/workflow", f"{_METADATA}/taskdefs"
    given = WorkflowDef | list[WorkflowDef]
    overwrite = Parameter("overwrite", bool)
    save = "Save workflow definitions"
    yield "POST", workflows, _op(tag, save, _VOID, overwrite, body=given)
    yield "PUT", workflows, _op(tag, save, shapes.Bulk, overwrite, body=given)
    shown = shapes.WorkflowDefinition
    yield "GET", workflows, _op(tag, "List workflow definitions", list[shapes.WorkflowDefinition])
    one = f"{workflows}/{{name}}"
    yield "GET", one, _op(tag, "Get a workflow definition", shown, _VERSION)
    delete = _op(tag, "Delete a version of a workflow definition")
    yield "DELETE", f"{one}/{{version}}", delete
    for method in ("POST", "PUT"):
        yield method, tasks, _op(tag, "Save task definitions", body=TaskDef | list[TaskDef])
    yield "GET", tasks, _op(tag, "List task definitions", list[shapes.TaskDefinition])
    one = f"{tasks}/{{name}}"
    yield "GET", one, _op(tag, "Get a task definition", shapes.TaskDefinition)
    yield "DELETE", one, _op(tag, "Delete a task definition")


def _of_workflows() -> Iterable[_Row]:
    tag, identifier = "workflows", Content(shapes.Id, _TEXT_OR_JSON)
    yield "POST", _WORKFLOWS, _op(tag, "Start a workflow", identifier, body=StartBody)
    correlation = Parameter("correlationId", str)
    start = _op(
        tag,
        "Start a workflow by its name",
        identifier,
        _VERSION,
        correlation,
        body=_OBJECT,
        required=False,
    )
    yield "POST", f"{_WORKFLOWS}/{{name}}", start
    include = Parameter("includeTasks", bool)
    yield "GET", _WORKFLOW, _op(tag, "Get a workflow", shapes.Workflow, include)
    parts = (Parameter("includeOutput", bool), Parameter("includeVariables", bool))
    status = _op(tag, "Get the status of a workflow", shapes.WorkflowState, *parts)
    yield "GET", f"{_WORKFLOW}/status", status
    page = (Parameter("start", int), Parameter("count", int))
    listed = _op(tag, "List the tasks of a workflow", shapes.Page[shapes.Task], *page)
    yield "GET", f"{_WORKFLOW}/tasks", listed
    reason = Parameter("reason", str)
    yield "DELETE", _WORKFLOW, _op(tag, "Terminate a workflow", _VOID, reason)
    terminate = _op(tag, "Terminate workflows", shapes.Bulk, reason, body=shapes.Texts)
    yield "POST", f"{_WORKFLOWS}/bulk/terminate", terminate
    running = _op(tag, "List the running workflows of a name", list[shapes.Id], _VERSION)
    yield "GET", f"{_WORKFLOWS}/running/{{name}}", running
    texts = (Parameter(name, str) for name in ("freeText", "query", "sort"))
    found = shapes.Page[shapes.WorkflowSummary]
    search = _op(tag, "Search workflows", found, page[0], Parameter("size", int), *texts)
    yield "GET", f"{_WORKFLOWS}/search", search
    refused = Operation(tag, "Not supported", {}, refusals=(400,))
    for method, template in NOT_SUPPORTED:
        yield method, template, refused


def _of_workers() -> Iterable[_Row]:
    tag, identifier = "workers", Content(str, _TEXT_OR_JSON)
    worker = (Parameter("workerid", str), Parameter("domain", str))
    task = {200: Content(shapes.Task), 204: None}
    poll = Operation(tag, "Poll for a task", task, query=worker)
    yield "GET", f"{_WORKERS}/poll/{{taskType}}", poll
    several = (*worker, Parameter("count", int), Parameter("timeout", int))
    poll = _op(tag, "Poll for tasks", list[shapes.Task], *several)
    yield "GET", f"{_WORKERS}/poll/batch/{{taskType}}", poll
    yield "POST", _WORKERS, _op(tag, "Update a task", identifier, body=TaskResultBody)
    update = _op(tag, "Update a task, without its id in return", Content(None), body=TaskResultBody)
    yield "POST", f"{_WORKERS}/update-v2", update
    by_name = f"{_WORKERS}/{{workflowId}}/{{taskRefName}}/{{status}}"
    update = _op(tag, "Update a task by its name", identifier, body=_OBJECT, required=False)
    yield "POST", by_name, update
    update = _op(
        tag,
        "Update a task by its name, and get the workflow",
        shapes.Workflow,
        body=_OBJECT,
        required=False,
    )
    yield "POST", f"{by_name}/sync", update
    yield "GET", f"{_WORKERS}/{{taskId}}", _op(tag, "Get a task", shapes.Task)
    log = f"{_WORKERS}/{{taskId}}/log"
    yield "GET", log, _op(tag, "Get the log of a task", list[_OBJECT])
    yield "POST", log, Operation(tag, "Not supported", {}, refusals=(400,))
    kinds = Parameter("taskType", list[str])
    sizes = _op(tag, "Count the tasks that wait for workers", dict[str, int], kinds)
    yield "GET", f"{_WORKERS}/queue/sizes", sizes


def _of_people() -> Iterable[_Row]:
    tag = "users, groups and grants"
    token = Operation(
        tag,
        "Get a token",
        {200: Content(directory_shapes.Token)},
        Content(TokenBody),
        query=(),
        refusals=(401, 404, 429),
    )
    yield "POST", "/api/token", token
    about = directory_shapes.User | directory_shapes.Claims
    who = _op(tag, "Get the caller", about, Parameter("claims", bool))
    yield "GET", "/api/token/userInfo", who
    users = _op(tag, "List users", list[directory_shapes.User], Parameter("apps", bool))
    yield "GET", "/api/users", users
    yield "GET", _USER, _op(tag, "Get a user", directory_shapes.User)
    yield "PUT", _USER, _op(tag, "Save a user", directory_shapes.User, body=UserBody)
    yield "DELETE", _USER, _op(tag, "Delete a user")
    yield "GET", "/api/groups", _op(tag, "List groups", list[directory_shapes.Group])
    yield "GET", _GROUP, _op(tag, "Get a group", directory_shapes.Group)
    yield "PUT", _GROUP, _op(tag, "Save a group", directory_shapes.Group, body=GroupBody)
    yield "DELETE", _GROUP, _op(tag, "Delete a group")
    members = f"{_GROUP}/users"
    yield "GET", members, _op(tag, "List the members of a group", list[directory_shapes.User])
    yield "POST", members, _op(tag, "Add members to a group", body=shapes.Texts)
    yield "DELETE", members, _op(tag, "Remove members from a group", body=shapes.Texts)
    yield "POST", f"{members}/{{userId}}", _op(tag, "Add a member to a group")
    yield "DELETE", f"{members}/{{userId}}", _op(tag, "Remove a member from a group")
    yield from _of_grants(tag)


def _of_grants(tag: str) -> Iterable[_Row]:
    yield "POST", _GRANTS, _op(tag, "Grant access", body=GrantBody)
    yield "DELETE", _GRANTS, _op(tag, "Take access away", body=GrantBody)
    by_access = dict[str, list[directory_shapes.Subject]]
    yield "GET", f"{_GRANTS}/{{type}}/{{id}}", _op(tag, "List who has access", by_access)
    yield "GET", f"{_USER}/permissions", _op(tag, "List a user's grants", directory_shapes.Grants)
    yield "GET", f"{_GROUP}/permissions", _op(tag, "List a group's grants", directory_shapes.Grants)
    target = (Parameter("type", str, required=True), Parameter("id", str, required=True))
    check = _op(tag, "Ask what a user may do", dict[str, bool], *target)
    yield "GET", f"{_USER}/checkPermissions", check


def _of_applications() -> Iterable[_Row]:
    tag, shown = "applications", directory_shapes.Application
    keys, role = f"{_APPLICATION}/accessKeys", f"{_APPLICATION}/roles/{{role}}"
    yield "GET", _APPLICATIONS, _op(tag, "List applications", list[directory_shapes.Application])
    yield "POST", _APPLICATIONS, _op(tag, "Create an application", shown, body=ApplicationBody)
    by_key = _op(tag, "Get the application of a key", shown)
    yield "GET", f"{_APPLICATIONS}/key/{{keyId}}", by_key
    yield "GET", _APPLICATION, _op(tag, "Get an application", shown)
    yield "PUT", _APPLICATION, _op(tag, "Rename an application", shown, body=ApplicationBody)
    yield "DELETE", _APPLICATION, _op(tag, "Delete an application")
    yield "GET", keys, _op(tag, "List an application's keys", list[directory_shapes.AccessKey])
    yield "POST", keys, _op(tag, "Create a key", directory_shapes.CreatedAccessKey)
    yield "DELETE", f"{keys}/{{keyId}}", _op(tag, "Delete a key")
    toggle = _op(tag, "Switch a key off, or on again", directory_shapes.AccessKey)
    yield "POST", f"{keys}/{{keyId}}/status", toggle
    yield "POST", role, _op(tag, "Give a role to an application")
    yield "DELETE", role, _op(tag, "Take a role from an application")
    yield from _of_tags(f"{_APPLICATION}/tags", tag, "an application")


def _all() -> Iterable[_Row]:
    yield from _of_human_tasks()
    yield from _of_forms()
    yield from _of_definitions()
    yield from _of_workflows()
    yield from _of_workers()
    yield from _of_people()
    yield from _of_applications()


DESCRIPTION: Final = Description(
    name="Conductor",
    prefix="Conductor",
    operations={(method, template): operation for method, template, operation in _all()},
    path={
        "taskId": shapes.Id,
        "humanTaskId": shapes.Id,
        "workflowId": shapes.Id,
        "version": int,
        "status": Literal["IN_PROGRESS", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "COMPLETED"],
    },
    refusal=Content(shapes.Problem),
    refusals={401: Content(shapes.Unauthorized)},
)
