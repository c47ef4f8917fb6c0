"""What callers need grants for: asked when what a command is about is there, before its state.

A trigger starts what the author of its definition may start. That is asked when the definition
comes, because nobody knows the author's grants later: so what only an instance's values will name
takes the grant to start everything.

Commands of shared work carry their own rules (``work_access``), as do documents, which are the
gateway's business.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from signoff_broker.engine.definitions import find_definition
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import refuse
from signoff_broker.engine.processors import policies
from signoff_broker.engine.state import Incident, Job, UserTask
from signoff_broker.engine.work_states import user_of, work_of
from signoff_schemas import commands, results
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.principal import ADMIN, ANY, Principal
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.work import Person

PROCESS: Final = "PROCESS_DEFINITION"
TASK: Final = "USER_TASK"
JOB: Final = "JOB"
RESOURCE: Final = "RESOURCE"
LISTENER: Final = "GLOBAL_LISTENER"

UPDATE_TASK: Final = "UPDATE_USER_TASK"
_UPDATE: Final = "UPDATE_PROCESS_INSTANCE"
_START: Final = "CREATE_PROCESS_INSTANCE"
_Asked = tuple[str, str, str]
"""Kind, target and verb of a grant."""


def must_be_permitted(draft: Draft, request: object) -> Rejection | None:
    """One of the grants that lead to it is the caller's. What is not there, others refuse."""
    principal = draft.asker.principal
    if ADMIN in principal.roles:
        return None
    match request:
        case (
            commands.AssignTask()
            | commands.ClaimTask()
            | commands.UpdateTask()
            | commands.CompleteTask()
        ):
            return _task(draft, request)
        case results.CompleteJob() | results.FailJob() | results.ThrowJobError():
            return _job(draft, request.job_key, _INTENTS[type(request)])
        case commands.UpdateJob():
            return _job(draft, request.job_key, "UPDATE")
        case commands.ResolveIncident():
            return _incident(draft, request.incident_key)
        case commands.SetVariables():
            return _instance(draft, _UPDATE, "UPDATE")
        case commands.CancelProcess():
            return _instance(draft, "CANCEL_PROCESS_INSTANCE", "CANCEL")
        case _:
            return _something_new(draft, request)


def _something_new(draft: Draft, request: object) -> Rejection | None:
    principal = draft.asker.principal
    match request:
        case (
            commands.StartProcess()
            | commands.CreateUserTask()
            | commands.Deploy()
            | commands.DeleteDefinition()
        ) if request.tenant not in principal.tenants:
            return None
        case commands.StartProcess():
            return _any_of(principal, "CREATE", [(PROCESS, _started(draft, request), _START)])
        case commands.CreateUserTask():
            return _any_of(principal, "CREATE", [(PROCESS, ANY, _START)])
        case commands.Deploy():
            asked = chain.from_iterable(map(_asked_by, request.resources))
            refusals = (_any_of(principal, "CREATE", [each]) for each in asked)
            return next(filter(None, refusals), None)
        case commands.DeleteDefinition():
            return _deletion(draft, request)
        case commands.CreateGlobalListener():
            return _any_of(principal, "CREATE", [(LISTENER, ANY, "CREATE_TASK_LISTENER")])
        case commands.UpdateGlobalListener():
            return _any_of(principal, "UPDATE", [(LISTENER, ANY, "UPDATE_TASK_LISTENER")])
        case commands.DeleteGlobalListener():
            return _any_of(principal, "DELETE", [(LISTENER, ANY, "DELETE_TASK_LISTENER")])
        case _:
            return None


_INTENTS: Final[dict[type, str]] = {
    results.CompleteJob: "COMPLETE",
    results.FailJob: "FAIL",
    results.ThrowJobError: "THROW_ERROR",
}


def _task(
    draft: Draft,
    request: commands.AssignTask | commands.ClaimTask | commands.UpdateTask | commands.CompleteTask,
) -> Rejection | None:
    task = None if draft.instance is None else draft.instance.task
    if task is None or task.key != request.task_key or not _is_seen(draft, task):
        return None
    principal, process_id, key = draft.asker.principal, task.process.process_id, str(task.key)
    ways: list[_Asked] = [(PROCESS, process_id, UPDATE_TASK)]
    match request:
        case commands.AssignTask():
            intent = "ASSIGN"
            ways.append((TASK, key, "UPDATE"))
            if not request.assignee and user_of(work_of(task)) == Person(principal.id):
                ways.append((TASK, key, "CLAIM"))
        case commands.ClaimTask():
            intent = "CLAIM"
            ways += [(TASK, key, "UPDATE"), (TASK, key, "CLAIM")]
        case commands.UpdateTask():
            intent = "UPDATE"
            ways.append((TASK, key, "UPDATE"))
        case commands.CompleteTask():
            intent = "COMPLETE"
            ways += [
                (PROCESS, process_id, "COMPLETE_USER_TASK"),
                (TASK, key, "UPDATE"),
                (TASK, key, "COMPLETE"),
            ]
    return _any_of(principal, intent, ways)


def _job(draft: Draft, key: int, intent: str) -> Rejection | None:
    job = None if draft.instance is None else draft.instance.job
    if job is None or job.key != key or not _is_seen(draft, job):
        return None
    ways = [(PROCESS, job.process.process_id, _UPDATE), (JOB, job.job_type, "UPDATE")]
    return _any_of(draft.asker.principal, intent, ways)


def _incident(draft: Draft, key: int) -> Rejection | None:
    incident = None if draft.instance is None else draft.instance.incident
    if incident is None or incident.key != key or not _is_seen(draft, incident):
        return None
    return _instance(draft, _UPDATE, "RESOLVE")


def _instance(draft: Draft, verb: str, intent: str) -> Rejection | None:
    if draft.instance is None:
        return None
    process = draft.instance.process
    if process.tenant not in draft.asker.principal.tenants:
        return None
    ways = [(PROCESS, process.process.process_id, verb)]
    return _any_of(draft.asker.principal, intent, ways)


def _deletion(draft: Draft, request: commands.DeleteDefinition) -> Rejection | None:
    found = find_definition(draft.settings, request.tenant, request.process_id, request.version)
    if found is None:
        return None
    return _any_of(draft.asker.principal, "DELETE", [(RESOURCE, found.resource_name, "DELETE")])


def _asked_by(resource: commands.Resource) -> Iterator[_Asked]:
    """All that a deployed file takes: triggers start what its author may start."""
    yield RESOURCE, resource.name, "CREATE"
    for graph in resource.processes:
        for node in graph.nodes.values():
            if isinstance(node, UserTaskNode) and node.policy is not None:
                for name in policies.startable_by(node.policy):
                    yield PROCESS, name, _START


def _started(draft: Draft, request: commands.StartProcess) -> str:
    if request.definition_key is None:
        return request.process_id
    found = draft.settings.definitions.get(request.definition_key)
    return ANY if found is None else found.process.process_id


def _is_seen(draft: Draft, entity: UserTask | Job | Incident) -> bool:
    """Whether it is of one of the caller's tenants; others refuse it otherwise, as not there."""
    return entity.tenant in draft.asker.principal.tenants


def _any_of(principal: Principal, intent: str, ways: Iterable[_Asked]) -> Rejection | None:
    asked = list(ways)
    if any(principal.is_granted(kind, target, verb) for kind, target, verb in asked):
        return None
    kind, target, verb = asked[0]
    return refuse(
        RejectionType.FORBIDDEN,
        Code.FORBIDDEN,
        intent,
        operation=verb,
        resource=kind,
        target=target,
    )
