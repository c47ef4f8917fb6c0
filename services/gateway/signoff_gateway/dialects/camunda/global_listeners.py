"""Global task listeners: create, get, replace, delete (camunda.md 4)."""

import re
from typing import Annotated, Final

from signoff_gateway.dialects.camunda.answers import (
    NotFound,
    json_answer,
    no_content,
    result_of,
)
from signoff_gateway.dialects.camunda.reading_rights import must_read_listeners
from signoff_gateway.dialects.camunda.results import global_listener_result
from signoff_gateway.dialects.camunda.user_task_models import EVENT_TYPES
from signoff_gateway.dialects.camunda.validation import Body, Int32, enum_value, read, sentences
from signoff_gateway.exchange import Answer, Call
from signoff_gateway.reads import Reads
from signoff_gateway.sending import Sender
from signoff_schemas.commands import (
    CreateGlobalListener,
    DeleteGlobalListener,
    UpdateGlobalListener,
)
from signoff_schemas.values import GlobalListener, ListenerEvent

LENGTH_MAX: Final = 256
_NAME: Final = re.compile(r"[a-zA-Z0-9_~@.+\-]+")
_ALL: Final = "all"
_RETRIES: Final = 3
_PRIORITY: Final = 50


class GlobalListenerUpdate(Body):
    """PUT: what is left out gets its default."""

    type: str | None = None
    event_types: list[Annotated[str, enum_value("eventTypes", (_ALL, *EVENT_TYPES))]] | None = None
    retries: Int32 | None = None
    after_non_global: bool | None = None
    priority: Int32 | None = None


class GlobalListenerCreation(GlobalListenerUpdate):
    """POST."""

    id: str | None = None


class GlobalListeners:
    """The endpoints of one listener; their search is a read like the others."""

    def __init__(self, sender: Sender, reads: Reads) -> None:
        self._sender = sender
        self._reads = reads

    async def create(self, call: Call) -> Answer:
        """POST /global-task-listeners."""
        body = read(GlobalListenerCreation, call.body)
        listener = _listener(body.id or "", body)
        settled = await self._sender.ask(call, CreateGlobalListener(listener=listener))
        result_of(settled)
        return json_answer(global_listener_result(listener), 201, command_id=settled.command_id)

    async def get(self, call: Call) -> Answer:
        """GET /global-task-listeners/{id}."""
        must_read_listeners(call.principal)
        identifier = call.params["id"]
        listener = await self._reads.global_listener(identifier)
        if listener is None:
            raise NotFound(f"Global listener with id '{identifier}' not found")
        return json_answer(global_listener_result(listener))

    async def update(self, call: Call) -> Answer:
        """PUT /global-task-listeners/{id}: full replacement."""
        body = read(GlobalListenerUpdate, call.body)
        listener = _listener(call.params["id"], body)
        settled = await self._sender.ask(call, UpdateGlobalListener(listener=listener))
        result_of(settled)
        return json_answer(global_listener_result(listener), command_id=settled.command_id)

    async def delete(self, call: Call) -> Answer:
        """DELETE /global-task-listeners/{id}."""
        identifier = call.params["id"]
        sentences(_name_problems("id", identifier))
        command = DeleteGlobalListener(id=identifier)
        return no_content(await self._sender.ask(call, command))


def _listener(identifier: str, body: GlobalListenerUpdate) -> GlobalListener:
    retries = _RETRIES if body.retries is None else body.retries
    problems = [*_name_problems("id", identifier), *_name_problems("type", body.type or "")]
    if not body.event_types:
        problems.append("No eventTypes provided")
    if retries < 1:
        problems.append(f"The value for retries is '{retries}' but must be greater than 0")
    sentences(problems)
    named = body.event_types or []
    events = tuple(each for each in ListenerEvent if _ALL in named or each.value in named)
    return GlobalListener(
        id=identifier,
        job_type=body.type or "",
        events=events,
        retries=retries,
        after_own=bool(body.after_non_global),
        priority=_PRIORITY if body.priority is None else body.priority,
    )


def _name_problems(what: str, name: str) -> list[str]:
    if not name:
        return [f"No {what} provided"]
    if len(name) > LENGTH_MAX:
        return [f"The provided {what} exceeds the limit of {LENGTH_MAX} characters"]
    if not _NAME.fullmatch(name):
        must = "It must match the pattern '^[a-zA-Z0-9_~@.+-]+$'"
        return [f"The provided {what} contains illegal characters. {must}"]
    return []
