"""Endpoints that only read: lookups by key and searches."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

from signoff_gateway.dialects.camunda import search
from signoff_gateway.dialects.camunda.answers import json_answer
from signoff_gateway.dialects.camunda.reading_rights import ReadingRights
from signoff_gateway.dialects.camunda.results import (
    form_result,
    incident_result,
    process_instance_result,
    user_task_result,
    variable_result,
)
from signoff_gateway.dialects.camunda.search_tables import (
    GLOBAL_LISTENERS,
    INCIDENTS,
    JOBS,
    PROCESS_INSTANCES,
    USER_TASKS,
    VARIABLES,
    Searchable,
)
from signoff_gateway.exchange import Answer, BodyKind, Call, Handler, Route
from signoff_gateway.reads import Reads, Tenants
from signoff_schemas.principal import ADMIN

Row = TypeVar("Row")

_TASK = "/v2/user-tasks/{userTaskKey}"


class Reading:
    """The read endpoints, on behalf of the caller's tenants."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._rights = ReadingRights(reads)

    def routes(self) -> Iterable[Route]:
        """All of them."""
        return (*self._lookups(), *self._searches(), *self._task_reads())

    def _lookups(self) -> Iterable[Route]:
        reads = self._reads
        yield _get(_TASK, "userTaskKey", self._one(reads.user_task, user_task_result, "User Task"))
        yield _get(
            "/v2/incidents/{incidentKey}",
            "incidentKey",
            self._one(reads.incident, incident_result, "Incident"),
        )
        yield _get(
            "/v2/variables/{variableKey}",
            "variableKey",
            self._one(reads.variable, variable_result, "Variable"),
        )
        yield _get("/v2/forms/{formKey}", "formKey", self._one(reads.form, form_result, "Form"))
        yield _get(
            "/v2/process-instances/{processInstanceKey}",
            "processInstanceKey",
            self._one(reads.process_instance, process_instance_result, "Process Instance"),
        )

    def _searches(self) -> Iterable[Route]:
        for name, what in (
            ("user-tasks", USER_TASKS),
            ("jobs", JOBS),
            ("incidents", INCIDENTS),
            ("process-instances", PROCESS_INSTANCES),
            ("global-task-listeners", GLOBAL_LISTENERS),
        ):
            yield _search(f"/v2/{name}/search", partial(self._found, what))
        yield _search("/v2/variables/search", self._variables)
        yield _search(
            "/v2/element-instances/{elementInstanceKey}/incidents/search",
            partial(self._incidents_within, "element_instance_key"),
            "elementInstanceKey",
        )
        yield _search(
            "/v2/process-instances/{processInstanceKey}/incidents/search",
            self._incidents_of_instance,
            "processInstanceKey",
        )

    def _task_reads(self) -> Iterable[Route]:
        yield _get(f"{_TASK}/form", "userTaskKey", self._form)
        for name, effective in (("variables", False), ("effective-variables", True)):
            handle = partial(self._task_variables, effective=effective)
            yield _search(f"{_TASK}/{name}/search", handle, "userTaskKey")

    async def _found(self, what: Searchable, call: Call) -> Answer:
        return json_answer(await search.found(self._reads, what, call.body, call.principal))

    async def _variables(self, call: Call) -> Answer:
        truncate = search.truncates(call.query)
        caller = call.principal
        page = await search.found(self._reads, VARIABLES, call.body, caller, truncate=truncate)
        return json_answer(page)

    async def _incidents_of_instance(self, call: Call) -> Answer:
        answer = await self._incidents_within("process_instance_key", call)
        look_up, tenants = self._reads.process_instance, call.principal.tenants
        await search.one(look_up, process_instance_result, "Process Instance", call.key, tenants)
        return answer

    async def _incidents_within(self, field: str, call: Call) -> Answer:
        caller = call.principal
        page = await search.incidents_within(self._reads, field, call.key, call.body, caller)
        return json_answer(page)

    async def _task_variables(self, call: Call, *, effective: bool) -> Answer:
        await self._must_read_task(call)
        page = await search.task_variables(
            self._reads,
            call.key,
            call.body,
            call.principal.tenants,
            truncate=search.truncates(call.query),
            effective=effective,
        )
        return json_answer(page)

    async def _form(self, call: Call) -> Answer:
        await self._must_read_task(call)
        form = await search.task_form(self._reads, call.key, call.principal.tenants)
        return Answer(204) if form is None else json_answer(form)

    async def _must_read_task(self, call: Call) -> None:
        """Of an admin nothing is asked, so he pays for no second look at the task."""
        if ADMIN not in call.principal.roles:
            task = await self._reads.user_task(call.key, call.principal.tenants)
            if task is not None:
                await self._rights.must_read(call.principal, task)

    def _one(
        self,
        look_up: Callable[[int, Tenants], Awaitable[Row | None]],
        result: Callable[[Row], dict[str, object]],
        name: str,
    ) -> Handler:
        async def handle(call: Call) -> Answer:
            async def seen(key: int, tenants: Tenants) -> Row | None:
                row = await look_up(key, tenants)
                if row is not None:
                    await self._rights.must_read(call.principal, row)
                return row

            tenants = call.principal.tenants
            return json_answer(await search.one(seen, result, name, call.key, tenants))

        return handle


def _get(template: str, key: str, handle: Handler) -> Route:
    return Route("GET", template, handle, key=key)


def _search(template: str, handle: Handler, key: str = "") -> Route:
    return Route("POST", template, handle, body=BodyKind.JSON, key=key)
