"""Search of executions: the usual queries of clients, over what the read side can compare."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from signoff_gateway.dialects.orkes.answers import BadRequest, json_answer
from signoff_gateway.dialects.orkes.validation import query_of
from signoff_gateway.dialects.orkes.workflow_results import facts_of, reason_of, status_of
from signoff_gateway.dialects.orkes.workflows import names_to_see
from signoff_gateway.exchange import Answer, Call
from signoff_gateway.reads import Condition, Entity, Operator, Order, Page, Reads, SearchQuery
from signoff_gateway.reads.work import InstanceView
from signoff_schemas.ids import key_of_uuid, uuid_of
from signoff_schemas.limits import INT64_MAX
from signoff_schemas.principal import Principal
from signoff_schemas.work import Ending

SIZE: Final = 100
SIZE_MAX: Final = 100
"""Each result is read as a whole."""
START_MAX: Final = 10_000
_CLAUSE: Final = re.compile(
    r"\s*(\w+)\s*(=|<|>|\bIN\b)\s*(\(.*?\)|\"[^\"]*\"|'[^']*'|[^\s()]+)\s*", re.IGNORECASE
)
_AND: Final = re.compile(r"AND\b", re.IGNORECASE)
_FIELDS: Final[Mapping[str, str]] = {
    "workflowType": "process_id",
    "workflowName": "process_id",
    "version": "process_version",
    "correlationId": "business_id",
    "workflowId": "key",
    "startTime": "started_at",
    "endTime": "ended_at",
    "status": "ending",
}
_NUMBERS: Final = frozenset({"process_version", "started_at", "ended_at"})
_ENDINGS: Final[Mapping[str, str]] = {
    "RUNNING": "",
    **{each.value: each.value for each in Ending},
    # Known to clients, but there is no pausing.
    "PAUSED": "PAUSED",
}
"""How an execution of each status has ended."""
_ANYTHING: Final = ("", "*")


class WorkflowSearch:
    """The endpoint that finds executions.

    Args:
        reads: The read side.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def search(self, call: Call) -> Answer:
        """GET /workflow/search."""
        query = query_of(call)
        if query.text("freeText") not in _ANYTHING:
            raise BadRequest("freeText of a workflow search is not supported")
        start, size = query.number("start") or 0, query.number("size")
        page = Page(
            limit=min(SIZE if size is None else max(size, 1), SIZE_MAX),
            start=min(max(start, 0), START_MAX),
        )
        text = query.text("query")
        search = SearchQuery(
            _conditions("" if text in _ANYTHING else text),
            any_of=visible_to(call.principal),
            order=_order(query.text("sort")),
            page=page,
        )
        tenants = call.principal.tenants
        found = await self._reads.search(Entity.PROCESS_INSTANCES, search, tenants)
        views = [await self._reads.instance_view(each.key, tenants) for each in found.rows]
        results = [_summary(each) for each in views if each is not None]
        return json_answer({"totalHits": found.total, "results": results})


def visible_to(caller: Principal) -> tuple[tuple[Condition, ...], ...]:
    """Alternatives, of which one holds for each execution that the caller sees; none: for all."""
    names = names_to_see(caller)
    if names is None:
        return ()
    mine = (Condition("started_by", Operator.EQ, caller.id),)
    return (mine, (Condition("process_id", Operator.IN, names),)) if names else (mine,)


def _conditions(text: str) -> tuple[Condition, ...]:
    """The conditions of a query in SQL's manner, joined by AND. Raises: BadRequest."""
    conditions: list[Condition] = []
    end = 0
    while end < len(text):
        match = _CLAUSE.match(text, end)
        if match is None:
            raise _unreadable(text)
        conditions.append(_condition(match[1], match[2].upper(), _values(match[3])))
        end = match.end()
        if end < len(text):
            joint = _AND.match(text, end)
            if joint is None or joint.end() == len(text):
                raise _unreadable(text)
            end = joint.end()
    return tuple(conditions)


def _condition(name: str, operator: str, values: Sequence[str]) -> Condition:
    field = _FIELDS.get(name)
    if field is None:
        raise BadRequest(f"{name[:100]} cannot be searched for; {', '.join(_FIELDS)} can")
    if field in _NUMBERS or field == "key":
        numbers = tuple(_number(name, each) for each in values)
        if operator in "<>":
            return Condition(field, Operator.LT if operator == "<" else Operator.GT, numbers[0])
        return Condition(field, Operator.IN, numbers)
    if operator in "<>":
        raise BadRequest(f"{name} cannot be compared by {operator}")
    texts = tuple(map(_ending, values)) if field == "ending" else tuple(values)
    return Condition(field, Operator.IN, texts)


def _ending(status: str) -> str:
    ending = _ENDINGS.get(status)
    if ending is None:
        raise BadRequest(f"status {status[:100]} cannot be searched for; {', '.join(_ENDINGS)} can")
    return ending


def _number(name: str, text: str) -> int:
    if name == "workflowId":
        return key_of_uuid(text) or 0
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > INT64_MAX:
        raise BadRequest(f"Failed to convert '{name}' with value: '{text[:100]}'")
    return int(text)


def _values(text: str) -> list[str]:
    inner = text[1:-1].split(",") if text.startswith("(") else [text]
    return [each.strip().strip("'\"") for each in inner]


def _order(sort: str) -> tuple[Order, ...]:
    """Newest first, unless ``field:ASC`` says otherwise. Raises: BadRequest."""
    name, _, direction = sort.partition(":")
    if not name:
        return (Order("key", descending=True),)
    field = _FIELDS.get(name)
    if field is None:
        raise BadRequest(f"{name[:100]} cannot be sorted by; {', '.join(_FIELDS)} can")
    return (Order(field, descending=direction.upper() == "DESC"),)


def _summary(view: InstanceView) -> dict[str, object]:
    given = facts_of(view).get("input", {})
    ended = view.ended_at
    members: dict[str, object] = {
        "workflowType": view.process_id,
        "version": view.process_version,
        "workflowId": uuid_of(view.key),
        "correlationId": view.business_id or None,
        "startTime": _moment(view.started_at),
        "updateTime": _moment(ended or view.started_at),
        "endTime": None if ended is None else _moment(ended),
        "status": status_of(view.state, view.ending),
        "input": orjson.dumps(given).decode(),
        "output": orjson.dumps(view.output or {}).decode(),
        "reasonForIncompletion": reason_of(view),
        "executionTime": 0 if ended is None else ended - view.started_at,
        "priority": 0,
        "createdBy": view.started_by,
    }
    return {name: value for name, value in members.items() if value is not None}


def _moment(instant: int) -> str:
    text = datetime.fromtimestamp(instant / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _unreadable(text: str) -> BadRequest:
    return BadRequest(f"The query cannot be read: {text[:200]}")
