"""Reads of shared work, documents and whole instances from PostgreSQL."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import asyncpg
from pydantic import TypeAdapter

from signoff_gateway.reads import Tenants
from signoff_gateway.reads.queries import named
from signoff_gateway.reads.statements import Statement
from signoff_gateway.reads.work import (
    TOTAL_MAX,
    DefinitionRow,
    DocumentRow,
    ElementRow,
    FoundWork,
    InstanceView,
    PersonPattern,
    SeenBy,
    WorkQuery,
    WorkTaskRow,
)
from signoff_gateway.reads.work_statements import (
    LIKE_MAX,
    WorkSearch,
    asks_for_texts_alone,
    may_be_rare,
    people_like,
)
from signoff_gateway.reads.work_ways import Column, Owned
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
_TASK_FIELDS: Final = tuple(each.name for each in fields(WorkTaskRow))
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
        assignees = await self._named("assignee", query.assignees, query)
        claimants = await self._named("claimant", query.claimants, query)
        if assignees is None or claimants is None:
            return FoundWork((), 0)
        query = replace(query, assignees=assignees, claimants=claimants)
        search = WorkSearch(query, tenants, await self._owned_by(query.seen_by))
        total: int | None = None
        if may_be_rare(query):
            records = await self._put(search.among(_TASK_COLUMNS))
            if records[0]["hits"] <= TOTAL_MAX:
                return _found(records)
            if asks_for_texts_alone(query):
                total = TOTAL_MAX
        return _found(await self._put(search.listed(_TASK_COLUMNS, total=total)))

    async def display_names(self, seen_by: SeenBy | None, tenants: Tenants) -> list[str]:
        """What the tasks that somebody may see are called, each name once, in order."""
        if seen_by is None:
            known = None if tenants is None else list(tenants)
            records = await self._fetch(_SQL["all_display_names"], known)
        else:
            owned = await self._owned_by(seen_by)
            search = WorkSearch(WorkQuery(seen_by=seen_by), tenants, owned)
            records = await self._put(search.display_names())
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

    async def _named(
        self, column: Column, people: tuple[PersonPattern, ...], query: WorkQuery
    ) -> tuple[PersonPattern, ...] | None:
        """Those whom patterns mean by their names, where these help; None if there is nobody."""
        patterns = [each for each in people if "*" in each.id]
        has_anybody = any(not each.id.strip("*") for each in patterns)
        if not patterns or has_anybody or query.seen_by is not None:
            return people
        records = await self._put(people_like(column, patterns))
        if len(records) > LIKE_MAX:
            return people
        named = [each for each in people if "*" not in each.id]
        for name, numbers in records:
            meant_by = (each for at, each in enumerate(patterns, 1) if at in numbers)
            named += [replace(each, id=name) for each in meant_by]
        return tuple(dict.fromkeys(named)) or None

    async def _put(self, statement: Statement) -> Records:
        return await self._fetch(statement.sql, *statement.values)

    async def _owned_by(self, seen_by: SeenBy | None) -> Owned:
        if seen_by is None or not seen_by.owned:
            return Owned()
        [record] = await self._fetch(_SQL["owned"], seen_by.user)
        return Owned(*record)


def _can_be(name: str | None, version: int | None) -> bool:
    fits = version is None or 0 <= version <= INT32_MAX
    return fits and not (name is not None and unstorable_text(name))


def _found(records: Records) -> FoundWork:
    rows = tuple(_task(each) for each in records if each["key"] is not None)
    return FoundWork(rows, min(records[0]["total"], TOTAL_MAX))


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
    return WorkTaskRow(**{name: values[name] for name in _TASK_FIELDS})
