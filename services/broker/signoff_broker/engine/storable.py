"""What of a command could not be stored: checked again here, because anyone may write to Kafka."""

from typing import assert_never

from signoff_broker.engine import changes
from signoff_broker.engine.preconditions import refuse
from signoff_broker.engine.processors.policies import unfit_assignments, unfit_person
from signoff_broker.engine.storable_graphs import unfit_graph, unfit_node
from signoff_schemas import commands, documents, work_commands
from signoff_schemas.commands import Command
from signoff_schemas.envelope import Entry
from signoff_schemas.limits import (
    COUNT_MAX,
    IDS_MAX,
    INT32_MAX,
    MILLISECONDS_MAX,
    NAME_MAX,
    TEXT_MAX,
    VARIABLES_BYTES_MAX,
    printable,
    unstorable,
    unstorable_names,
    unstorable_text,
    unstorable_variables,
)
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError
from signoff_schemas.values import GlobalListener, Variables
from signoff_schemas.work import TaskRule

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
        case commands.CancelProcess():
            return _text("reason", body.reason)
        case commands.DeleteDefinition():
            return _name("process_id", body.process_id) or _version(body.version)
        case documents.PutDocument() | documents.DeleteDocument():
            return _document(body)
        case commands.ResolveIncident():
            return None
        case _:
            return _shared_work(body)


def _shared_work(body: work_commands.WorkCommand) -> str | None:
    match body:
        case work_commands.TakeTask():
            wrong = unfit_person(body.claimant) or unstorable_names(body.claimant_groups)
            return "claimant" if wrong else None
        case work_commands.SkipAssignment():
            return _text("reason", body.reason)
        case work_commands.ReassignTask():
            return "assignments" if unfit_assignments(body.assignments) else None
        case work_commands.SaveOutput() | work_commands.FinishTask():
            return "output" if unstorable_variables(body.output) else None
        case work_commands.ReleaseTask() | work_commands.RemoveTask():
            return None
        case _:
            assert_never(body)


def _document(body: documents.PutDocument | documents.DeleteDocument) -> str | None:
    if not body.kind or not body.id:
        return "kind" if not body.kind else "id"
    version = 1 if body.version is None else body.version
    wrong = _name("kind", body.kind) or _name("id", body.id) or _version(version)
    if wrong or isinstance(body, documents.DeleteDocument):
        return wrong
    is_rule = body.kind == documents.RULES
    if is_rule and (version != 1 or body.new_version):
        return "version"
    if is_rule is (body.rule is None):
        return "rule"
    return _rule(body.rule) or ("content" if unstorable(body.content) else None)


def _rule(rule: TaskRule | None) -> str | None:
    if rule is None:
        return None
    spans = (rule.timeout_seconds, rule.retry_delay_seconds, rule.response_timeout_seconds)
    fits = all(0 <= span <= MILLISECONDS_MAX // 1000 for span in spans)
    return None if fits and 0 <= rule.retries <= COUNT_MAX else "rule"


def _version(version: int) -> str | None:
    return None if 1 <= version <= COUNT_MAX else "version"


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
            own = own or _retries(body.retries or 0) or _span("back_off", body.back_off_ms)
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
    return "node" if unfit_node(body.node) else None


def _deployment(body: commands.Deploy) -> str | None:
    for resource in body.resources:
        names = (resource.name, resource.digest, resource.form_id, body.tenant)
        if any(unstorable_text(name, NAME_MAX) for name in names):
            return "resources"
        if unstorable_text(resource.content, VARIABLES_BYTES_MAX):
            return "resources"
        if any(map(unfit_graph, resource.processes)):
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
