"""Statements of work searches, composed of the fragments in ``sql/work.sql``.

A work list is the newest tasks of several kinds: those of a person, of a group, in one state or
another. One condition with OR over all of that makes PostgreSQL choose between walking through
everything in order and sorting everything that matches. So a search is made of branches, one for
each state and each way to be seen, of which every one can be read from an index in order, up to as
many tasks as the page, or the count, needs.

Where texts are asked for, it depends on how many have them. Few: ``hits`` finds these by an index
of texts, and the search is among their keys. Many: they are met soon enough on the way through
lists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from signoff_gateway.reads import Tenants
from signoff_gateway.reads.matching import either, like, texts_of
from signoff_gateway.reads.queries import named
from signoff_gateway.reads.statements import Statement
from signoff_gateway.reads.work import (
    TOTAL_MAX,
    PersonPattern,
    SeenBy,
    WorkQuery,
)
from signoff_schemas.work import WorkState

_WORK: Final = named("work.sql")
_OPEN_STATES: Final = (WorkState.PENDING, WorkState.ASSIGNED)
_CLAIMED: Final = "w.claimant <> ''"
"""As the index of claimants says: it has nothing else."""
_SHARED: Final = (
    "(SELECT t.work IS NOT NULL AND t.candidate_users = '{}' AND t.candidate_groups = '{}'"
    " FROM read_work_tasks AS t WHERE t.key = w.key)"
)
"""By key for each row: whose tasks these are is of no list."""
Column = Literal[
    "assignee", "claimant", "definition_name", "display_name", "node_id", "process_id", "started_by"
]


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to be found: the lists of some names in a column, or else a condition alone."""

    condition: str = "true"
    column: Column | None = None
    names: tuple[str, ...] = ()
    states: tuple[WorkState, ...] = tuple(WorkState)


@dataclass(frozen=True, slots=True)
class Owned:
    """What somebody has deployed and which rules they have made: read before the search."""

    process_ids: Sequence[str] = ()
    rules: Sequence[str] = ()


class WorkSearch:
    """One search, ready to be put as a page, as a count, and as a list of display names.

    Args:
        query: What to search for.
        tenants: On whose behalf.
        owned: By whoever sees what is searched, if that counts.
        keys: All that ``hits`` has found; the search is among these.
    """

    def __init__(
        self,
        query: WorkQuery,
        tenants: Tenants,
        owned: Owned,
        *,
        keys: Sequence[int] | None = None,
    ) -> None:
        self._query = query
        self._tenants = tenants
        self._keys = keys
        self._listed_by: Column | None = _listed_by(query)
        """The filter whose lists are read; the others are looked at on the way."""
        self._ways = tuple(self._all_ways(owned))

    def page(self, columns: str) -> Statement:
        """The rows of the page."""
        statement = Statement()
        size = self._query.start + self._query.size
        statement.sql = _WORK["page"].format(
            columns=columns,
            branches=self._branches(statement, size),
            limit=statement.bind(self._query.size, "bigint"),
            start=statement.bind(self._query.start, "bigint"),
        )
        return statement

    def hits(self) -> Statement:
        """The keys of TOTAL_MAX tasks, and one more, of which the texts are right."""
        statement = Statement()
        statement.sql = _WORK["hits"].format(
            conditions=_all(list(texts_of(statement, self._query))),
            limit=statement.bind(TOTAL_MAX + 1, "bigint"),
        )
        return statement

    def count(self) -> Statement:
        """How many rows match, up to TOTAL_MAX."""
        return self._up_to_total("count" if len(self._ways) == 1 else "count_of_several")

    def display_names(self) -> Statement:
        """What the first TOTAL_MAX rows are called."""
        return self._up_to_total("display_names")

    def _up_to_total(self, name: str) -> Statement:
        statement = Statement()
        branches = self._branches(statement, TOTAL_MAX, up_to_total=True)
        limit = statement.bind(TOTAL_MAX, "bigint")
        statement.sql = _WORK[name].format(branches=branches, limit=limit)
        return statement

    def _branches(self, statement: Statement, size: int, *, up_to_total: bool = False) -> str:
        filters = list(self._filters(statement))
        limit = statement.bind(size, "bigint")
        if self._keys is not None:
            return self._of_keys(statement, self._keys, filters, limit)
        at_most = f"LIMIT {limit}" if up_to_total else ""
        return "\nUNION ALL\n".join(
            branch
            for way in self._ways
            for branch in self._of_way(statement, way, filters, limit, at_most)
        )

    def _of_keys(
        self, statement: Statement, keys: Sequence[int], filters: Sequence[str], limit: str
    ) -> str:
        parts = [f"w.key = ANY ({statement.bind(list(keys), 'bigint[]')})", *filters]
        if self._query.states:
            parts.append(f"w.state = ANY ({statement.bind(list(self._query.states), 'text[]')})")
        parts.append(either([_holds(statement, way) for way in self._ways]))
        return _WORK["branch"].format(tables=_WORK["tables"], conditions=_all(parts), limit=limit)

    def _of_way(
        self, statement: Statement, way: _Way, filters: Sequence[str], limit: str, at_most: str
    ) -> Iterator[str]:
        asked = self._query.states or tuple(WorkState)
        states = [each for each in asked if each in way.states]
        conditions = _all([way.condition, *filters])
        tables = _WORK["tables_with_texts" if "x." in conditions else "tables"]
        if way.column is not None:
            yield _WORK["lists"].format(
                names=statement.bind(list(way.names), "text[]"),
                states=statement.bind(states, "text[]"),
                column=way.column,
                tables=tables,
                conditions=conditions,
                limit=limit,
                at_most=at_most,
            )
            return
        for state in states:
            # In letters: the planner knows how many there are of each.
            own = _all([f"w.state = '{state}'", conditions])
            yield _WORK["branch"].format(tables=tables, conditions=own, limit=limit)

    def _all_ways(self, owned: Owned) -> Iterator[_Way]:
        query = self._query
        if query.seen_by is not None:
            # Of no way to be seen nothing comes.
            yield from tuple(_seen(query.seen_by, owned)) or (_Way("false"),)
            return
        match self._listed_by:
            case None:
                yield _Way()
            case "assignee" | "claimant" as column:
                yield from _lists(column, _people_of(query)[column])
            case column:
                yield _Way(column=column, names=tuple(dict.fromkeys(_names(query)[column])))

    def _filters(self, statement: Statement) -> Iterator[str]:
        query = self._query
        if self._tenants is not None:
            yield f"w.tenant = ANY ({statement.bind(list(self._tenants), 'text[]')})"
        if query.assignees and self._listed_by != "assignee":
            yield _people(statement, "assignee", query.assignees)
        if query.claimants and self._listed_by != "claimant":
            yield _people(statement, "claimant", query.claimants)
        if query.process_instance_keys is not None:
            keys = statement.bind(list(query.process_instance_keys), "bigint[]")
            yield _WORK["of_instances"].format(keys=keys)
        if query.updated_from is not None:
            yield f"w.updated_at >= {statement.bind(query.updated_from, 'bigint')}"
        if query.updated_until is not None:
            yield f"w.updated_at <= {statement.bind(query.updated_until, 'bigint')}"
        for column, names in _names(query).items():
            if names and column != self._listed_by:
                yield f"w.{column} = ANY ({statement.bind(list(names), 'text[]')})"
        if self._keys is None:
            yield from texts_of(statement, query)


def _listed_by(query: WorkQuery) -> Column | None:
    """The column whose lists are read: people first, whose lists are the shortest.

    Names only if nothing is asked of texts, which may be far rarer, as instances are.
    """
    if query.seen_by is not None:
        return None
    for column, people in _people_of(query).items():
        if people and not any("*" in each.id for each in people):
            return column
    if any((query.input, query.output, query.text)) or query.process_instance_keys is not None:
        return None
    return next((column for column, names in _names(query).items() if names), None)


def _people_of(query: WorkQuery) -> dict[Column, tuple[PersonPattern, ...]]:
    return {"assignee": query.assignees, "claimant": query.claimants}


def _names(query: WorkQuery) -> dict[Column, tuple[str, ...]]:
    return {
        "definition_name": query.definition_names,
        "display_name": query.display_names,
        "node_id": query.node_ids,
        "process_id": query.process_ids,
    }


def _seen(seen_by: SeenBy, owned: Owned) -> Iterator[_Way]:
    """Each way; two of them may find the same."""
    if seen_by.involved:
        user, groups = (seen_by.user,), tuple(dict.fromkeys(seen_by.groups))
        yield _Way("NOT w.assignee_group AND NOT w.assignee_external", "assignee", user)
        if groups:
            yield _Way("w.assignee_group AND NOT w.assignee_external", "assignee", groups)
        yield _Way(f"{_CLAIMED} AND NOT w.claimant_external", "claimant", user)
    if seen_by.open:
        # In these states nobody has it.
        which = _SHARED if seen_by.shared else "true"
        yield _Way(which, column="assignee", names=("",), states=_OPEN_STATES)
    if seen_by.owned:
        yield _Way(column="started_by", names=(seen_by.user,))
        if owned.process_ids:
            yield _Way(column="process_id", names=tuple(owned.process_ids))
    if names := (*seen_by.definition_names, *owned.rules):
        yield _Way(column="definition_name", names=tuple(dict.fromkeys(names)))


def _holds(statement: Statement, way: _Way) -> str:
    """What is true of a task that the way finds."""
    if way.column is None:
        return way.condition
    names = statement.bind(list(way.names), "text[]")
    states = ", ".join(f"'{each}'" for each in way.states)
    return _all([f"w.{way.column} = ANY ({names})", f"w.state IN ({states})", way.condition])


def _lists(column: Column, people: Sequence[PersonPattern]) -> Iterator[_Way]:
    """The lists of people; those of one kind together, and no one twice."""
    kinds: dict[str, dict[str, None]] = {}
    known: dict[str, str] = {}
    for each in people:
        kind = _kind(column, each)
        # Of two filters for one name the wider one has it all.
        if known.get(each.id) == "true":
            continue
        if kind == "true" and each.id in known:
            for names in kinds.values():
                names.pop(each.id, None)
        known[each.id] = kind
        kinds.setdefault(kind, {})[each.id] = None
    for kind, names in kinds.items():
        if names:
            condition = f"{_CLAIMED} AND {kind}" if column == "claimant" else kind
            yield _Way(condition, column, tuple(names))


def _kind(column: Column, person: PersonPattern) -> str:
    """What must hold of a user, a group, someone external. Groups claim nothing."""
    parts: list[str] = []
    if person.group is not None:
        if column == "assignee":
            parts.append(f"{'' if person.group else 'NOT '}w.assignee_group")
        elif person.group:
            return "false"
    if person.external is not None:
        parts.append(f"{'' if person.external else 'NOT '}w.{column}_external")
    return " AND ".join(parts) or "true"


def _people(statement: Statement, column: Column, people: Sequence[PersonPattern]) -> str:
    parts: list[str] = []
    for each in people:
        if "*" in each.id:
            pattern = statement.bind(like(each.id), "text")
            name = f"w.{column} LIKE {pattern} AND w.{column} <> ''"
        else:
            name = f"w.{column} = {statement.bind(each.id, 'text')}"
        parts.append(f"{name} AND {_kind(column, each)}")
    return either(parts)


def _all(parts: Sequence[str]) -> str:
    return " AND ".join(part for part in parts if part != "true") or "true"
