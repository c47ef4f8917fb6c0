"""Workflow and task definitions: saved, read and removed."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final, cast

import orjson

from signoff_gateway.dialects.orkes import definition_rights
from signoff_gateway.dialects.orkes.answers import NotFound, json_answer, result_of, void
from signoff_gateway.dialects.orkes.reading_definitions import read_rules, read_workflows
from signoff_gateway.dialects.orkes.validation import int32, query_of
from signoff_gateway.exchange import Answer, BodyKind, Call, Handler, Place, Route
from signoff_gateway.reads import Reads
from signoff_gateway.reads.work import DefinitionRow, DocumentRow
from signoff_gateway.sending import Sender
from signoff_schemas.commands import DeleteDefinition
from signoff_schemas.documents import RULES, DeleteDocument

JsonObject = dict[str, object]

_WORKFLOWS: Final = "/api/metadata/workflow"
_TASKS: Final = "/api/metadata/taskdefs"
_DEFAULTS_OF_WORKFLOWS: Final[Mapping[str, object]] = {
    "version": 1,
    "inputParameters": [],
    "outputParameters": {},
    "schemaVersion": 2,
    "restartable": True,
    "workflowStatusListenerEnabled": False,
    "timeoutPolicy": "TIME_OUT_WF",
    "timeoutSeconds": 0,
    "variables": {},
    "inputTemplate": {},
}
_DEFAULTS_OF_TASKS: Final[Mapping[str, object]] = {
    "retryCount": 3,
    "timeoutSeconds": 0,
    "totalTimeoutSeconds": 0,
    "inputKeys": [],
    "outputKeys": [],
    "timeoutPolicy": "TIME_OUT_WF",
    "retryLogic": "FIXED",
    "retryDelaySeconds": 60,
    "responseTimeoutSeconds": 600,
    "inputTemplate": {},
    "rateLimitPerFrequency": 0,
    "rateLimitFrequencyInSeconds": 1,
    "backoffScaleFactor": 1,
}


class Metadata:
    """Endpoints of definitions. A change is seen by whatever starts after its answer.

    Args:
        sender: Takes commands.
        reads: The read side.
    """

    def __init__(self, sender: Sender, reads: Reads) -> None:
        self._sender = sender
        self._reads = reads

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield _saving("POST", _WORKFLOWS, partial(self.save_workflows, overwrite=False))
        yield _saving("PUT", _WORKFLOWS, partial(self.save_workflows, overwrite=True))
        yield Route("GET", _WORKFLOWS, self.all_workflows)
        yield Route("GET", f"{_WORKFLOWS}/{{name}}", self.get_workflow)
        yield Route(
            "DELETE",
            f"{_WORKFLOWS}/{{name}}/{{version}}",
            self.delete_workflow,
            place=Place.SETTINGS,
        )
        for method in ("POST", "PUT"):
            yield _saving(method, _TASKS, self.save_tasks)
        yield Route("GET", _TASKS, self.all_tasks)
        yield Route("GET", f"{_TASKS}/{{name}}", self.get_task)
        yield Route("DELETE", f"{_TASKS}/{{name}}", self.delete_task, place=Place.SETTINGS)

    async def save_workflows(self, call: Call, *, overwrite: bool) -> Answer:
        """POST and PUT /metadata/workflow: all definitions of the body, or none."""
        overwrites = query_of(call).flag("overwrite", default=overwrite)
        # Compiling takes time in proportion to the body: not in the loop that serves the others.
        command = await asyncio.to_thread(read_workflows, call.body, overwrite=overwrites)
        settled = await self._sender.ask(call, command)
        if call.method == "POST":
            return void(settled)
        result_of(settled)
        saved = [each.process_id for resource in command.resources for each in resource.processes]
        bulk: JsonObject = {"bulkErrorResults": {}, "bulkSuccessfulResults": saved}
        return json_answer(bulk, command_id=settled.command_id)

    async def all_workflows(self, call: Call) -> Answer:
        """GET /metadata/workflow: every version of every definition."""
        rows, caller = await self._reads.definitions(tenants=call.principal.tenants), call.principal
        found = [each for each in rows if is_workflow(each)]
        return json_answer(
            [_workflow(each) for each in found if definition_rights.may_read_workflow(caller, each)]
        )

    async def get_workflow(self, call: Call) -> Answer:
        """GET /metadata/workflow/{name}: the latest version, or that of the query."""
        name, version = call.params["name"], query_of(call).number("version")
        row = await find_workflow(self._reads, call, name, version)
        if row is None:
            raise NotFound(
                f"No such workflow found by name: {name}, "
                f"version: {'latest' if version is None else version}"
            )
        definition_rights.must_read_workflow(call.principal, row)
        return json_answer(_workflow(row))

    async def delete_workflow(self, call: Call) -> Answer:
        """DELETE /metadata/workflow/{name}/{version}: what runs goes on with it."""
        name, version = call.params["name"], int32("version", call.params["version"])
        command = DeleteDefinition(process_id=name, version=version)
        return void(await self._sender.ask(call, command))

    async def save_tasks(self, call: Call) -> Answer:
        """POST and PUT /metadata/taskdefs: what is there already is replaced."""
        commands = list(read_rules(call.body))
        for command in commands:
            if await self._reads.documents(RULES, command.id):
                definition_rights.must_change_task(call.principal, ("UPDATE",), command.id)
            else:
                definition_rights.must_change_task(call.principal, ("CREATE", "UPDATE"), command.id)
        for part, command in enumerate(commands):
            result_of(await self._sender.ask(call, command, part=part))
        return Answer(200)

    async def all_tasks(self, call: Call) -> Answer:
        """GET /metadata/taskdefs."""
        rows, caller = await self._reads.documents(RULES), call.principal
        return json_answer(
            [_task(each) for each in rows if definition_rights.may_read_task(caller, each)]
        )

    async def get_task(self, call: Call) -> Answer:
        """GET /metadata/taskdefs/{name}."""
        name = call.params["name"]
        rows = await self._reads.documents(RULES, name)
        if not rows:
            raise NotFound(f"No such taskType found by name: {name}")
        definition_rights.must_read_task(call.principal, rows[0])
        return json_answer(_task(rows[0]))

    async def delete_task(self, call: Call) -> Answer:
        """DELETE /metadata/taskdefs/{name}."""
        name = call.params["name"]
        definition_rights.must_change_task(call.principal, ("DELETE",), name)
        command = DeleteDocument(kind=RULES, id=name)
        return void(await self._sender.ask(call, command))


async def find_workflow(
    reads: Reads, call: Call, name: str, version: int | None
) -> DefinitionRow | None:
    """A definition of this dialect, in its latest version if none is named. Raises: ReadsError."""
    rows = await reads.definitions(name, version, tenants=call.principal.tenants)
    return next((each for each in rows if is_workflow(each)), None)


def is_workflow(row: DefinitionRow) -> bool:
    """Whether a definition came through this dialect."""
    return row.content.startswith("{")


def definition_of(content: str) -> JsonObject:
    """A definition as it was saved; empty if there is none any more."""
    return cast("JsonObject", orjson.loads(content)) if content.startswith("{") else {}


def _workflow(row: DefinitionRow) -> JsonObject:
    return {
        **_DEFAULTS_OF_WORKFLOWS,
        **_without_nulls(definition_of(row.content)),
        "createTime": row.deployed_at,
        "updateTime": row.deployed_at,
        "createdBy": row.deployed_by,
        "updatedBy": row.deployed_by,
    }


def _task(row: DocumentRow) -> JsonObject:
    return {
        **_DEFAULTS_OF_TASKS,
        **_without_nulls(row.content),
        "createTime": row.created_at,
        "updateTime": row.updated_at,
        "createdBy": row.created_by,
        "updatedBy": row.updated_by,
    }


def _without_nulls(content: Mapping[str, object]) -> JsonObject:
    return {name: each for name, each in content.items() if each is not None}


def _saving(method: str, template: str, handle: Handler) -> Route:
    return Route(method, template, handle, body=BodyKind.UNTYPED_JSON, place=Place.SETTINGS)
