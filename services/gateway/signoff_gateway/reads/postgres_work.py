"""Reads of shared work, documents and whole instances from PostgreSQL."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields
from typing import Any, Final

import asyncpg
from pydantic import TypeAdapter

from signoff_gateway.reads import Tenants
from signoff_gateway.reads.queries import named
from signoff_gateway.reads.work import (
    TOTAL_MAX,
    DefinitionRow,
    DocumentRow,
    ElementRow,
    FoundWork,
    InstanceView,
    SeenBy,
    WorkQuery,
    WorkTaskRow,
)
from signoff_gateway.reads.work_statements import Owned, WorkSearch
from signoff_schemas.limits import INT32_MAX, unstorable_text
from signoff_schemas.work import LogEntry, Person, Policy, Work, WorkState

Records = Sequence[asyncpg.Record]
Fetch = Callable[..., Awaitable[Records]]

_WORK: Final = TypeAdapter[Work | None](Work | None)
_POLICY: Final = TypeAdapter[Policy | None](Policy | None)
_LOG: Final = TypeAdapter(tuple[LogEntry, ...])
_KEYS: Final = range(1 << 63)
_OPEN: Final = Work(exhausted=True)


def _columns(row: type[Any]) -> str:
    return ", ".join(each.name for each in fields(row))


_SQL: Final = named("work.sql")
_TASK_COLUMNS: Final = _columns(WorkTaskRow)
_TASKS_BY_KEY: Final = _SQL["tasks_by_key"].format(columns=_TASK_COLUMNS)
_TASKS_AT: Final = _SQL["tasks_at"].format(columns=_TASK_COLUMNS)
_DOCUMENTS: Final = _SQL["documents"].format(columns=_columns(DocumentRow))
_DEFINITIONS: Final = _SQL["definitions"].format(columns=_columns(DefinitionRow))
_INSTANCE: Final = _SQL["instance"].format(columns=_columns(InstanceView))


class WorkReads:
    """The part of ``Reads`` that is about shared work; ``fetch`` runs one statement."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def work_tasks(self, keys: Sequence[int], tenants: Tenants) -> dict[int, WorkTaskRow]:
        """Tasks by key; those that are not there are left out."""
        wanted = [key for key in keys if key in _KEYS]
        records = await self._fetch(_TASKS_BY_KEY, wanted) if wanted else ()
        tasks = map(_task, records)
        return {each.key: each for each in tasks if tenants is None or each.tenant in tenants}

    async def work_task_at(
        self, process_instance_key: int, node_id: str, tenants: Tenants
    ) -> WorkTaskRow | None:
        """The latest task of a node in an instance."""
        if process_instance_key not in _KEYS or unstorable_text(node_id):
            return None
        records = await self._fetch(_TASKS_AT, process_instance_key, node_id)
        tasks = [each for each in map(_task, records) if tenants is None or each.tenant in tenants]
        return tasks[0] if tasks else None

    async def search_work(self, query: WorkQuery, tenants: Tenants) -> FoundWork:
        """A page of what matches, and how many there are."""
        owned = await self._owned_by(query.seen_by)
        search = WorkSearch(query, tenants, owned)
        counted = [search]
        if query.input or query.output or query.text:
            hits = search.hits()
            keys = [record[0] for record in await self._fetch(hits.sql, *hits.values)]
            among = WorkSearch(query, tenants, owned, keys=keys)
            if len(keys) <= TOTAL_MAX:
                search, counted = among, [among]
            else:
                # If nothing else is asked for, these are enough to know.
                counted.insert(0, among)
        page = search.page(_TASK_COLUMNS)
        records = await self._fetch(page.sql, *page.values) if query.size else ()
        total = query.start + len(records)
        if not records or len(records) == query.size:
            total = await self._count(counted)
        return FoundWork(tuple(map(_task, records)), min(total, TOTAL_MAX))

    async def _count(self, searches: Sequence[WorkSearch]) -> int:
        """By the first that finds TOTAL_MAX, or else by the last."""
        total = 0
        for search in searches:
            count = search.count()
            total = (await self._fetch(count.sql, *count.values))[0][0]
            if total == TOTAL_MAX:
                break
        return total

    async def display_names(self, seen_by: SeenBy | None, tenants: Tenants) -> list[str]:
        """What the tasks that somebody may see are called, each name once, in order."""
        if seen_by is None:
            known = None if tenants is None else list(tenants)
            records = await self._fetch(_SQL["all_display_names"], known)
        else:
            owned = await self._owned_by(seen_by)
            names = WorkSearch(WorkQuery(seen_by=seen_by), tenants, owned).display_names()
            records = await self._fetch(names.sql, *names.values)
        return [record[0] for record in records]

    async def documents(
        self, kind: str, identifier: str | None = None, version: int | None = None
    ) -> Sequence[DocumentRow]:
        """Documents of a kind by id, of each the newest version first."""
        if not _can_be(identifier, version):
            return ()
        records = await self._fetch(_DOCUMENTS, kind, identifier, version)
        return [DocumentRow(*record) for record in records]

    async def definitions(
        self, process_id: str | None = None, version: int | None = None, *, tenants: Tenants
    ) -> Sequence[DefinitionRow]:
        """Definitions that can be started, of each process the newest version first."""
        if not _can_be(process_id, version):
            return ()
        known = None if tenants is None else list(tenants)
        records = await self._fetch(_DEFINITIONS, process_id, version, known)
        return [DefinitionRow(*record) for record in records]

    async def instance_view(self, key: int, tenants: Tenants) -> InstanceView | None:
        """A process instance as a whole."""
        records = await self._fetch(_INSTANCE, key) if key in _KEYS else ()
        if not records or (tenants is not None and records[0]["tenant"] not in tenants):
            return None
        values: dict[str, Any] = dict(records[0])
        values["variables"] = values["variables"] or {}
        values["elements"] = tuple(ElementRow(*each) for each in values["elements"] or ())
        return InstanceView(**values)

    async def _owned_by(self, seen_by: SeenBy | None) -> Owned:
        if seen_by is None or not seen_by.owned:
            return Owned()
        [record] = await self._fetch(_SQL["owned"], seen_by.user)
        return Owned(*record)


def _can_be(name: str | None, version: int | None) -> bool:
    fits = version is None or 0 <= version <= INT32_MAX
    return fits and not (name is not None and unstorable_text(name))


def _task(record: asyncpg.Record) -> WorkTaskRow:
    """A task; one that only has an assignee is as if it had been given just to them."""
    values: dict[str, Any] = dict(record)
    assignee = values.pop("assignee")
    work = _WORK.validate_python(values["work"])
    if work is None:
        work = Work(assignee=Person(assignee), index=0) if assignee else _OPEN
    values["work"] = work
    values["state"] = WorkState(values["state"])
    values["policy"] = _POLICY.validate_python(values["policy"])
    values["log"] = _LOG.validate_python(values["log"] or ())
    values["input"] = values["input"] or {}
    values["output"] = values["output"] or {}
    for candidates in ("candidate_users", "candidate_groups"):
        values[candidates] = tuple(values[candidates])
    values["owners"] = tuple({each: None for each in values["owners"] if each})
    return WorkTaskRow(**values)
