"""Search statements, composed of the fragments in ``sql/``; values are always bind parameters.

Paging is by keyset: a cursor holds the sort values of a row, and the next page is all that sorts
beyond it. With absent values (always last) and mixed directions, "beyond" is

    c1 beyond v1  OR  c1 ties v1 AND (c2 beyond v2  OR  c2 ties v2 AND (… key > k))

The page before a cursor is the same walk backwards, and its rows are turned round.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from signoff_gateway.reads import Condition, Entity, Operator, SearchQuery, Tenants, Within
from signoff_gateway.reads.columns import OPEN_STATES, SOURCES, Column, Source
from signoff_gateway.reads.cursors import decode
from signoff_gateway.reads.queries import named
from signoff_schemas.frozen import frozen

_SEARCH: Final = named("search.sql")
_CONDITIONS: Final = named("conditions.sql")
_LISTS: Final = frozenset({Operator.IN, Operator.NOT_IN, Operator.ALL})


@dataclass(slots=True)
class Statement:
    """SQL text in the making, and the values for its parameters."""

    sql: str = ""
    values: list[object] = field(default_factory=list[object])

    def bind(self, value: object, sql_type: str) -> str:
        """The place of a value."""
        self.values.append(value)
        return f"${len(self.values)}::{sql_type}"


@frozen
class _SortKey:
    column: Column
    descending: bool

    def beyond(self, statement: Statement, value: object, *, forward: bool) -> str:
        """What sorts strictly after the value, in the direction of the walk."""
        if value is None:
            return "false" if forward else f"{self.column.name} IS NOT NULL"
        sign = ">" if forward != self.descending else "<"
        place = statement.bind(value, self.column.sql_type)
        comparison = f"{self.column.sorted_as} {sign} {place}"
        if forward and self.column.nullable:
            return f"({comparison} OR {self.column.name} IS NULL)"
        return comparison

    def ties(self, statement: Statement, value: object) -> str:
        """What sorts together with the value."""
        if value is None:
            return f"{self.column.name} IS NULL"
        return f"{self.column.sorted_as} = {statement.bind(value, self.column.sql_type)}"

    def order(self, *, forward: bool) -> str:
        """The sort clause. Only where there are absent values it says where they go."""
        direction = "DESC" if self.descending == forward else "ASC"
        nulls = " NULLS LAST" if forward else " NULLS FIRST"
        return f"{self.column.sorted_as} {direction}{nulls if self.column.nullable else ''}"


class Search:
    """One search, ready to be put as a page and as a count.

    Args:
        entity: What to search for.
        query: Conditions, order, page. Its fields must be fields of the entity's row.
        tenants: On whose behalf.
        within: The scope of a task, to leave out what it hides.
    """

    def __init__(
        self,
        entity: Entity,
        query: SearchQuery,
        tenants: Tenants,
        *,
        within: int | None = None,
    ) -> None:
        self._source = SOURCES[entity]
        self._query = query
        self._tenants = tenants
        self._within = within
        self._scopes: list[int] = []
        if entity is Entity.VARIABLES:
            self._scopes = [scope for each in query.conditions for scope in _scopes_of(each)]
        columns = self._source.columns
        self._keys = [_SortKey(columns[o.field], o.descending) for o in query.order]
        self._tie = columns[self._source.tie]
        self._open = entity is Entity.USER_TASKS and any(map(_open_only, query.conditions))

    def page(self) -> Statement:
        """The rows of the page and one more, backwards if it is the page before a cursor.

        Raises:
            BadCursor: The query's cursor is not one of this search.
        """
        page, statement = self._query.page, Statement()
        forward = page.before is None
        cursor = page.after if forward else page.before
        conditions = self._conditions(statement)
        if cursor is not None:
            columns = [*(each.column for each in self._keys), self._tie]
            values = decode(cursor, self._query.order, columns)
            conditions.append(self._beyond(statement, values, forward=forward))
        statement.sql = _SEARCH["page"].format(
            columns=self._source.select_list(preview=self._query.preview),
            view=self._source.view,
            conditions=_all(conditions),
            order=self._order(forward=forward),
            limit=statement.bind(page.limit + 1, "bigint"),
            start=statement.bind(page.start, "bigint"),
        )
        return statement

    def count(self, limit: int) -> Statement:
        """How many rows match, up to a limit."""
        statement = Statement()
        statement.sql = _SEARCH["count"].format(
            view=self._source.view,
            conditions=_all(self._conditions(statement)),
            limit=statement.bind(limit, "bigint"),
        )
        return statement

    def sort_values(self, row: object) -> list[object]:
        """What the row's cursor holds."""
        columns = [*(each.column for each in self._keys), self._tie]
        return [each.sort_value(row) for each in columns]

    def _conditions(self, statement: Statement) -> list[str]:
        query, source = self._query, self._source
        parts = [_condition(statement, source, each) for each in query.conditions]
        groups = [
            _all([_condition(statement, source, each) for each in group]) for group in query.any_of
        ]
        if groups:
            parts.append(f"({' OR '.join(groups)})")
        if self._open:
            parts.append("open")
        if query.within is not None:
            parts.append(self._readable(statement, query.within))
        if source.owned and self._tenants is not None:
            tenants = statement.bind(list(self._tenants), "text[]")
            parts.append(_CONDITIONS["of_tenants"].format(value=tenants))
        if self._scopes:
            if not any(map(_names_instance, query.conditions)):
                scopes = statement.bind(self._scopes, "bigint[]")
                parts.append(_CONDITIONS["of_scopes"].format(value=scopes))
            parts.append(_CONDITIONS["newest"])
        if self._within is not None:
            scope = statement.bind(self._within, "bigint")
            parts.append(_CONDITIONS["innermost"].format(value=scope))
        return parts

    def _readable(self, statement: Statement, within: Within) -> str:
        if not self._source.owned:
            return "false"
        by_row = "process_id" in self._source.columns
        place = statement.bind(list(within.process_ids), "text[]")
        part = _CONDITIONS["of_processes" if by_row else "of_instances"].format(value=place)
        if not within.task_keys:
            return part
        keys = statement.bind(list(within.task_keys), "bigint[]")
        return f"({part} OR {_CONDITIONS['of_keys'].format(value=keys)})"

    def _beyond(self, statement: Statement, values: Sequence[object], *, forward: bool) -> str:
        place = statement.bind(values[-1], self._tie.sql_type)
        condition = f"{self._tie.sorted_as} {'>' if forward else '<'} {place}"
        for key, value in zip(reversed(self._keys), reversed(values[:-1]), strict=True):
            strictly = key.beyond(statement, value, forward=forward)
            condition = f"({strictly} OR ({key.ties(statement, value)} AND {condition}))"
        return condition

    def _order(self, *, forward: bool) -> str:
        ties = f"{self._tie.sorted_as} {'ASC' if forward else 'DESC'}"
        return ", ".join([*(each.order(forward=forward) for each in self._keys), ties])


def _condition(statement: Statement, source: Source, condition: Condition) -> str:
    column, operator, value = source.columns[condition.field], condition.operator, condition.value
    kind, element = ("list", "text") if column.sql_type == "text[]" else ("one", column.sql_type)
    if operator is Operator.EXISTS:
        name = "present" if value else "absent"
        return _CONDITIONS[f"{kind}_{name}"].format(column=column.name)
    if operator is Operator.LIKE and isinstance(value, str):
        value = like_pattern(value)
    place = statement.bind(value, f"{element}[]" if operator in _LISTS else element)
    return _CONDITIONS[f"{kind}_{operator}"].format(column=column.name, value=place)


def _open_only(condition: Condition) -> bool:
    match condition:
        case Condition("state", Operator.EQ, str(state)):
            return state in OPEN_STATES
        case Condition("state", Operator.IN, tuple(states)):
            return OPEN_STATES.issuperset(states)
        case _:
            return False


def _names_instance(condition: Condition) -> bool:
    return condition.field == "process_instance_key" and condition.operator is Operator.EQ


def _scopes_of(condition: Condition) -> Sequence[int]:
    """The scopes that it names: none other can match."""
    match condition:
        case Condition("scope_key", Operator.EQ, int(scope)):
            return (scope,)
        case Condition("scope_key", Operator.IN, tuple(scopes)):
            return [each for each in scopes if isinstance(each, int)]
        case _:
            return ()


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions) if conditions else "true"


def like_pattern(wildcards: str) -> str:
    r"""``*``, ``?`` and ``\`` as SQL spells them; a ``\`` at the end stands for itself."""
    parts: list[str] = []
    characters = iter(wildcards)
    for character in characters:
        if character == "*":
            parts.append("%")
        elif character == "?":
            parts.append("_")
        else:
            literal = next(characters, "\\") if character == "\\" else character
            parts.append(f"\\{literal}" if literal in "%_\\" else literal)
    return "".join(parts)
