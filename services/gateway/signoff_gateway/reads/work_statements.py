"""Statements of work searches, composed of the fragments in ``sql/work.sql``.

A work list is the newest tasks of several kinds: those of a person, of a group, in one state or
another. One condition with OR over all of that makes PostgreSQL choose between walking through
everything in order and sorting everything that matches. So a search is made of lists, one for each
state, each name and each way to be seen, of which every one can be read from an index in order.
They are merged row by row, as far as the page and the count need; no task is in two of them.

Where texts are asked for, or names in what somebody may see, it depends on how many have them. Few:
these are found by their index, and the search is among them. Many: they are met soon enough on the
way through lists.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from signoff_gateway.reads import Tenants
from signoff_gateway.reads.matching import either, like, texts_of
from signoff_gateway.reads.queries import named
from signoff_gateway.reads.statements import Statement
from signoff_gateway.reads.work import TOTAL_MAX, PersonPattern, WorkQuery
from signoff_gateway.reads.work_ways import (
    Column,
    Owned,
    Way,
    all_of,
    beyond,
    is_one_of,
    listed_by,
    names_of,
    people,
    ways_of,
)
from signoff_schemas.work import WorkState

LIKE_MAX: Final = 1000
"""People of whom the lists are read if patterns mean them; of more every task is looked at."""
_WORK: Final = named("work.sql")


class WorkSearch:
    """One search, ready to be put in several ways.

    Args:
        query: What to search for.
        tenants: On whose behalf.
        owned: By whoever sees what is searched, if that counts.
    """

    def __init__(self, query: WorkQuery, tenants: Tenants, owned: Owned) -> None:
        self._query = query
        self._tenants = tenants
        self._listed_by = listed_by(query)
        self._states = query.states or tuple(WorkState)
        ways = ways_of(query, owned)
        found = [each for each in ways if any(state in each.states for state in self._states)]
        # Of no way to be seen nothing comes.
        self._ways = found or [Way("false")]

    def listed(self, columns: str, *, total: int | None = None) -> Statement:
        """The rows of the page with the ``total``, which is counted if it is not known.

        There is one row without a key if there is nothing on the page.
        """
        query, statement = self._query, Statement()
        end = query.start + query.size
        matches = self._matches(statement, max(end, TOTAL_MAX) if total is None else end)
        statement.sql = _WORK["listed"].format(
            matches=matches,
            total=_WORK["total"] if total is None else statement.bind(total, "bigint"),
            page=self._page(statement),
            columns=columns,
        )
        return statement

    def among(self, columns: str) -> Statement:
        """The same among those with the right texts, or names: ``hits`` is the number of these.

        If that is more than TOTAL_MAX, there are no rows, and ``total`` is 0.
        """
        statement = Statement()
        by = "texts" if has_texts(self._query) else "names"
        hits = _WORK[f"hits_by_{by}"].format(conditions=all_of(list(self._wanted(statement))))
        filters = [*self._tenant(statement, "w"), *self._filters(statement)]
        parts = [*filters, *self._of_states(statement)]
        statement.sql = _WORK["among"].format(
            hits=hits,
            matches=_WORK[f"matches_by_{by}"],
            conditions=all_of([*parts, either([way.holds(statement) for way in self._ways])]),
            most=statement.bind(TOTAL_MAX, "bigint"),
            page=self._page(statement),
            columns=columns,
        )
        return statement

    def _wanted(self, statement: Statement) -> Iterator[str]:
        """What is so rare that it can be looked for first."""
        if has_texts(self._query):
            yield from self._tenant(statement, "x")
            yield from texts_of(statement, self._query)
        else:
            yield from self._tenant(statement, "w")
            yield from self._of_names(statement)
            yield from self._of_states(statement)

    def display_names(self) -> Statement:
        """What the first TOTAL_MAX rows are called."""
        statement = Statement()
        matches = self._matches(statement, TOTAL_MAX)
        statement.sql = _WORK["display_names"].format(matches=matches)
        return statement

    def _page(self, statement: Statement) -> str:
        start = statement.bind(self._query.start, "bigint")
        return _WORK["page"].format(start=start, size=statement.bind(self._query.size, "bigint"))

    def _matches(self, statement: Statement, most: int) -> str:
        """The newest of all lists."""
        limit = statement.bind(most, "bigint")
        texts = all_of(list(texts_of(statement, self._query)))
        filters = [*self._tenant(statement, "w"), *self._filters(statement)]
        lists = [
            # How far a list has to be read for some text is not known to whoever reads it.
            _WORK["list"].format(conditions=each, limit="ALL" if texts != "true" else limit)
            for each in self._lists(statement, filters)
        ]
        return _WORK["matches"].format(
            lists="\nUNION ALL\n".join(lists),
            texts_of_it=_WORK["texts_of_it"] if texts != "true" else "",
            texts=texts,
            limit=limit,
        )

    def _lists(self, statement: Statement, filters: Sequence[str]) -> Iterator[str]:
        """The conditions of each: one way, one name, one state."""
        for at, way in enumerate(self._ways):
            others = list(beyond(statement, way, self._ways[:at]))
            conditions = [way.bound_condition(statement), *filters, *others]
            for name in way.bound_names(statement):
                for state in self._states:
                    if state in way.states:
                        # In letters: the planner knows how many there are of each.
                        yield all_of([name, f"w.state = '{state}'", *conditions])

    def _tenant(self, statement: Statement, table: str) -> Iterator[str]:
        if self._tenants is not None:
            yield is_one_of(statement, f"{table}.tenant", self._tenants)

    def _filters(self, statement: Statement) -> Iterator[str]:
        query = self._query
        if query.assignees and self._listed_by != "assignee":
            yield people(statement, "assignee", query.assignees)
        if query.claimants and self._listed_by != "claimant":
            yield people(statement, "claimant", query.claimants)
        if query.process_instance_keys is not None:
            keys = statement.bind(list(query.process_instance_keys), "bigint[]")
            yield _WORK["of_instances"].format(keys=keys)
        if query.updated_from is not None:
            yield f"w.updated_at >= {statement.bind(query.updated_from, 'bigint')}"
        if query.updated_until is not None:
            yield f"w.updated_at <= {statement.bind(query.updated_until, 'bigint')}"
        yield from self._of_names(statement)

    def _of_names(self, statement: Statement) -> Iterator[str]:
        for column, names in names_of(self._query).items():
            if names and column != self._listed_by:
                yield is_one_of(statement, f"w.{column}", names)

    def _of_states(self, statement: Statement) -> Iterator[str]:
        if self._query.states:
            yield is_one_of(statement, "w.state", self._query.states)


def people_like(column: Column, patterns: Sequence[PersonPattern]) -> Statement:
    """Who there is of such names in a column, each with the numbers of the patterns, from 1.

    There are no more than LIKE_MAX of them, and one.
    """
    statement = Statement()
    beginnings = {each.id.partition("*")[0] for each in patterns}
    statement.sql = _WORK["people"].format(
        column=column,
        beginnings=statement.bind(_outermost(beginnings), "text[]"),
        patterns=statement.bind([like(each.id) for each in patterns], "text[]"),
        limit=statement.bind(LIKE_MAX + 1, "bigint"),
    )
    return statement


def _outermost(beginnings: Iterable[str]) -> list[str]:
    """Without those that begin with another one: so no name is come by twice."""
    found: list[str] = []
    for each in sorted(beginnings):
        if not found or not each.startswith(found[-1]):
            found.append(each)
    return found


def may_be_rare(query: WorkQuery) -> bool:
    """Whether ``among`` may find it all sooner than lists do."""
    has_names = any(names_of(query).values())
    return has_texts(query) or (has_names and query.seen_by is not None)


def has_texts(query: WorkQuery) -> bool:
    """Whether texts are asked for."""
    return any(each is not None for each in (query.input, query.output, query.text))


def asks_for_texts_alone(query: WorkQuery) -> bool:
    """Whether texts are asked for, and nothing else can keep a task out."""
    texts = WorkQuery(input=query.input, output=query.output, text=query.text)
    return has_texts(query) and query == replace(texts, start=query.start, size=query.size)
