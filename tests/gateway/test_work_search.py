"""Searches of shared work: to whom open tasks show, and that every search finds what it should."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

import asyncpg
import pytest

from signoff_broker.engine.state import UserTask
from signoff_broker.engine.work_states import work_state
from signoff_broker.ports import Batch
from signoff_broker.postgres.migrate import migrate
from signoff_gateway.reads import postgres_work, work_statements, work_ways
from signoff_gateway.reads.work import FieldMatch, PersonPattern, SeenBy, Word, WorkQuery
from signoff_schemas.values import Attributes, ProcessReference, TaskProfile, TaskState
from signoff_schemas.work import Person, Policy, Work, WorkState
from tests.adapters.entities import NOW, a_step, k
from tests.conftest import FreshDatabase
from tests.support.reads import Written, written
from tests.support.work_rows import commit_task, deployed, rule_by, work_task

pytestmark = pytest.mark.postgres
TENANTS = ("<default>",)
TASKS, SEARCHES = 160, 400
USERS, GROUPS, NAMES = ("ann", "bob", "anna"), ("sales", "it", "ann"), ("a", "b", "c")
OPEN = (WorkState.PENDING, WorkState.ASSIGNED)
Rows = list["Listed"]


@pytest.fixture
async def rows(fresh_database: FreshDatabase) -> AsyncIterator[Written]:
    async with written(await fresh_database(migrate)) as rows:
        yield rows


async def test_open_tasks_are_found_by_those_to_whom_they_are_open(rows: Written) -> None:
    to_some = Policy(open_to_all=False)
    groups = Attributes(candidate_groups=("sales",), candidate_users=('o"hara', "ann"))
    claimed = Work(claimant=Person("eve"))
    for task in (
        work_task(1013),
        work_task(1023, work=None, policy=None),
        work_task(1033, attributes=groups),
        work_task(1043, work=None, policy=None, attributes=groups),
        work_task(1053, policy=to_some, attributes=Attributes(candidate_groups=("it", "sales"))),
        work_task(1063, policy=to_some),
        work_task(1073, policy=to_some, attributes=groups, work=claimed),
        work_task(1083, policy=to_some, attributes=groups, state=TaskState.COMPLETED),
    ):
        await commit_task(rows, task)

    async def finds(user: str, *groups: str, shared: bool = True) -> list[int]:
        query = WorkQuery(seen_by=SeenBy(user, groups, open=True, shared=shared))
        found = await rows.reads.search_work(query, TENANTS)
        assert found.total == len(found.rows)
        return [each.key - k(1000) for each in found.rows]

    assert await finds("bob", shared=False) == [63, 53, 43, 33, 23, 13]
    assert await finds("bob", "it's") == await finds("sales") == [13]
    assert await finds("ann") == await finds('o"hara') == [43, 33, 13]
    assert await finds("bob", "sales") == [53, 43, 33, 13]
    assert await finds("ann", "it", "sales") == [53, 43, 33, 13]

    await rows.commit(Batch([a_step(9, last_key=4999)]))
    released = work_task(1073, policy=to_some, attributes=groups, updated_at=NOW + 2000)
    await rows.commit(Batch(tasks={released.key: released}, worklist={released.key}))
    assert await finds("ann") == [73, 43, 33, 13]


async def test_no_search_finds_or_counts_tasks_of_other_tenants(rows: Written) -> None:
    sees = SeenBy("eve", owned=True)
    for task in (work_task(1013), work_task(1023, tenant="other")):
        await commit_task(rows, task, colour="red")

    for query in (
        WorkQuery(),
        WorkQuery(process_ids=("order",)),
        WorkQuery(text=Word("red")),
        WorkQuery(input=FieldMatch(("colour",), ("red",)), seen_by=sees),
        WorkQuery(process_ids=("order",), seen_by=sees),
        WorkQuery(display_names=("Review order",), states=OPEN, seen_by=sees),
    ):
        found = await rows.reads.search_work(query, TENANTS)
        assert ([each.key for each in found.rows], found.total) == ([k(1013)], 1), query
        assert (await rows.reads.search_work(query, None)).total == 2, query


async def test_whom_wildcards_mean_is_asked_once(rows: Written) -> None:
    names = ("ann", "anna", "bob", "eve")
    for number, name in enumerate(names):
        task = work_task(1013 + 10 * number, work=Work(Person(name), claimant=Person("ann")))
        await commit_task(rows, task)
    patterns = [PersonPattern(f"*nobody{number}*") for number in range(200)]
    patterns += [PersonPattern("an*", group=False), PersonPattern("ann*"), PersonPattern("eve")]
    asked: list[str] = []
    connection = await asyncpg.connect(rows.dsn)

    async def fetch(sql: str, *values: object) -> list[asyncpg.Record]:
        asked.append(sql)
        return await connection.fetch(sql, *values)

    try:
        query = WorkQuery(size=0, assignees=tuple(patterns), claimants=(PersonPattern("a*"),))
        found = await postgres_work.WorkReads(fetch).search_work(query, TENANTS)
    finally:
        await connection.close()
    assert found.total == 3
    assert len(asked) == 3


@dataclass(frozen=True)
class Listed:
    """A task, and what else searches ask of it."""

    task: UserTask
    work: Work
    started_by: str
    colour: str


@pytest.mark.parametrize("most", [12, 10_000])
async def test_every_search_finds_what_it_describes(
    rows: Written, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """However rare or common what is asked for is: with a low bound many things are too many."""
    for module in (work_statements, postgres_work):
        monkeypatch.setattr(module, "TOTAL_MAX", most)
    monkeypatch.setattr(work_ways, "NAMES_APART_MAX", 2 if most == 12 else 20)
    for module in (work_statements, postgres_work):
        monkeypatch.setattr(module, "LIKE_MAX", 1 if most == 12 else 1000)
    dice = Random(most)
    tasks = [await one_of_many(rows, 1003 + 10 * number, dice) for number in range(TASKS)]
    await rows.commit(Batch(settings=[deployed(900, 3, "bob"), rule_by("anna")]))
    tasks.sort(key=lambda each: (each.task.updated_at, each.task.key), reverse=True)

    for _ in range(SEARCHES):
        query = any_query(dice)
        found = await rows.reads.search_work(query, TENANTS)

        expected = [each.task.key for each in tasks if is_right(each, query)]
        page = expected[query.start : query.start + query.size]
        assert [each.key for each in found.rows] == page, query
        assert found.total == min(len(expected), most), query


async def one_of_many(rows: Written, counter: int, dice: Random) -> Listed:
    def anybody() -> Person:
        is_group = dice.random() < 0.4
        name = dice.choice(GROUPS if is_group else USERS)
        return Person(name, group=is_group, external=dice.random() < 0.15)

    assignee = anybody() if dice.random() < 0.6 else None
    claimant = Person(dice.choice(USERS), external=dice.random() < 0.15)
    work = Work(assignee=assignee, claimant=claimant if dice.random() < 0.4 else None)
    profile = TaskProfile(
        dice.choice(NAMES), dice.choice(NAMES), rule=dice.choice(("reviewing", *NAMES))
    )
    task = work_task(
        counter,
        tenant="other" if dice.random() < 0.1 else "<default>",
        work=work,
        policy=Policy(open_to_all=dice.random() < 0.5),
        state=dice.choice((TaskState.CREATED, TaskState.CREATING, TaskState.COMPLETED)),
        process=ProcessReference(k(900), dice.choice(("order", "other", "third")), 3),
        profile=profile,
        attributes=Attributes(
            candidate_users=tuple(dice.sample(USERS, dice.randrange(2))),
            candidate_groups=tuple(dice.sample(GROUPS, dice.randrange(2))),
        ),
        updated_at=NOW + dice.randrange(40),
    )
    listed = Listed(task, work, dice.choice(USERS), dice.choice(("red", "green", "rare")))
    await commit_task(rows, task, by=listed.started_by, colour=listed.colour)
    return listed


def any_query(dice: Random) -> WorkQuery:
    def some(names: tuple[str, ...], share: float = 0.2) -> tuple[str, ...]:
        chosen = dice.random() < share
        return tuple(dice.sample(names, dice.randint(1, len(names)))) if chosen else ()

    def people() -> tuple[PersonPattern, ...]:
        names = some((*USERS, "sales", "an*", "*b*", "nobody*", "*"), 0.15)
        flags = (None, True, False)
        return tuple(PersonPattern(each, dice.choice(flags), dice.choice(flags)) for each in names)

    def sees() -> SeenBy:
        return SeenBy(
            dice.choice(USERS),
            some(GROUPS, 0.6),
            involved=dice.random() < 0.7,
            open=dice.random() < 0.6,
            shared=dice.random() < 0.7,
            owned=dice.random() < 0.4,
            definition_names=some(NAMES, 0.3),
            process_ids=some(("other", "third"), 0.3),
            keys=tuple(k(1003 + 10 * dice.randrange(TASKS)) for _ in range(dice.randrange(3))),
        )

    states = tuple(WorkState)
    words = ("red", "rare")
    return WorkQuery(
        start=dice.choice((0, 0, 0, 5, 200)),
        size=dice.choice((0, 3, 15, 500)),
        states=tuple(dice.sample(states, dice.randint(1, 3))) if dice.random() < 0.4 else (),
        assignees=people(),
        claimants=people(),
        definition_names=some(("reviewing", *NAMES)),
        display_names=some(NAMES, 0.1),
        node_ids=some(NAMES, 0.1),
        process_ids=some(("order", "other"), 0.1),
        input=FieldMatch(("colour",), some(words, 1)) if dice.random() < 0.2 else None,
        text=Word(dice.choice(words)) if dice.random() < 0.2 else None,
        updated_from=NOW + dice.randrange(30) if dice.random() < 0.1 else None,
        updated_until=NOW + 10 + dice.randrange(30) if dice.random() < 0.1 else None,
        seen_by=sees() if dice.random() < 0.6 else None,
    )


def is_right(listed: Listed, query: WorkQuery) -> bool:
    """What a search promises, filter by filter."""
    task, profile, at = listed.task, listed.task.profile, listed.task.updated_at
    filters: list[tuple[tuple[object, ...], object]] = [
        (query.states, work_state(task)),
        (query.definition_names, profile.rule),
        (query.display_names, profile.name),
        (query.node_ids, profile.element_id),
        (query.process_ids, task.process.process_id),
        (query.input.values if isinstance(query.input, FieldMatch) else (), listed.colour),
        ((query.text.text,) if isinstance(query.text, Word) else (), listed.colour),
    ]
    return (
        task.tenant in TENANTS
        and all(not names or name in names for names, name in filters)
        and is_one_of(query.assignees, listed.work.assignee)
        and is_one_of(query.claimants, listed.work.claimant)
        and (query.updated_from is None or at >= query.updated_from)
        and (query.updated_until is None or at <= query.updated_until)
        and (query.seen_by is None or any(is_seen(listed, query.seen_by)))
    )


def is_one_of(patterns: tuple[PersonPattern, ...], person: Person | None) -> bool:
    return not patterns or (
        person is not None
        and any(
            fnmatchcase(person.id, each.id)
            and each.group in {None, person.group}
            and each.external in {None, person.external}
            for each in patterns
        )
    )


def is_seen(listed: Listed, by: SeenBy) -> list[bool]:
    """Way by way."""
    task, assignee, claimant = listed.task, listed.work.assignee, listed.work.claimant
    attributes, policy = task.attributes, task.policy
    is_open = assignee is None and claimant is None and work_state(task) in OPEN
    some = {*attributes.candidate_users, *attributes.candidate_groups}
    is_candidate = by.user in attributes.candidate_users or not set(by.groups).isdisjoint(
        attributes.candidate_groups
    )
    is_anybodys = policy is not None and policy.open_to_all and not some
    mine = [Person(by.user), *(Person(each, group=True) for each in by.groups)]
    return [
        by.involved and (assignee in mine or claimant == Person(by.user)),
        by.open and is_open and (not by.shared or is_anybodys or is_candidate),
        by.owned and by.user == listed.started_by,
        by.owned and by.user == "bob" and task.process.process_id == "order",
        by.owned and by.user == "anna" and task.profile.rule == "reviewing",
        task.profile.rule in by.definition_names,
        task.process.process_id in by.process_ids,
        task.key in by.keys,
    ]
