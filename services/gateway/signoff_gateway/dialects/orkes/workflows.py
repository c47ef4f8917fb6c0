"""Workflow executions: started, read and terminated."""

import asyncio
from collections.abc import Iterable
from typing import Final, cast

from signoff_gateway.dialects.orkes.answers import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    json_answer,
    result_of,
    text_answer,
)
from signoff_gateway.dialects.orkes.compiler import compile_definition
from signoff_gateway.dialects.orkes.definitions import WorkflowDef
from signoff_gateway.dialects.orkes.metadata import definition_of, find_workflow
from signoff_gateway.dialects.orkes.offences import DefinitionRefused
from signoff_gateway.dialects.orkes.problems import rejection_message
from signoff_gateway.dialects.orkes.reading_definitions import validated
from signoff_gateway.dialects.orkes.validation import (
    query_of,
    read,
    read_as,
    read_object,
)
from signoff_gateway.dialects.orkes.workflow_models import StartBody
from signoff_gateway.dialects.orkes.workflow_results import (
    status_of,
    workflow_result,
    workflow_status,
)
from signoff_gateway.exchange import Answer, BodyKind, Call, Handler, Place, Route
from signoff_gateway.idempotency import HEADER
from signoff_gateway.reads import Condition, Entity, Operator, Order, Page, Reads, SearchQuery
from signoff_gateway.reads.work import InstanceView
from signoff_gateway.sending import Sender
from signoff_schemas.commands import CancelProcess, StartProcess
from signoff_schemas.graph import ProcessGraph
from signoff_schemas.ids import key_of_uuid, partition_of, uuid_of
from signoff_schemas.limits import NAME_MAX, TEXT_MAX, unstorable_text, unstorable_variables
from signoff_schemas.principal import ANY, Principal
from signoff_schemas.rejections import Code
from signoff_schemas.values import ProcessState
from signoff_schemas.work import Ending

LATEST: Final = -1
BULK_MAX: Final = 1000
RUNNING_MAX: Final = 1000
_WORKFLOW: Final = "/api/workflow"
_ONE: Final = f"{_WORKFLOW}/{{workflowId}}"
_DEFINITION: Final = "PROCESS_DEFINITION"
_READ: Final = "READ_PROCESS_INSTANCE"
_RETURN_EXISTING: Final = "RETURN_EXISTING"
NOT_SUPPORTED: Final = (
    ("PUT", f"{_ONE}/pause"),
    ("PUT", f"{_ONE}/resume"),
    ("POST", f"{_ONE}/restart"),
    ("POST", f"{_ONE}/retry"),
    ("POST", f"{_ONE}/rerun"),
    ("PUT", f"{_ONE}/skiptask/{{taskReferenceName}}"),
    ("POST", f"{_ONE}/jump/{{taskReferenceName}}"),
    ("POST", f"{_ONE}/variables"),
    ("POST", f"{_ONE}/state"),
    ("POST", f"{_ONE}/upgrade"),
    ("DELETE", f"{_ONE}/remove"),
    ("PUT", f"{_WORKFLOW}/bulk/pause"),
    ("PUT", f"{_WORKFLOW}/bulk/resume"),
    ("POST", f"{_WORKFLOW}/bulk/restart"),
    ("POST", f"{_WORKFLOW}/bulk/retry"),
    ("POST", f"{_WORKFLOW}/bulk/delete"),
    ("POST", f"{_WORKFLOW}/execute/{{name}}/{{version}}"),
    ("POST", f"{_WORKFLOW}/test"),
)
"""Known to clients; they are told plainly instead of being sent to look for a missing route."""


class Workflows:
    """Endpoints of executions.

    Args:
        sender: Takes commands.
        reads: The read side.
    """

    def __init__(self, sender: Sender, reads: Reads) -> None:
        self._sender = sender
        self._reads = reads

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield _starting(_WORKFLOW, self.start)
        yield _starting(f"{_WORKFLOW}/{{name}}", self.start_by_name)
        yield Route("GET", _ONE, self.get)
        yield Route("GET", f"{_ONE}/status", self.get_status)
        yield Route("GET", f"{_ONE}/tasks", self.get_tasks)
        yield Route(
            "DELETE", _ONE, self.terminate, place=Place.KEY, key="workflowId", sheddable=False
        )
        yield Route(
            "POST",
            f"{_WORKFLOW}/bulk/terminate",
            self.terminate_many,
            body=BodyKind.UNTYPED_JSON,
            sheddable=False,
        )
        yield Route("GET", f"{_WORKFLOW}/running/{{name}}", self.running)
        for method, template in NOT_SUPPORTED:
            yield Route(method, template, _refuse)

    async def start(self, call: Call) -> Answer:
        """POST /workflow: the id of the new execution."""
        body = read(StartBody, call.body)
        for name, given in (
            ("taskToDomain", body.task_to_domain),
            ("externalInputPayloadStoragePath", body.external_input_payload_storage_path),
        ):
            if given:
                raise BadRequest(f"{name} of a workflow is not supported")
        if body.workflow_def is not None:
            await self._must_be_registered(call, body.workflow_def)
        if body.idempotency_key:
            self._repeatable(call, body)
        command = StartProcess(
            process_id=body.name,
            version=body.version or LATEST,
            variables=_input(body.input or {}),
            business_id=body.correlation_id or "",
        )
        return await self._started(call, command)

    async def start_by_name(self, call: Call) -> Answer:
        """POST /workflow/{name}: the body is the input."""
        query, name = query_of(call), call.params["name"]
        correlation = query.text("correlationId")
        if max(len(name), len(correlation)) > NAME_MAX:
            raise BadRequest(f"A name is longer than {NAME_MAX} characters")
        command = StartProcess(
            process_id=name,
            version=query.number("version") or LATEST,
            variables=_input(read_object(call.body)),
            business_id=correlation,
        )
        return await self._started(call, command)

    async def get(self, call: Call) -> Answer:
        """GET /workflow/{workflowId}."""
        include = query_of(call).flag("includeTasks", default=True)
        view = await find_execution(self._reads, call, call.params["workflowId"])
        return json_answer(await execution(self._reads, call, view, include_tasks=include))

    async def get_status(self, call: Call) -> Answer:
        """GET /workflow/{workflowId}/status."""
        query = query_of(call)
        output, variables = query.flag("includeOutput"), query.flag("includeVariables")
        view = await find_execution(self._reads, call, call.params["workflowId"])
        return json_answer(workflow_status(view, output=output, variables=variables))

    async def get_tasks(self, call: Call) -> Answer:
        """GET /workflow/{workflowId}/tasks."""
        query = query_of(call)
        start, count = query.number("start") or 0, query.number("count")
        view = await find_execution(self._reads, call, call.params["workflowId"])
        shown = await execution(self._reads, call, view, include_tasks=True)
        tasks = cast("list[object]", shown["tasks"])
        size = 15 if count is None else max(count, 0)
        page = tasks[max(start, 0) : max(start, 0) + size]
        return json_answer({"results": page, "totalHits": len(tasks)})

    async def terminate(self, call: Call) -> Answer:
        """DELETE /workflow/{workflowId}: once more is no mistake."""
        await self._terminate(call, call.key, _reason(call), 0)
        return Answer(200)

    async def terminate_many(self, call: Call) -> Answer:
        """POST /workflow/bulk/terminate: what could be, and why the rest could not."""
        identifiers = list(dict.fromkeys(cast("list[str]", read_as(list[str], call.body))))
        reason = _reason(call)
        outcomes = await asyncio.gather(
            *(
                self._outcome(call, identifier, reason, part)
                for part, identifier in enumerate(identifiers, 1)
            )
        )
        errors = dict(each for each in outcomes if each[1])
        done = [identifier for identifier, error in outcomes if not error]
        return json_answer({"bulkErrorResults": errors, "bulkSuccessfulResults": done})

    async def running(self, call: Call) -> Answer:
        """GET /workflow/running/{name}: ids of the executions that go on, oldest first."""
        name, version = call.params["name"], query_of(call).number("version")
        if offence := unstorable_text(name, NAME_MAX):
            raise BadRequest(f"No workflow can have this name: it has {offence}")
        if not may_see_all(call.principal, name):
            raise Forbidden(f"You don't have permissions to read workflow: {name[:100]}")
        conditions = [
            Condition("process_id", Operator.EQ, name),
            Condition("state", Operator.EQ, ProcessState.ACTIVE.value),
        ]
        if version:
            conditions.append(Condition("process_version", Operator.EQ, version))
        search = SearchQuery(tuple(conditions), order=(Order("key"),), page=Page(limit=RUNNING_MAX))
        tenants = call.principal.tenants
        found = await self._reads.search(Entity.PROCESS_INSTANCES, search, tenants)
        return json_answer([uuid_of(each.key) for each in found.rows])

    async def _started(self, call: Call, command: StartProcess) -> Answer:
        settled = await self._sender.ask(call, command)
        key = cast("int", result_of(settled)["process_instance_key"])
        return id_answer(call, uuid_of(key), command_id=settled.command_id)

    async def _must_be_registered(self, call: Call, given: dict[str, object]) -> None:
        """Clients send the definition along: fine, if it means the one that is there."""
        # Compiling takes time in proportion to the body: not in the loop that serves the others.
        try:
            graph = await asyncio.to_thread(_compiled, given)
        except DefinitionRefused as refusal:
            raise BadRequest(f"workflowDef: {refusal}") from None
        row = await find_workflow(self._reads, call, graph.process_id, graph.version)
        there = {} if row is None else definition_of(row.content)
        if not there or await asyncio.to_thread(_compiled, there) != graph:
            raise BadRequest(
                f"The workflowDef {graph.process_id}:{graph.version} is not registered like this: "
                "register it, then start it by its name"
            )

    def _repeatable(self, call: Call, body: StartBody) -> None:
        """Let the key in the body do what the header ``Idempotency-Key`` does."""
        if body.idempotency_strategy != _RETURN_EXISTING:
            raise BadRequest(
                f"idempotencyStrategy {body.idempotency_strategy or 'FAIL'} is not supported; "
                f"{_RETURN_EXISTING} is"
            )
        key = f"{body.name}:{body.idempotency_key}".encode()
        call.headers = {**call.headers, HEADER: key}
        self._sender.admit(call)

    async def _outcome(
        self, call: Call, identifier: str, reason: str, part: int
    ) -> tuple[str, str]:
        key = key_of_uuid(identifier)
        if key is None:
            return identifier, _no_workflow(identifier)
        try:
            await self._terminate(call, key, reason, part)
        except Rejected as refusal:
            return identifier, rejection_message(refusal.rejection)
        except (NotFound, Forbidden, Conflict) as refusal:
            return identifier, str(refusal)
        return identifier, ""

    async def _terminate(self, call: Call, key: int, reason: str, part: int) -> None:
        command = CancelProcess(process_instance_key=key, reason=reason)
        settled = await self._sender.ask(call, command, partition=partition_of(key), part=part)
        try:
            result_of(settled)
        except Rejected as refusal:
            if refusal.rejection.code is not Code.PROCESS_NOT_FOUND:
                raise
            view = await find_execution(self._reads, call, uuid_of(key))
            if status_of(view.state, view.ending) == Ending.COMPLETED:
                raise Conflict("Cannot terminate a COMPLETED workflow.") from None


async def find_execution(reads: Reads, call: Call, identifier: str) -> InstanceView:
    """An execution by id, for who may see it. Raises: NotFound, Forbidden, ReadsError."""
    key = key_of_uuid(identifier)
    view = None if key is None else await reads.instance_view(key, call.principal.tenants)
    if view is None:
        raise NotFound(_no_workflow(identifier))
    if not may_see(call.principal, view):
        raise Forbidden(f"You don't have permissions to read workflow: {view.process_id}")
    return view


def may_see(caller: Principal, view: InstanceView) -> bool:
    """Whether the caller has started the execution, or may read all of this workflow."""
    return view.started_by == caller.id or may_see_all(caller, view.process_id)


def may_see_all(caller: Principal, name: str) -> bool:
    """Whether the caller may read all executions of a workflow."""
    return caller.is_granted(_DEFINITION, name, _READ)


def names_to_see(caller: Principal) -> tuple[str, ...] | None:
    """The workflows of which the caller may read all executions; None: of every one."""
    if may_see_all(caller, ANY):
        return None
    granted = (each for each in caller.grants if each.kind == _DEFINITION and _READ in each.verbs)
    return tuple(sorted({each.target for each in granted}))


async def execution(
    reads: Reads, call: Call, view: InstanceView, *, include_tasks: bool
) -> dict[str, object]:
    """An execution as clients see it. Raises: ReadsError."""
    keys = [each.task_key for each in view.elements if each.task_key is not None]
    human = {}
    if include_tasks and keys:
        human = await reads.work_tasks(keys, call.principal.tenants)
    return workflow_result(view, human, include_tasks=include_tasks)


def id_answer(call: Call, identifier: str, *, command_id: str = "") -> Answer:
    """An id: as plain text, or as JSON for who takes nothing else."""
    accept = call.headers.get(b"accept", b"").partition(b";")[0].strip()
    if accept == b"application/json":
        return json_answer(identifier, command_id=command_id)
    return text_answer(identifier, command_id=command_id)


def _compiled(given: dict[str, object]) -> ProcessGraph:
    return compile_definition(validated(WorkflowDef, given))


async def _refuse(call: Call) -> Answer:
    raise BadRequest(f"{call.method} {call.route.template} is not supported")


def _input(given: dict[str, object]) -> dict[str, object]:
    if offence := unstorable_variables(given):
        raise BadRequest(f"The input of a workflow cannot be kept: it has {offence}")
    return given


def _reason(call: Call) -> str:
    reason = query_of(call).text("reason")
    if len(reason) > TEXT_MAX:
        raise BadRequest(f"The reason is longer than {TEXT_MAX} characters")
    return reason


def _no_workflow(identifier: str) -> str:
    return f"No such workflow found by id: {identifier[:100]}"


def _starting(template: str, handle: Handler) -> Route:
    return Route("POST", template, handle, body=BodyKind.UNTYPED_JSON, place=Place.ANY)
