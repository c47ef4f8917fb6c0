"""The token's way from node to node, to the end, or out of the middle.

In a graph with a frame, what a node cannot do ends the instance; in one without, it is an incident.
"""

from signoff_broker.engine import scopes
from signoff_broker.engine.budget import TemplateError
from signoff_broker.engine.draft import Draft, Failed
from signoff_broker.engine.processors import frames, user_task
from signoff_broker.engine.processors.stuck import get_stuck
from signoff_broker.engine.processors.values import Failure, job_values, mappings
from signoff_broker.engine.state import Incident
from signoff_schemas.graph import (
    ChoiceNode,
    EndNode,
    JobNode,
    Mapping,
    Node,
    SetVariablesNode,
    StartNode,
    TerminateNode,
    UserTaskNode,
)
from signoff_schemas.job_events import IncidentResolved, JobCanceled, JobCreated
from signoff_schemas.limits import unstorable_variables
from signoff_schemas.process_events import (
    ElementEntered,
    ElementLeft,
    ProcessCompleted,
    ProcessTerminated,
    ProcessTerminating,
)
from signoff_schemas.templates import Frame, Object
from signoff_schemas.values import IncidentType, JobKind, Variables
from signoff_schemas.work import Ending

Work = UserTaskNode | JobNode


def begin(draft: Draft) -> None:
    """Set the token on its way."""
    process = draft.open.process
    if process.standalone is not None:
        _arrive(draft, process.standalone)
        return
    graph = frames.definition_of(draft).graph
    _go_to(draft, graph.nodes[graph.start], {})


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
    node, instance = standing_at(draft), draft.open
    key = instance.process.element_instance_key
    if instance.process.entered_at is not None:
        frames.leave_behind(draft, node.id, scopes.values_of(instance, key), variables)
        _go_to(draft, _node(draft, node.next), variables)
        return
    place = scopes.set_local if node.outputs else scopes.propagate
    place(draft, key, variables)
    _exit(draft, node, task_key=task_key, job_key=job_key)


def try_again(draft: Draft, incident: Incident) -> None:
    """What an incident on the node itself kept the token from: its exit, if the work is done."""
    node = standing_at(draft)
    if incident.task_key is None and incident.job_key is None:
        _work(draft, node)
    else:
        _exit(draft, node, task_key=incident.task_key, job_key=incident.job_key)


def begin_again(draft: Draft, *, failures: int = 0) -> None:
    """The node was not done in time, and its work is off: it is visited once more.

    ``failures``: tries that its job has used up, this one included.
    """
    process, node = draft.open.process, standing_at(draft)
    draft.emit(
        ElementLeft(
            process_instance_key=process.key,
            node_id=node.id,
            output={},
            ending=Ending.TIMED_OUT,
            at=draft.now,
        )
    )
    _arrive_in_frame(draft, node, process.retries, failures=failures)


def end_early(draft: Draft, end: Failed) -> None:
    """End the instance where it is. It does not wait for the canceling listeners of its task."""
    process = draft.open.process
    draft.emit(
        ProcessTerminating(process_instance_key=process.key, ending=end.ending, reason=end.reason)
    )
    clear_the_way(draft)
    if draft.open.task is None:
        terminate(draft)
    else:
        user_task.cancel(draft, timed_out=end.ending is Ending.TIMED_OUT)


def terminate(draft: Draft) -> None:
    """Take the token out of the middle."""
    process = draft.open.process
    framed = frames.frame_of(draft) is not None
    if process.node_id:
        draft.emit(
            ElementLeft(
                process_instance_key=process.key,
                node_id=process.node_id,
                output={} if framed else None,
                ending=process.ending if framed else None,
                at=draft.now if framed else 0,
            )
        )
    output = _output_so_far(draft) if framed else None
    draft.emit(ProcessTerminated(process_instance_key=process.key, output=output, at=draft.now))


def clear_the_way(draft: Draft) -> None:
    """Cancel the open job and resolve the open incident."""
    job, incident, key = draft.open.job, draft.open.incident, draft.open.process.key
    if job is not None:
        draft.emit(JobCanceled(job_key=job.key, process_instance_key=key, at=draft.now))
    if incident is not None:
        draft.emit(
            IncidentResolved(incident_key=incident.key, process_instance_key=key, at=draft.now)
        )


def standing_at(draft: Draft) -> Work:
    """The node where the token is."""
    process = draft.open.process
    if process.standalone is not None:
        return process.standalone
    node = frames.definition_of(draft).graph.nodes[process.node_id]
    assert isinstance(node, UserTaskNode | JobNode), "tokens rest at tasks only"
    return node


def _go_to(draft: Draft, node: Node, last: Variables) -> None:
    """Bring the token to a node, through all that take no time. No graph leads back."""
    try:
        while not isinstance(node, EndNode | UserTaskNode | JobNode | TerminateNode):
            node, last = _through(draft, node, last)
        match node:
            case EndNode():
                _complete(draft, last)
            case TerminateNode():
                _end_as_told(draft, node)
            case UserTaskNode() | JobNode():
                _arrive(draft, node)
    except TemplateError as error:
        draft.failure = Failed(Ending.FAILED, str(error))


def _through(
    draft: Draft, node: StartNode | ChoiceNode | SetVariablesNode, last: Variables
) -> tuple[Node, Variables]:
    """Pass a node that takes no time: the next one, and the output of the last one."""
    match node:
        case StartNode():
            return _node(draft, node.next), last
        case ChoiceNode():
            chosen, output = frames.choose(draft, node)
            return _node(draft, chosen), output
        case SetVariablesNode():
            frames.set_variables(draft, node, _frame(draft))
            return _node(draft, node.next), {}


def _arrive(draft: Draft, node: Work) -> None:
    if frames.frame_of(draft) is not None:
        rule = frames.rule_of(draft, node.rule)
        _arrive_in_frame(draft, node, frames.retries_of(node, rule))
        return
    draft.emit(
        ElementEntered(
            process_instance_key=draft.open.process.key,
            node_id=node.id,
            element_instance_key=draft.new_key(),
        )
    )
    _work(draft, node)


def _arrive_in_frame(draft: Draft, node: Work, retries: int, *, failures: int = 0) -> None:
    """All values are made before anything happens: a node whose values fail is not visited."""
    try:
        given = frames.made_variables(draft, node.template or Object(members={}))
        policy = title = None
        if isinstance(node, UserTaskNode):
            policy = None if node.policy is None else frames.made(draft, node.policy)
            title = None if node.title is None else frames.made(draft, node.title)
    except TemplateError as error:
        draft.failure = Failed(Ending.FAILED, str(error))
        return
    key = draft.new_key()
    draft.emit(
        ElementEntered(
            process_instance_key=draft.open.process.key,
            node_id=node.id,
            element_instance_key=key,
            input=given,
            due_at=frames.due_at(draft, frames.rule_of(draft, node.rule)),
            retries=retries,
            at=draft.now,
        )
    )
    scopes.set_local(draft, key, given)
    if isinstance(node, UserTaskNode):
        user_task.create(draft, node, policy, title)
    else:
        _create_job(draft, node, node.job_type, retries + 1, failures=failures)


def _work(draft: Draft, node: Work) -> None:
    if node.inputs:
        mapped = _mapped(draft, node.inputs)
        if isinstance(mapped, Failure):
            get_stuck(draft, mapped.error_type, mapped.message)
            return
        scopes.set_local(draft, draft.open.process.element_instance_key, mapped)
    if isinstance(node, UserTaskNode):
        user_task.create(draft, node)
        return
    values = job_values(node, scopes.visible(draft.open))
    if isinstance(values, Failure):
        get_stuck(draft, values.error_type, values.message)
        return
    job_type, retries = values
    _create_job(draft, node, job_type, retries)


def _create_job(
    draft: Draft, node: JobNode, job_type: str, retries: int, *, failures: int = 0
) -> None:
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
            failures=failures,
            at=draft.now,
        )
    )


def _exit(draft: Draft, node: Work, *, task_key: int | None, job_key: int | None) -> None:
    """Leave the node. An incident here names the task or job that is done: see ``try_again``."""
    process = draft.open.process
    if node.outputs:
        mapped = _mapped(draft, node.outputs, merge=True)
        if isinstance(mapped, Failure):
            get_stuck(draft, mapped.error_type, mapped.message, task_key=task_key, job_key=job_key)
            return
        scopes.set_local(draft, process.key, mapped)
    draft.emit(ElementLeft(process_instance_key=process.key, node_id=node.id))
    after = EndNode(id="") if process.standalone is not None else _node(draft, node.next)
    _go_to(draft, after, {})


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


def _complete(draft: Draft, last: Variables, reason: str = "") -> None:
    framed = frames.frame_of(draft) is not None
    draft.emit(
        ProcessCompleted(
            process_instance_key=draft.open.process.key,
            output=frames.final_output(draft, last) if framed else None,
            reason=reason,
            at=draft.now,
        )
    )


def _end_as_told(draft: Draft, node: TerminateNode) -> None:
    ending, reason, output = frames.terminate(draft, node)
    key = draft.open.process.key
    if ending is Ending.COMPLETED:
        draft.emit(
            ProcessCompleted(process_instance_key=key, output=output, reason=reason, at=draft.now)
        )
        return
    draft.emit(ProcessTerminating(process_instance_key=key, ending=ending, reason=reason))
    draft.emit(ProcessTerminated(process_instance_key=key, output=output, at=draft.now))


def _output_so_far(draft: Draft) -> Variables:
    """What an instance gives that ends early, as far as that can be told."""
    try:
        return frames.final_output(draft, {})
    except TemplateError:
        return {}


def _frame(draft: Draft) -> Frame:
    frame = frames.frame_of(draft)
    assert frame is not None, "deployment refuses nodes that need a frame in a graph without"
    return frame


def _node(draft: Draft, node_id: str) -> Node:
    return frames.definition_of(draft).graph.nodes[node_id]
