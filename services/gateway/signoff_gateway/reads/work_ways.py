"""The ways in which a search of work finds tasks: by the lists of some names, or by conditions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

from signoff_gateway.reads.matching import either, like
from signoff_gateway.reads.statements import Statement
from signoff_gateway.reads.work import PersonPattern, SeenBy, WorkQuery
from signoff_schemas.frozen import frozen
from signoff_schemas.work import WorkState

Column = Literal[
    "assignee",
    "claimant",
    "definition_name",
    "display_name",
    "key",
    "node_id",
    "open_to",
    "process_id",
    "started_by",
]
NAMES_APART_MAX: Final = 20
_EVERY_STATE: Final = tuple(WorkState)
_OPEN_STATES: Final = (WorkState.PENDING, WorkState.ASSIGNED)
# As the partial indexes say: they have nothing else.
_ASSIGNED: Final = "w.assignee <> ''"
_CLAIMED: Final = "w.claimant <> ''"
_OPEN: Final = "w.open_to <> ''"


@frozen
class Way:
    """One way to be found: the lists of some names in a column, or else conditions alone."""

    condition: str = "true"
    column: Column | None = None
    names: tuple[str, ...] | tuple[int, ...] = ()
    states: tuple[WorkState, ...] = _EVERY_STATE
    candidate: SeenBy | None = None
    """Who must be one of the candidates."""
    apart: frozenset[Column] = frozenset()
    """Two ways that have one of these in common have no task in common."""

    def bound_names(self, statement: Statement) -> Iterator[str]:
        """That it has this name, name by name: unless these are so many that one condition does.

        To plan for a list takes 20 to 40 microseconds.
        """
        if self.column is None:
            yield "true"
        elif len(self.names) > NAMES_APART_MAX:
            yield self._named(statement)
        else:
            kind = "bigint" if self.column == "key" else "text"
            for name in self.names:
                yield f"w.{self.column} = {statement.bind(name, kind)}"

    def bound_condition(self, statement: Statement) -> str:
        """What must be true of a task, beside its name and its state."""
        if self.candidate is None:
            return self.condition
        user = statement.bind([self.candidate.user], "text[]")
        groups = statement.bind(list(self.candidate.groups), "text[]")
        among = f"(w.candidate_users && {user} OR w.candidate_groups && {groups})"
        return f"{self.condition} AND {among}"

    def holds(self, statement: Statement) -> str:
        """What is true of just the tasks that this finds."""
        parts = [self.bound_condition(statement)]
        if self.column is not None:
            parts.insert(0, self._named(statement))
        if self.states != _EVERY_STATE:
            states = ", ".join(f"'{each}'" for each in self.states)
            parts.append(f"w.state IN ({states})")
        return all_of(parts)

    def _named(self, statement: Statement) -> str:
        kind = "bigint[]" if self.column == "key" else "text[]"
        return f"w.{self.column} = ANY ({statement.bind(list(self.names), kind)})"


@frozen
class Owned:
    """What somebody has deployed and which rules they have made: read before the search."""

    process_ids: Sequence[str] = ()
    rules: Sequence[str] = ()


def ways_of(query: WorkQuery, owned: Owned) -> Iterator[Way]:
    """All of a query."""
    if query.seen_by is not None:
        yield from _seen(query.seen_by, owned)
        return
    match listed_by(query):
        case None:
            yield Way()
        case "assignee" | "claimant" as column:
            yield from _lists(column, _people_of(query)[column])
        case column:
            yield Way(column=column, names=tuple(dict.fromkeys(names_of(query)[column])))


def beyond(statement: Statement, way: Way, earlier: Sequence[Way]) -> Iterator[str]:
    """What leaves out the tasks that earlier ways find too."""
    for each in earlier:
        if way.apart.isdisjoint(each.apart):
            yield f"NOT ({each.holds(statement)})"


def listed_by(query: WorkQuery) -> Column | None:
    """The filter whose lists are read; the others are looked at on the way.

    People first, whose lists are the shortest. Names only if nothing is asked of texts, which may
    be far rarer, as instances are.
    """
    if query.seen_by is not None:
        return None
    for column, people in _people_of(query).items():
        if people and not any("*" in each.id for each in people):
            return column
    if any((query.input, query.output, query.text)) or query.process_instance_keys is not None:
        return None
    return next((column for column, names in names_of(query).items() if names), None)


def names_of(query: WorkQuery) -> dict[Column, tuple[str, ...]]:
    """The filters by name."""
    return {
        "definition_name": query.definition_names,
        "display_name": query.display_names,
        "node_id": query.node_ids,
        "process_id": query.process_ids,
    }


def people(statement: Statement, column: Column, patterns: Sequence[PersonPattern]) -> str:
    """A filter by people, as a condition."""
    parts: list[str] = []
    for each in patterns:
        if "*" in each.id:
            pattern = statement.bind(like(each.id), "text")
            name = f"w.{column} LIKE {pattern} AND w.{column} <> ''"
        else:
            name = f"w.{column} = {statement.bind(each.id, 'text')}"
        parts.append(f"{name} AND {_kind(column, each)}")
    return either(parts)


def is_one_of(statement: Statement, column: str, names: Sequence[str]) -> str:
    """A filter by names, as a condition."""
    if len(names) == 1:
        return f"{column} = {statement.bind(names[0], 'text')}"
    return f"{column} = ANY ({statement.bind(list(names), 'text[]')})"


def all_of(parts: Sequence[str]) -> str:
    """Every one of them holds."""
    return " AND ".join(part for part in parts if part != "true") or "true"


def _people_of(query: WorkQuery) -> dict[Column, tuple[PersonPattern, ...]]:
    return {"assignee": query.assignees, "claimant": query.claimants}


def _seen(seen_by: SeenBy, owned: Owned) -> Iterator[Way]:
    """Each way to be seen; the longest lists first, whose tasks the others need not look at."""
    if seen_by.open:
        yield from _open_to(seen_by)
    if seen_by.involved:
        user, groups = (seen_by.user,), tuple(dict.fromkeys(seen_by.groups))
        apart: frozenset[Column] = frozenset({"assignee"})
        kind = f"{_ASSIGNED} AND NOT w.assignee_external"
        yield Way(f"{kind} AND NOT w.assignee_group", "assignee", user, apart=apart)
        if groups:
            yield Way(f"{kind} AND w.assignee_group", "assignee", groups, apart=apart)
        kind = f"{_CLAIMED} AND NOT w.claimant_external"
        yield Way(kind, "claimant", user, apart=frozenset({"claimant"}))
    if seen_by.owned:
        yield Way(column="started_by", names=(seen_by.user,))
    if processes := (*seen_by.process_ids, *owned.process_ids):
        yield Way(column="process_id", names=tuple(dict.fromkeys(processes)))
    if names := (*seen_by.definition_names, *owned.rules):
        yield Way(column="definition_name", names=tuple(dict.fromkeys(names)))
    if seen_by.keys:
        yield Way(column="key", names=tuple(dict.fromkeys(seen_by.keys)))


def _open_to(seen_by: SeenBy) -> Iterator[Way]:
    """What nobody has."""
    apart: frozenset[Column] = frozenset({"assignee", "claimant"})
    way = Way(_OPEN, "open_to", ("ALL",), states=_OPEN_STATES, apart=apart)
    yield way
    candidate = seen_by if seen_by.shared else None
    yield replace(way, names=("CANDIDATES",), candidate=candidate)


def _lists(column: Column, people: Sequence[PersonPattern]) -> Iterator[Way]:
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
    is_somebody = _CLAIMED if column == "claimant" else _ASSIGNED
    for kind, names in kinds.items():
        if names:
            yield Way(all_of([is_somebody, kind]), column, tuple(names))


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
