"""Search requests of this dialect, read and answered.

What routes call (``tenants`` are the caller's; all but the lookups of the store is done here):

* ``await found(reads, USER_TASKS, body, caller)`` → the response body of ``POST …/search``; so too
  JOBS, INCIDENTS, VARIABLES (with ``truncate=``), GLOBAL_LISTENERS, PROCESS_INSTANCES.
* ``await incidents_within(reads, "process_instance_key" | "element_instance_key", key, body,
  caller)`` → that of ``POST /process-instances/{key}/incidents/search`` and its sibling.
* ``await task_variables(reads, key, body, tenants, truncate=…, effective=…)`` → that of a task's
  two variable searches; raises NotFound.
* ``await one(reads.user_task, user_task_result, "User Task", key, tenants)`` → the response body
  of a GET by key; raises NotFound. ``task_form`` → that of a task's form, or None (204).
* ``truncates(query_string)`` reads ``truncateValues``.

All raise BadRequest and InvalidArgument (answers.py) for bad requests, and ReadsError.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qs

import orjson

from signoff_gateway.dialects.camunda.answers import BadRequest, InvalidArgument, NotFound
from signoff_gateway.dialects.camunda.reading_rights import readable
from signoff_gateway.dialects.camunda.results import (
    form_result,
    global_listener_result,
    incident_result,
    job_result,
    process_instance_result,
    user_task_result,
    variable_search_result,
)
from signoff_gateway.dialects.camunda.search_fields import (
    Path,
    Violations,
    a_list,
    refuse,
    text,
    unexpected,
)
from signoff_gateway.dialects.camunda.search_tables import (
    EFFECTIVE_VARIABLES,
    INCIDENTS,
    TASK_VARIABLES,
    Searchable,
)
from signoff_gateway.dialects.camunda.validation import is_missing
from signoff_gateway.reads import (
    BadCursor,
    Condition,
    Entity,
    Found,
    Operator,
    Order,
    Page,
    Reads,
    SearchQuery,
    Tenants,
)
from signoff_schemas.principal import Principal

Row = TypeVar("Row")
JsonObject = dict[str, object]

LIMIT_MAX: Final = 10_000
_UNREADABLE: Final = "Failed to read request"
_START_MAX: Final = (1 << 31) - 1
OFFSET_MEMBERS: Final = ("from", "limit")
PAGE_MEMBERS: Final = ("from", "after", "before", "limit")
_DIRECTIONS: Final = {"ASC": False, "DESC": True}
_RESULTS: Final[Mapping[Entity, Callable[[Any], JsonObject]]] = {
    Entity.USER_TASKS: user_task_result,
    Entity.JOBS: job_result,
    Entity.INCIDENTS: incident_result,
    Entity.PROCESS_INSTANCES: process_instance_result,
    Entity.GLOBAL_LISTENERS: global_listener_result,
}


async def found(
    reads: Reads, what: Searchable, body: bytes, caller: Principal, *, truncate: bool = True
) -> JsonObject:
    """The response body of a search: what the caller may not read is left out."""
    within = readable(caller, what.entity)
    query = replace(parse_search(what, body), preview=truncate, within=within)
    result = _RESULTS.get(what.entity) or partial(variable_search_result, truncated=truncate)
    return await _answer(reads.search(what.entity, query, caller.tenants), result)


async def incidents_within(
    reads: Reads, field: str, key: int, body: bytes, caller: Principal
) -> JsonObject:
    """The response body of a search for the incidents of one process or element instance."""
    query = parse_search(INCIDENTS, body)
    there = Condition(field, Operator.EQ, key)
    query = replace(
        query,
        conditions=(there, *query.conditions),
        within=readable(caller, Entity.INCIDENTS),
    )
    return await _answer(reads.search(Entity.INCIDENTS, query, caller.tenants), incident_result)


async def task_variables(
    reads: Reads,
    key: int,
    body: bytes,
    tenants: Tenants,
    *,
    truncate: bool = True,
    effective: bool = False,
) -> JsonObject:
    """The response body of a search for a task's variables, all or effective ones."""
    what = EFFECTIVE_VARIABLES if effective else TASK_VARIABLES
    query = replace(parse_search(what, body), preview=truncate)
    task = await reads.user_task(key, tenants)
    if task is None:
        raise NotFound(f"User Task with key '{key}' not found")
    variables = reads.task_variables(task, query, innermost=effective)
    answer = await _answer(variables, partial(variable_search_result, truncated=truncate))
    if effective:
        cast("JsonObject", answer["page"]).update(startCursor=None, endCursor=None)
    return answer


async def one(
    look_up: Callable[[int, Tenants], Awaitable[Row | None]],
    result: Callable[[Row], JsonObject],
    name: str,
    key: int,
    tenants: Tenants,
) -> JsonObject:
    """The response body of a GET by key. Raises: NotFound."""
    row = await look_up(key, tenants)
    if row is None:
        raise NotFound(f"{name} with key '{key}' not found")
    return result(row)


async def task_form(reads: Reads, key: int, tenants: Tenants) -> JsonObject | None:
    """The response body of a task's form; None if it has none. Raises: NotFound."""
    task = await reads.user_task(key, tenants)
    if task is None:
        raise NotFound(f"User Task with key '{key}' not found")
    form = None if task.form_key is None else await reads.form(task.form_key, tenants)
    return None if form is None else form_result(form)


def truncates(query_string: bytes) -> bool:
    """The parameter ``truncateValues``, true unless it is given. Raises: BadRequest."""
    given = parse_qs(query_string.decode("latin-1")).get("truncateValues", ["true"])[-1]
    value = {"true": True, "false": False}.get(given.casefold())
    if value is None:
        raise BadRequest(f"Failed to convert 'truncateValues' with value: '{given}'")
    return value


def parse_search(what: Searchable, body: bytes) -> SearchQuery:
    """What a search request asks for. An empty body asks for everything.

    Raises:
        BadRequest: It cannot be read.
        InvalidArgument: It was read and cannot be meant; all reasons are told together.
    """
    given = _body(body)
    violations = Violations()
    for name in given:
        if name not in {"filter", "sort", "page"}:
            refuse((name,))
    conditions, any_of = _filter(what, given.get("filter"), violations)
    order = _order(what, given.get("sort"), violations)
    page = _page(what, given.get("page"), violations)
    violations.check()
    return SearchQuery(conditions, any_of, order, page)


def _body(body: bytes) -> JsonObject:
    if is_missing(body):
        return {}
    try:
        given: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(_UNREADABLE) from error
    if not isinstance(given, dict):
        raise BadRequest(_UNREADABLE)
    return cast("JsonObject", given)


def _filter(
    what: Searchable, given: object, violations: Violations
) -> tuple[tuple[Condition, ...], tuple[tuple[Condition, ...], ...]]:
    if given is None:
        return (), ()
    fields = dict(_object(("filter",), given))
    groups: list[tuple[Condition, ...]] = []
    if what.alternatives:
        path = ("filter", "$or")
        alternatives = fields.pop("$or", None)
        for index, each in enumerate(a_list(path, [] if alternatives is None else alternatives)):
            groups.append(_fields(what, (*path, index), each, violations))
    return _fields(what, ("filter",), fields, violations), tuple(groups)


def _fields(
    what: Searchable, path: Path, given: object, violations: Violations
) -> tuple[Condition, ...]:
    conditions: list[Condition] = []
    for name, value in _object(path, given).items():
        field = what.filters.get(name)
        if field is None:
            refuse((*path, name))
        if value is not None:
            conditions += field.conditions((*path, name), value, violations)
    return tuple(conditions)


def _order(what: Searchable, given: object, violations: Violations) -> tuple[Order, ...]:
    orders: dict[str, Order] = {}
    for index, each in enumerate(a_list(("sort",), [] if given is None else given)):
        path = ("sort", index)
        entry = _object(path, each)
        for name in entry:
            if name not in {"field", "order"}:
                refuse((*path, name))
        field_name, direction = entry.get("field"), entry.get("order")
        if field_name is None:
            violations.add("Sort field must not be null")
            continue
        field = _member((*path, "field"), field_name, what.sorts)
        descending = _member(
            (*path, "order"), "ASC" if direction is None else direction, _DIRECTIONS
        )
        # The second time a field is named it has nothing left to decide.
        orders.setdefault(field, Order(field, descending))
    return tuple(orders.values())


def _page(what: Searchable, given: object, violations: Violations) -> Page:
    if given is None:
        return Page()
    members = PAGE_MEMBERS if what.cursors else OFFSET_MEMBERS
    if not isinstance(given, dict) or not set(members) & set(cast("JsonObject", given)):
        raise BadRequest("At least one of [from, after, before, limit] is required.")
    page = cast("JsonObject", given)
    for name in page:
        if name not in members:
            refuse(("page", name))
    if sum(page.get(name) is not None for name in ("from", "after", "before")) > 1:
        violations.add("Only one of [from, after, before] is allowed")
    return Page(
        limit=_number(page, "limit", 100, 1, LIMIT_MAX, violations),
        start=_number(page, "from", 0, 0, _START_MAX, violations),
        after=_cursor(page, "after"),
        before=_cursor(page, "before"),
    )


def _number(
    page: JsonObject, name: str, default: int, least: int, most: int, violations: Violations
) -> int:
    given = page.get(name)
    if given is None:
        return default
    if not isinstance(given, int) or isinstance(given, bool):
        refuse(("page", name))
    if given < 0:
        problem = "a non-negative number"
    elif given < least:
        problem = f"at least {least}"
    elif given > most:
        problem = f"at most {most}"
    else:
        return given
    violations.add(f"The value for page.{name} is '{given}' but must be {problem}")
    return default


def _cursor(page: JsonObject, name: str) -> str | None:
    given = page.get(name)
    return None if given is None else text(("page", name), given)


def _member(path: Path, given: object, members: Mapping[str, Row]) -> Row:
    """A member of an enumeration, by its name in any letter case."""
    shown = text(path, given).casefold()
    found_names = [name for name in members if name.casefold() == shown]
    if not found_names:
        unexpected(str(path[-1]), given, members)
    return members[found_names[0]]


def _object(path: Path, given: object) -> JsonObject:
    if not isinstance(given, dict):
        refuse(path)
    return cast("JsonObject", given)


async def _answer(search: Awaitable[Found[Any]], result: Callable[[Any], JsonObject]) -> JsonObject:
    try:
        page = await search
    except BadCursor as error:
        raise InvalidArgument(f"Cannot decode pagination cursor '{error}'.") from error
    return {
        "items": [result(row) for row in page.rows],
        "page": {
            "totalItems": page.total,
            "hasMoreTotalItems": page.more_than_total,
            "startCursor": page.start,
            "endCursor": page.end,
        },
    }
