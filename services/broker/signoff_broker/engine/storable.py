"""What of a command could not be stored: checked again here, because anyone may write to Kafka."""

from collections.abc import Iterable
from typing import assert_never

from signoff_broker.engine import changes
from signoff_broker.engine.preconditions import refuse
from signoff_schemas import commands, graph
from signoff_schemas.commands import Command
from signoff_schemas.envelope import Entry
from signoff_schemas.limits import (
    IDS_MAX,
    INT32_MAX,
    ITEMS_MAX,
    MILLISECONDS_MAX,
    NAME_MAX,
    TEXT_MAX,
    VARIABLES_BYTES_MAX,
    printable,
    unstorable_names,
    unstorable_text,
    unstorable_variables,
)
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError
from signoff_schemas.values import GlobalListener, Variables

_Work = CompleteJob | FailJob | ThrowJobError


def must_have_storable_ids(entry: Entry) -> Rejection | None:
    """The envelope can be kept; if not, not even its refusal can be recorded."""
    gateway = "" if entry.inbox is None else entry.inbox.gateway
    together = entry.id + entry.request_id + entry.principal.id + entry.fingerprint + gateway
    return _refuse("id") if not entry.id or unstorable_text(together, IDS_MAX) else None


def must_be_storable(body: Command | _Work) -> Rejection | None:
    """Every value of the command can be kept; the refusal names the field that cannot."""
    field = _offence(body)
    return None if field is None else _refuse(field)


def _refuse(field: str) -> Rejection:
    return refuse(RejectionType.INVALID_ARGUMENT, Code.VALUE_UNSTORABLE, "", field=field)


def _offence(body: Command | _Work) -> str | None:  # noqa: C901, PLR0912 - an index
    match body:
        case commands.UpdateTask():
            return _changes(body.changes) or _text("action", body.action)
        case commands.AssignTask() | commands.ClaimTask():
            return _name("assignee", body.assignee) or _text("action", body.action)
        case commands.CompleteTask():
            return _variables(body.variables) or _text("action", body.action)
        case commands.SetVariables():
            return _variables(body.variables)
        case CompleteJob() | FailJob() | ThrowJobError():
            return _work(body)
        case commands.CreateUserTask() | commands.StartProcess():
            return _creation(body)
        case commands.UpdateJob():
            return _job_update(body)
        case commands.Deploy():
            return _deployment(body)
        case commands.CreateGlobalListener() | commands.UpdateGlobalListener():
            return _listener(body.listener)
        case commands.ConfigureGlobalListeners():
            return next(filter(None, map(_listener, body.listeners)), None)
        case commands.DeleteGlobalListener():
            return _name("id", body.id)
        case commands.Withdraw():
            return _name("target", body.target)
        case commands.CancelProcess() | commands.ResolveIncident():
            return None
        case _:
            assert_never(body)


def _name(field: str, text: str) -> str | None:
    return field if unstorable_text(text, NAME_MAX) else None


def _text(field: str, text: str) -> str | None:
    return field if unstorable_text(text, TEXT_MAX) else None


def _variables(variables: Variables) -> str | None:
    return "variables" if unstorable_variables(variables) else None


def _retries(retries: int) -> str | None:
    return None if abs(retries) <= INT32_MAX else "retries"


def _span(field: str, milliseconds: int) -> str | None:
    return None if abs(milliseconds) <= MILLISECONDS_MAX else field


def _job_update(body: commands.UpdateJob) -> str | None:
    return (
        _retries(body.retries or 0)
        or _span("timeout", body.timeout_ms or 0)
        or (None if abs(body.priority or 0) <= INT32_MAX else "priority")
    )


def _changes(asked: dict[str, object]) -> str | None:
    wanted = changes.named(asked)
    wrong = changes.unknown(wanted) or changes.offence(wanted)
    if wrong is None and "assignee" in wanted:
        wrong = "assignee"
    return None if wrong is None else f"changes.{printable(wrong)}"


def _work(body: _Work) -> str | None:
    if isinstance(body, CompleteJob):
        own = _text("denied_reason", body.result.denied_reason)
    else:
        too_long = unstorable_text(body.error_message, VARIABLES_BYTES_MAX)
        own = "error_message" if too_long else None
        if isinstance(body, FailJob):
            own = own or _retries(body.retries) or _span("back_off", body.back_off_ms)
        else:
            own = own or _name("error_code", body.error_code)
    return own or _variables(body.variables)


def _creation(body: commands.CreateUserTask | commands.StartProcess) -> str | None:
    wrong = (
        _name("tenant", body.tenant)
        or _name("business_id", body.business_id)
        or ("tags" if unstorable_names(body.tags) else None)
        or _variables(body.variables)
    )
    if wrong or isinstance(body, commands.StartProcess):
        return wrong
    return "node" if _unfit_node(body.node) else None


def _deployment(body: commands.Deploy) -> str | None:
    for resource in body.resources:
        names = (resource.name, resource.digest, resource.form_id, body.tenant)
        if any(unstorable_text(name, NAME_MAX) for name in names):
            return "resources"
        if unstorable_text(resource.content, VARIABLES_BYTES_MAX):
            return "resources"
        if any(map(_unfit_graph, resource.processes)):
            return "resources"
    return None


def _listener(listener: GlobalListener) -> str | None:
    if not -INT32_MAX <= listener.priority <= INT32_MAX:
        return "priority"
    return (
        _name("id", listener.id)
        or _name("job_type", listener.job_type)
        or _retries(listener.retries)
    )


def _unfit_graph(process: graph.ProcessGraph) -> bool:
    """Whether a token could get lost in it, or its texts cannot be kept."""
    nodes = process.nodes
    if unstorable_text(process.process_id, NAME_MAX) or unstorable_text(process.name):
        return True
    if not isinstance(nodes.get(process.start), graph.StartNode):
        return True
    return any(name != node.id or _unfit_in(node, nodes) for name, node in nodes.items())


def _unfit_in(node: graph.Node, nodes: dict[str, graph.Node]) -> bool:
    if isinstance(node, graph.EndNode):
        return bool(unstorable_text(node.id, NAME_MAX))
    if isinstance(nodes.get(node.next), graph.StartNode | None):
        return True
    return _unfit_node(node)


def _unfit_node(node: graph.StartNode | graph.UserTaskNode | graph.JobNode) -> bool:
    if unstorable_text(node.id, NAME_MAX):
        return True
    if isinstance(node, graph.StartNode):
        return False
    mapped = [text for each in (*node.inputs, *node.outputs) for text in (each.source, each.target)]
    texts = [node.name, *node.headers.keys(), *node.headers.values(), *mapped]
    if isinstance(node, graph.JobNode):
        return _any_unfit([*texts, node.job_type, node.retries])
    hooks = [text for each in node.listeners for text in (each.job_type, each.retries)]
    own = [node.assignee, node.due_date, node.follow_up_date, node.priority]
    lists = (node.candidate_users, node.candidate_groups)
    return _any_unfit([*texts, *hooks, *own, node.form_id, node.form_external]) or any(
        unstorable_text(text, ITEMS_MAX * NAME_MAX) for text in lists
    )


def _any_unfit(texts: Iterable[str]) -> bool:
    return any(unstorable_text(text) for text in texts)
