"""Searches for human tasks, and the names that their lists are filtered by."""

from collections.abc import Iterable, Sequence
from typing import Final

from signoff_gateway.dialects.orkes.answers import BadRequest, json_answer
from signoff_gateway.dialects.orkes.entries import search_entry
from signoff_gateway.dialects.orkes.field_queries import field_query, text_query
from signoff_gateway.dialects.orkes.people import person_of
from signoff_gateway.dialects.orkes.permissions import visible_to
from signoff_gateway.dialects.orkes.task_models import SearchBody, UserFilter
from signoff_gateway.dialects.orkes.validation import query_of, read
from signoff_gateway.exchange import Answer, BodyKind, Call, Route
from signoff_gateway.reads import Reads
from signoff_gateway.reads.work import PersonPattern, WorkQuery
from signoff_schemas.ids import key_of_uuid
from signoff_schemas.principal import ADMIN
from signoff_schemas.work import WorkState

SIZE_DEFAULT: Final = 15
SIZE_MAX: Final = 1000
"""Tasks of one page; who asks for more gets these, and is told so by ``pageSizeLimit``."""
_TASKS: Final = "/api/human/tasks"
_SEARCH_TYPES: Final = ("ADMIN", "INBOX")


class TaskSearch:
    """Endpoints that look for tasks: everybody finds what they may see, and nobody is refused."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield Route("POST", f"{_TASKS}/search", self.search, body=BodyKind.UNTYPED_JSON)
        yield Route("GET", f"{_TASKS}/getTaskDisplayNames", self.display_names)
        yield Route("GET", f"{_TASKS}/backPopulateFullTextIndex", self.back_populate)

    async def search(self, call: Call) -> Answer:
        """POST /human/tasks/search."""
        body = read(SearchBody, call.body or b"{}")
        query = work_query(body, call)
        found = await self._reads.search_work(query, call.principal.tenants)
        return json_answer(
            {
                "start": query.start,
                "pageSizeLimit": query.size,
                "hits": len(found.rows),
                "totalHits": found.total,
                "results": [search_entry(each) for each in found.rows],
            }
        )

    async def display_names(self, call: Call) -> Answer:
        """GET /human/tasks/getTaskDisplayNames."""
        search_type = query_of(call).required("searchType")
        if search_type not in _SEARCH_TYPES:
            raise BadRequest(f"Failed to convert 'searchType' with value: '{search_type[:100]}'")
        if search_type == "ADMIN" and ADMIN not in call.principal.roles:
            return json_answer([])
        seen_by = visible_to(call.principal, search_type)
        return json_answer(await self._reads.display_names(seen_by, call.principal.tenants))

    async def back_populate(self, call: Call) -> Answer:
        """GET /human/tasks/backPopulateFullTextIndex: there is nothing that lags behind."""
        query_of(call).number("100")
        return json_answer({})


def work_query(body: SearchBody, call: Call) -> WorkQuery:
    """What a search asks for. Raises: BadRequest."""
    keys = [key_of_uuid(each) for each in body.workflow_ids]
    return WorkQuery(
        start=body.start or 0,
        size=min(SIZE_DEFAULT if body.size is None else body.size, SIZE_MAX),
        states=tuple(dict.fromkeys(_state(each) for each in body.states)),
        assignees=_patterns(body.assignees),
        claimants=_patterns(body.claimants),
        definition_names=tuple(body.definition_names),
        display_names=tuple(body.display_names),
        node_ids=tuple(body.task_ref_names),
        process_ids=tuple(body.workflow_names),
        process_instance_keys=tuple(each for each in keys if each is not None) if keys else None,
        input=field_query("taskInputQuery", body.task_input_query),
        output=field_query("taskOutputQuery", body.task_output_query),
        text=text_query("fullTextQuery", body.full_text_query),
        # Clients send 0 for an end that they do not mean.
        updated_from=body.update_start_time or None,
        updated_until=body.update_end_time or None,
        seen_by=visible_to(call.principal, body.search_type or ""),
    )


def _state(name: str) -> WorkState:
    return WorkState.CLAIMED if name == "IN_PROGRESS" else WorkState(name)


def _patterns(filters: Sequence[UserFilter]) -> tuple[PersonPattern, ...]:
    return tuple(_pattern(each) for each in filters if each.user or each.user_type)


def _pattern(given: UserFilter) -> PersonPattern:
    name = given.user or "*"
    if given.user_type is None:
        return PersonPattern(name)
    kind = person_of(given.user_type, name)
    return PersonPattern(name, group=kind.group, external=kind.external)
