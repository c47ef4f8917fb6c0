"""Commands that make or end something as a whole: tasks, process instances, incidents."""

from signoff_gateway.dialects.camunda.answers import (
    InvalidArgument,
    json_answer,
    no_content,
    result_of,
)
from signoff_gateway.dialects.camunda.attributes import AttributeReader
from signoff_gateway.dialects.camunda.headers import PREFIX
from signoff_gateway.dialects.camunda.instance_models import ReferenceBody, StartBody
from signoff_gateway.dialects.camunda.user_task_models import CreationBody, ListenerBody
from signoff_gateway.dialects.camunda.validation import (
    check_operation_reference,
    check_tags,
    check_tenant,
    check_variables,
    read,
    read_optional,
    sentences,
)
from signoff_gateway.exchange import Answer, Call
from signoff_gateway.sending import Sender
from signoff_schemas.commands import CancelProcess, CreateUserTask, ResolveIncident, StartProcess
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.ids import DEFAULT_TENANT
from signoff_schemas.values import Listener, ListenerEvent

ELEMENT_ID = "user-task"
RETRIES = 3


class InstanceCommands:
    """Endpoints that create tasks and process instances, cancel instances, resolve incidents."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def create_task(self, call: Call) -> Answer:
        """POST /user-tasks, an addition of ours: 201 with the keys of a stand-alone task."""
        body = read(CreationBody, call.body)
        check_tenant(body.tenant_id, "Create User Task")
        tags = check_tags(body.tags)
        command = CreateUserTask(
            node=_node(body),
            variables=check_variables(body.variables),
            tags=tags,
            business_id=body.business_id or "",
        )
        settled = await self._sender.ask(call, command)
        result = result_of(settled)
        made = {
            "userTaskKey": _key(result["task_key"]),
            "processInstanceKey": _key(result["process_instance_key"]),
            "elementInstanceKey": _key(result["element_instance_key"]),
            "tenantId": DEFAULT_TENANT,
        }
        return json_answer(made, 201, command_id=settled.command_id)

    async def start(self, call: Call) -> Answer:
        """POST /process-instances: 200 with the key of the new instance."""
        body = read(StartBody, call.body)
        command = _start_command(body)
        settled = await self._sender.ask(call, command)
        result = result_of(settled)
        started: dict[str, object] = {
            "processDefinitionId": result["process_id"],
            "processDefinitionKey": _key(result["definition_key"]),
            "processDefinitionVersion": result["version"],
            "processInstanceKey": _key(result["process_instance_key"]),
            "tenantId": DEFAULT_TENANT,
            "variables": {},
            "tags": command.tags,
            "businessId": body.business_id or None,
        }
        return json_answer(started, command_id=settled.command_id)

    async def cancel(self, call: Call) -> Answer:
        """POST /process-instances/{key}/cancellation; does not wait for listeners."""
        body = read_optional(ReferenceBody, call.body)
        check_operation_reference(body.operation_reference)
        command = CancelProcess(process_instance_key=call.key)
        return no_content(await self._sender.ask(call, command))

    async def resolve(self, call: Call) -> Answer:
        """POST /incidents/{key}/resolution."""
        body = read_optional(ReferenceBody, call.body)
        check_operation_reference(body.operation_reference)
        command = ResolveIncident(incident_key=call.key)
        return no_content(await self._sender.ask(call, command))


def _start_command(body: StartBody) -> StartProcess:
    by_key = body.process_definition_key is not None
    by_id = bool(body.process_definition_id)
    if by_key == by_id:
        which = "Only one of" if by_key else "At least one of"
        verb = "is allowed" if by_key else "is required"
        raise InvalidArgument(f"{which} [processDefinitionId, processDefinitionKey] {verb}.")
    for name, given in (
        ("awaitCompletion", body.await_completion),
        ("startInstructions", body.start_instructions),
        ("runtimeInstructions", body.runtime_instructions),
    ):
        if given:
            raise InvalidArgument(f"The property {name} is not supported.")
    check_operation_reference(body.operation_reference)
    check_tenant(body.tenant_id, "Create Process Instance")
    version = body.process_definition_version
    return StartProcess(
        definition_key=body.process_definition_key,
        process_id=body.process_definition_id or "",
        version=-1 if version is None else version,
        variables=check_variables(body.variables),
        tags=check_tags(body.tags),
        business_id=body.business_id or "",
    )


def _node(body: CreationBody) -> UserTaskNode:
    attributes = AttributeReader()
    attributes.date("due_date", "due date", body.due_date)
    attributes.date("follow_up_date", "follow-up date", body.follow_up_date)
    attributes.priority(body.priority)
    sentences(attributes.problems)
    dates = attributes.changes
    return UserTaskNode(
        id=ELEMENT_ID,
        next="",
        name=body.name or "",
        assignee=_literal("assignee", body.assignee),
        candidate_users=_listed("candidateUsers", body.candidate_users),
        candidate_groups=_listed("candidateGroups", body.candidate_groups),
        due_date=str(dates.get("due_date", "")),
        follow_up_date=str(dates.get("follow_up_date", "")),
        priority="" if body.priority is None else str(body.priority),
        headers=_headers(body.custom_headers or {}),
        listeners=tuple(_listener(each) for each in body.listeners or ()),
        form_id=_literal("formId", body.form_id),
        form_external=_literal("externalFormReference", body.external_form_reference),
    )


def _headers(given: dict[str, str]) -> dict[str, str]:
    """Headers of the caller's own: listeners trust the reserved ones."""
    for name in given:
        if name.startswith(PREFIX):
            raise InvalidArgument(
                f"The provided customHeaders hold '{name}', but header keys starting with "
                f"'{PREFIX}' are reserved for internal use."
            )
    return given


def _listener(body: ListenerBody) -> Listener:
    if not body.type:
        raise InvalidArgument("No type provided.")
    retries = RETRIES if body.retries is None else body.retries
    if retries < 1:
        raise InvalidArgument(f"The value for retries is '{retries}' but must be greater than 0.")
    return Listener(ListenerEvent(body.event_type), _literal("type", body.type), str(retries))


def _literal(name: str, text: str | None) -> str:
    """A text that the engine does not take for an expression."""
    if text is not None and text.startswith("="):
        raise InvalidArgument(
            f"The provided {name} '{text}' is an expression; give a literal value."
        )
    return text or ""


def _listed(name: str, texts: list[str] | None) -> str:
    for text in texts or ():
        if "," in text or not text.strip():
            raise InvalidArgument(f"The provided {name} hold '{text}', which is no single name.")
    return _literal(name, ",".join(texts or ()))


def _key(value: object) -> str | None:
    return None if value is None else str(value)
