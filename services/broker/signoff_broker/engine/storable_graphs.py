"""Whether a process can be kept and run: no text too long, no token lost, no way back."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple

from signoff_schemas import graph
from signoff_schemas.limits import (
    COUNT_MAX,
    ITEMS_MAX,
    MILLISECONDS_MAX,
    NAME_MAX,
    NODES_MAX,
    unstorable,
    unstorable_text,
)
from signoff_schemas.model import Record

_NEEDS_FRAME = (graph.ChoiceNode, graph.SetVariablesNode, graph.TerminateNode)


def unfit_graph(process: graph.ProcessGraph) -> bool:
    """Whether a token could get lost in it or go in circles, or something of it cannot be kept."""
    nodes, frame = process.nodes, process.frame
    if len(nodes) > NODES_MAX or _out_of_range(process):
        return True
    names = () if frame is None else astuple(frame)
    if unstorable_text(process.process_id, NAME_MAX) or _any_unfit((process.name, *names)):
        return True
    if not isinstance(nodes.get(process.start), graph.StartNode):
        return True
    if frame is None and any(isinstance(node, _NEEDS_FRAME) for node in nodes.values()):
        return True
    if frame is not None and (not frame.name or frame.name in nodes):
        return True
    if any(name != node.id or _leads_nowhere(node, nodes) for name, node in nodes.items()):
        return True
    return (
        _leads_back(nodes)
        or _unfit_template(process.output)
        or any(map(unfit_node, nodes.values()))
    )


def _out_of_range(process: graph.ProcessGraph) -> bool:
    version = 1 if process.version is None else process.version
    seconds = process.timeout_seconds
    return not (1 <= version <= COUNT_MAX and 0 <= seconds * 1000 <= MILLISECONDS_MAX)


def unfit_node(node: graph.Node) -> bool:
    """Whether something of a node cannot be kept."""
    if unstorable_text(node.id, NAME_MAX):
        return True
    match node:
        case graph.StartNode() | graph.EndNode():
            return False
        case graph.UserTaskNode():
            return _unfit_work(node) or _unfit_task(node)
        case graph.JobNode():
            return _unfit_work(node) or _any_unfit((node.job_type, node.retries))
        case graph.ChoiceNode():
            return _any_unfit(node.cases) or _unfit_template(node.on)
        case graph.SetVariablesNode():
            return _unfit_template(node.template)
        case graph.TerminateNode():
            return any(map(_unfit_template, (node.ending, node.reason, node.output)))


def _unfit_work(node: graph.UserTaskNode | graph.JobNode) -> bool:
    mapped = [text for each in (*node.inputs, *node.outputs) for text in (each.source, each.target)]
    texts = [node.name, *node.headers.keys(), *node.headers.values(), *mapped]
    if unstorable_text(node.rule, NAME_MAX) or _any_unfit(texts):
        return True
    return _unfit_template(node.template)


def _unfit_task(node: graph.UserTaskNode) -> bool:
    hooks = [text for each in node.listeners for text in (each.job_type, each.retries)]
    own = [node.assignee, node.due_date, node.follow_up_date, node.priority]
    lists = (node.candidate_users, node.candidate_groups)
    if _any_unfit([*hooks, *own, node.form_id, node.form_external]):
        return True
    if any(unstorable_text(text, ITEMS_MAX * NAME_MAX) for text in lists):
        return True
    return _unfit_template(node.title) or _unfit_template(node.policy)


def _unfit_template(template: Record | None) -> bool:
    return template is not None and unstorable(template.model_dump()) is not None


def _any_unfit(texts: Iterable[str]) -> bool:
    return any(unstorable_text(text) for text in texts)


def _after(node: graph.Node) -> tuple[str, ...]:
    """Where a token may go from a node."""
    match node:
        case graph.EndNode() | graph.TerminateNode():
            return ()
        case graph.ChoiceNode():
            return (*node.cases.values(), node.otherwise)
        case _:
            return (node.next,)


def _leads_nowhere(node: graph.Node, nodes: Mapping[str, graph.Node]) -> bool:
    return any(isinstance(nodes.get(name), graph.StartNode | None) for name in _after(node))


def _leads_back(nodes: Mapping[str, graph.Node]) -> bool:
    """Whether there is a circle: some node is never free of nodes before it."""
    before = Counter(name for node in nodes.values() for name in _after(node))
    free = [name for name in nodes if not before[name]]
    seen = 0
    while free:
        seen += 1
        for name in _after(nodes[free.pop()]):
            before[name] -= 1
            if not before[name]:
                free.append(name)
    return seen < len(nodes)
