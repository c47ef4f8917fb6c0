"""Paging: whatever the sort and the limit, every row comes exactly once, in order, both ways."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from signoff_broker.engine.state import UserTask
from signoff_broker.ports import Batch
from signoff_broker.postgres.migrate import migrate
from signoff_gateway.reads import (
    BadCursor,
    Condition,
    Entity,
    Found,
    Operator,
    Order,
    Page,
    SearchQuery,
)
from signoff_gateway.reads.columns import SOURCES
from signoff_gateway.reads.cursors import encode
from signoff_gateway.reads.rows import UserTaskRow
from signoff_schemas.ids import key_of
from signoff_schemas.values import Attributes, TaskState
from tests.adapters.entities import NOW, a_task
from tests.support.backends import Databases
from tests.support.reads import Written, written

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="module")]

TASKS = 37
NAMES = ("", "a", "B", "b", "é", "Z", "\U0001f600", "￿")
DATES = ("", "2030-01-01T00:00:00Z", "2029-12-31T23:00:00-01:00", "2031-01-01T00:00:00Z")
SORTABLE = ("created_at", "completed_at", "due_at", "priority", "name", "business_id", "assignee")


def the_tasks() -> list[UserTask]:
    """Two partitions full of ties and gaps."""
    return [_task(number) for number in range(TASKS)]


def _task(number: int) -> UserTask:
    key = key_of(1 + number % 2, 100 + 7 * number)
    task = a_task(
        key=key,
        created_at=NOW + number % 3,
        completed_at=NOW + number % 4 if number % 5 == 0 else None,
        state=TaskState.COMPLETED if number % 5 == 0 else TaskState.CREATED,
        business_id=NAMES[number % 3],
        attributes=Attributes(
            assignee="" if number % 2 else "ann",
            due_date=DATES[number % len(DATES)],
            priority=10 * (number % 3),
        ),
    )
    name = NAMES[(number * 3) % len(NAMES)]
    return replace(task, profile=replace(task.profile, name=name))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(databases: Databases) -> AsyncIterator[Written]:
    """Tasks in two partitions, which no test changes."""
    dsn = await databases.fresh(migrate)
    async with written(dsn) as rows:
        for partition in (1, 2):
            batch = Batch()
            batch.tasks = {t.key: t for t in the_tasks() if t.key >> 51 == partition}
            await rows.commit(batch, partition)
        yield rows
    await databases.give_back(dsn)


orders = st.lists(
    st.builds(Order, st.sampled_from(SORTABLE), st.booleans()),
    max_size=3,
    unique_by=lambda order: order.field,
).map(tuple)
filters = st.sampled_from(
    [
        (),
        (Condition("state", Operator.EQ, "CREATED"),),
        (Condition("assignee", Operator.EXISTS, value=False),),
        (Condition("name", Operator.NEQ, "b"), Condition("priority", Operator.GT, 0)),
    ]
)
searching = settings(max_examples=60)


def expected(everything: tuple[UserTaskRow, ...], order: tuple[Order, ...]) -> list[int]:
    """Sorted by the definition: fields in turn, absent ones last, then the key."""
    rows = sorted(everything, key=lambda row: row.key)
    for each in reversed(order):
        present = [row for row in rows if getattr(row, each.field) is not None]
        absent = [row for row in rows if getattr(row, each.field) is None]
        present.sort(key=lambda row, each=each: getattr(row, each.field), reverse=each.descending)
        if each.descending:
            # reverse=True keeps equal rows in their order, as it should be.
            assert present == sorted(
                present, key=lambda row, each=each: getattr(row, each.field), reverse=True
            )
        rows = present + absent
    return [row.key for row in rows]


async def search(rows: Written, query: SearchQuery) -> Found[UserTaskRow]:
    return await rows.reads.search(Entity.USER_TASKS, query, None)


@searching
@given(order=orders, conditions=filters, limit=st.integers(1, TASKS + 1))
async def test_paging_gives_every_row_once_in_order_both_ways(
    rows: Written, order: tuple[Order, ...], conditions: tuple[Condition, ...], limit: int
) -> None:
    whole = await search(rows, SearchQuery(conditions))
    wanted = expected(whole.rows, order)
    assert whole.total == len(wanted)

    forwards: list[int] = []
    page, cursors = Page(limit), []
    while (found := await search(rows, SearchQuery(conditions, (), order, page))).rows:
        assert found.total == len(wanted)
        forwards += [row.key for row in found.rows]
        cursors.append((found.start, found.end))
        page = Page(limit, after=found.end)
    assert forwards == wanted
    assert (found.start, found.end) == (None, None)

    backwards: list[int] = []
    page = Page(limit, before=cursors[-1][1])
    while (found := await search(rows, SearchQuery(conditions, (), order, page))).rows:
        backwards = [row.key for row in found.rows] + backwards
        page = Page(limit, before=found.start)
    assert backwards == wanted[:-1]


@searching
@given(order=orders, start=st.integers(0, TASKS + 2), limit=st.integers(1, TASKS))
async def test_paging_from_an_offset_gives_that_slice(
    rows: Written, order: tuple[Order, ...], start: int, limit: int
) -> None:
    whole = await search(rows, SearchQuery())
    wanted = expected(whole.rows, order)

    found = await search(rows, SearchQuery((), (), order, Page(limit, start)))

    assert [row.key for row in found.rows] == wanted[start : start + limit]
    assert found.total == TASKS
    assert not found.more_than_total


async def test_a_cursor_is_plain_base64_and_belongs_to_its_sort(rows: Written) -> None:
    by_name = (Order("name"),)
    found = await search(rows, SearchQuery((), (), by_name, Page(1)))

    assert found.end is not None
    assert base64.b64encode(base64.b64decode(found.end, validate=True)).decode() == found.end
    for order in ((), (Order("name", descending=True),), (Order("assignee"),)):
        with pytest.raises(BadCursor):
            await search(rows, SearchQuery((), (), order, Page(1, after=found.end)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'["priority"]',
        b'["priority",1]',
        b'["priority",1,2,3]',
        b'["priority","1",2]',
        b'["priority",null,2]',
        b'["priority",true,2]',
        b'["priority",1,1.5]',
        b'["priority",1,9223372036854775808]',
        b"[[]]",
        b"[" * 2000,
        b"\xff",
    ],
)
async def test_a_forged_cursor_is_refused(rows: Written, content: bytes) -> None:
    forged = base64.b64encode(content).decode()
    order = (Order("priority"),)

    for cursor in (forged, forged + "=", "not base64!", "é"):
        with pytest.raises(BadCursor):
            await search(rows, SearchQuery((), (), order, Page(1, after=cursor)))


async def test_a_forged_text_with_nul_is_refused(rows: Written) -> None:
    cursor = encode((Order("name"),), ["a\0", 1])

    with pytest.raises(BadCursor):
        await search(rows, SearchQuery((), (), (Order("name"),), Page(1, after=cursor)))


async def test_every_column_can_be_sorted_by_and_compared(rows: Written) -> None:
    """Each statement that can come out is one that PostgreSQL takes."""
    for entity, source in SOURCES.items():
        for name, column in source.columns.items():
            if column.sql_type == "text[]":
                conditions = [Condition(name, op, ("x",)) for op in (Operator.IN, Operator.ALL)]
                conditions += [
                    Condition(name, Operator.EQ, "x"),
                    Condition(name, Operator.LIKE, "x"),
                ]
                order: tuple[Order, ...] = ()
            else:
                value = {"text": "x", "bigint": 1, "boolean": True}[column.sql_type]
                conditions = [Condition(name, op, value) for op in (Operator.EQ, Operator.NEQ)]
                conditions += [Condition(name, Operator.NOT_IN, (value,))]  # type: ignore[list-item]
                order = (Order(name, descending=True),)
            query = SearchQuery(tuple(conditions), (), order, Page(1, start=1))
            assert (await rows.reads.search(entity, query, ["<default>"])).total == 0


async def test_cursors_hold_sort_values_as_json() -> None:
    cursor = encode((Order("name", descending=True),), [None, 5])

    assert orjson.loads(base64.b64decode(cursor)) == ["-name", None, 5]
