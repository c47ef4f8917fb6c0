"""The token's way: start, from node to node, to the end, or out of the middle.

It reacts to what happened to tasks and jobs by follow-up work in the same step; the task engine
knows nothing of it.
"""

from signoff_broker.engine import scopes
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import is_running, must_be_of_tenant, refuse
from signoff_broker.engine.processors import user_task
from signoff_broker.engine.processors.stuck import get_stuck
from signoff_broker.engine.processors.values import Failure, job_values, mappings
from signoff_broker.engine.state import Definition, Incident
from signoff_schemas.commands import CancelProcess, CreateUserTask, StartProcess
from signoff_schemas.graph import EndNode, JobNode, Mapping, Node, StartNode, UserTaskNode
from signoff_schemas.ids import key_of
from signoff_schemas.job_events import IncidentResolved, JobCanceled, JobCreated
from signoff_schemas.limits import unstorable_variables
from signoff_schemas.process_events import (
    ElementEntered,
    ElementLeft,
    ProcessCompleted,
    ProcessStarted,
    ProcessTerminated,
    ProcessTerminating,
)
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.task_events import TaskCanceled, TaskCompleted
from signoff_schemas.values import IncidentType, JobKind, ProcessReference, Variables

STANDALONE_ID = "stand-alone-task"
Result = dict[str, object]


def create_task(draft: Draft, command: CreateUserTask) -> Result | Rejection:
    """Make an instance that is one task and nothing else."""
    if refusal := must_be_of_tenant(draft.asker.principal, command.tenant, "CREATE", "create_task"):
        return refusal
    key = draft.new_key()
    draft.emit(
        ProcessStarted(
            process_instance_key=key,
            process=ProcessReference(key_of(draft.partition_id, 0), STANDALONE_ID, 1),
            tenant=command.tenant,
            tags=command.tags,
            business_id=command.business_id,
            standalone=command.node,
            at=draft.now,
        )
    )
    scopes.set_local(draft, key, command.variables)
    _enter(draft, command.node)
    task = draft.open.task
    return {
        "task_key": None if task is None else task.key,
        "process_instance_key": key,
        "element_instance_key": draft.open.process.element_instance_key,
    }


def start(draft: Draft, command: StartProcess) -> Result | Rejection:
    """Start an instance of a deployed definition."""
    if refusal := must_be_of_tenant(draft.asker.principal, command.tenant, "CREATE", "start"):
        return refusal
    definition = _definition_for(draft, command)
    if isinstance(definition, Rejection):
        return definition
    key = draft.new_key()
    draft.emit(
        ProcessStarted(
            process_instance_key=key,
            process=definition.process,
            tenant=command.tenant,
            tags=command.tags,
            business_id=command.business_id,
            at=draft.now,
        )
    )
    scopes.set_local(draft, key, command.variables)
    _enter(draft, definition.graph.nodes[definition.graph.start])
    return {
        "process_instance_key": key,
        "definition_key": definition.process.definition_key,
        "process_id": definition.process.process_id,
        "version": definition.process.version,
    }


def cancel(draft: Draft, command: CancelProcess) -> Rejection | None:
    """Cancel an instance. It does not wait for the canceling listeners of its task."""
    instance = draft.instance
    if (
        instance is None
        or instance.process.key != command.process_instance_key
        or not is_running(instance)
    ):
        return refuse(
            RejectionType.NOT_FOUND,
            Code.PROCESS_NOT_FOUND,
            "CANCEL",
            key=command.process_instance_key,
        )
    tenant = instance.process.tenant
    if refusal := must_be_of_tenant(draft.asker.principal, tenant, "CANCEL", "cancel"):
        return refusal
    draft.emit(ProcessTerminating(process_instance_key=instance.process.key))
    clear_the_way(draft)
    if instance.task is None:
        _terminate(draft)
    else:
        user_task.cancel(draft)
    return None


def follow(draft: Draft) -> None:
    """Do what follows from what happened to tasks in this step, until nothing more does."""
    for event in draft.events:
        if isinstance(event, TaskCompleted):
            leave(draft, event.variables, task_key=event.task_key)
        elif isinstance(event, TaskCanceled):
            _terminate(draft)


def leave(
    draft: Draft,
    variables: Variables,
    *,
    task_key: int | None = None,
    job_key: int | None = None,
) -> None:
    """The work at the node is done: put its variables where they belong, and go on.

    With output mappings the variables stay at the node, and only what is mapped leaves it.
    """
    node = _standing_at(draft)
    place = scopes.set_local if node.outputs else scopes.propagate
    place(draft, draft.open.process.element_instance_key, variables)
    _exit(draft, node, task_key=task_key, job_key=job_key)


def try_again(draft: Draft, incident: Incident) -> None:
    """What an incident on the node itself kept the token from: its exit, if the work is done."""
    node = _standing_at(draft)
    if incident.task_key is None and incident.job_key is None:
        _arrive(draft, node)
    else:
        _exit(draft, node, task_key=incident.task_key, job_key=incident.job_key)


def _enter(draft: Draft, node: Node) -> None:
    process = draft.open.process
    if isinstance(node, StartNode):
        node = _after(draft, node)
        assert not isinstance(node, StartNode), "deployment refuses a start after a start"
    if isinstance(node, EndNode):
        draft.emit(ProcessCompleted(process_instance_key=process.key, at=draft.now))
        return
    draft.emit(
        ElementEntered(
            process_instance_key=process.key,
            node_id=node.id,
            element_instance_key=draft.new_key(),
        )
    )
    _arrive(draft, node)


def _arrive(draft: Draft, node: UserTaskNode | JobNode) -> None:
    if node.inputs:
        mapped = _mapped(draft, node.inputs)
        if isinstance(mapped, Failure):
            get_stuck(draft, mapped.error_type, mapped.message)
            return
        scopes.set_local(draft, draft.open.process.element_instance_key, mapped)
    if isinstance(node, UserTaskNode):
        user_task.create(draft, node)
    else:
        _create_job(draft, node)


def _create_job(draft: Draft, node: JobNode) -> None:
    values = job_values(node, scopes.visible(draft.open))
    if isinstance(values, Failure):
        get_stuck(draft, values.error_type, values.message)
        return
    job_type, retries = values
    process = draft.open.process
    draft.emit(
        JobCreated(
            job_key=draft.new_key(),
            process_instance_key=process.key,
            process=process.process,
            tenant=process.tenant,
            job_type=job_type,
            kind=JobKind.SERVICE_TASK,
            element_id=node.id,
            element_instance_key=process.element_instance_key,
            retries=retries,
            headers=node.headers,
            at=draft.now,
        )
    )


def _exit(
    draft: Draft, node: UserTaskNode | JobNode, *, task_key: int | None, job_key: int | None
) -> None:
    """Leave the node. An incident here names the task or job that is done: see ``try_again``."""
    process = draft.open.process
    if node.outputs:
        mapped = _mapped(draft, node.outputs, merge=True)
        if isinstance(mapped, Failure):
            get_stuck(draft, mapped.error_type, mapped.message, task_key=task_key, job_key=job_key)
            return
        scopes.set_local(draft, process.key, mapped)
    draft.emit(ElementLeft(process_instance_key=process.key, node_id=node.id))
    _enter(draft, _after(draft, node))


def _mapped(
    draft: Draft, wanted: tuple[Mapping, ...], *, merge: bool = False
) -> Variables | Failure:
    """Mapped values, held to the same limits as what people send.

    An output ``o.n`` joins the object that ``o`` is already (``merge``); an input begins a new one.
    """
    values = mappings(wanted, scopes.visible(draft.open), merge=merge)
    if isinstance(values, Failure):
        return values
    offence = unstorable_variables(values)
    if offence is None:
        return values
    message = f"Expected mapped variables that can be stored, but there is {offence}."
    return Failure(IncidentType.IO_MAPPING_ERROR, message)


def _terminate(draft: Draft) -> None:
    process = draft.open.process
    if process.node_id:
        draft.emit(ElementLeft(process_instance_key=process.key, node_id=process.node_id))
    draft.emit(ProcessTerminated(process_instance_key=process.key, at=draft.now))


def clear_the_way(draft: Draft) -> None:
    """Cancel the open job and resolve the open incident."""
    job, incident, key = draft.open.job, draft.open.incident, draft.open.process.key
    if job is not None:
        draft.emit(JobCanceled(job_key=job.key, process_instance_key=key, at=draft.now))
    if incident is not None:
        draft.emit(
            IncidentResolved(incident_key=incident.key, process_instance_key=key, at=draft.now)
        )


def _standing_at(draft: Draft) -> UserTaskNode | JobNode:
    process = draft.open.process
    if process.standalone is not None:
        return process.standalone
    graph = draft.settings.definitions[process.process.definition_key].graph
    node = graph.nodes[process.node_id]
    assert isinstance(node, UserTaskNode | JobNode), "tokens rest at tasks only"
    return node


def _after(draft: Draft, node: StartNode | UserTaskNode | JobNode) -> Node:
    process = draft.open.process
    if process.standalone is not None:
        return EndNode(id="")
    return draft.settings.definitions[process.process.definition_key].graph.nodes[node.next]


def _definition_for(draft: Draft, command: StartProcess) -> Definition | Rejection:
    settings, found = draft.settings, None
    if command.definition_key is not None:
        found = settings.definitions.get(command.definition_key)
    elif command.version == -1:
        found = settings.definitions.get(
            settings.latest.get((command.tenant, command.process_id), 0)
        )
    else:
        found = next(
            (
                each
                for each in settings.definitions.values()
                if each.process.process_id == command.process_id
                and each.process.version == command.version
                and each.tenant == command.tenant
            ),
            None,
        )
    if found is not None and found.tenant == command.tenant:
        return found
    named: dict[str, object] = {"process_id": command.process_id, "version": command.version}
    if command.definition_key is not None:
        named = {"key": command.definition_key}
    return refuse(RejectionType.NOT_FOUND, Code.DEFINITION_NOT_FOUND, "CREATE", **named)
