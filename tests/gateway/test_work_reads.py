"""Shared work as gateways read it: tasks whole, searches, documents, definitions, instances."""

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from signoff_broker.engine.state import Element, Instance
from signoff_broker.ports import Batch
from signoff_broker.postgres.migrate import migrate
from signoff_gateway.reads.work import (
    AllOf,
    AnyOf,
    ElementRow,
    FieldMatch,
    PersonPattern,
    SeenBy,
    Word,
    WorkQuery,
    WorkTaskRow,
)
from signoff_schemas.documents import RULES, DocumentDeleted, DocumentSet
from signoff_schemas.ids import uuid_of
from signoff_schemas.process_events import DefinitionDeleted, SettingsEvent
from signoff_schemas.values import (
    Attributes,
    JobKind,
    ProcessReference,
    ProcessState,
    TaskProfile,
    TaskState,
)
from signoff_schemas.work import (
    Action,
    ActionKind,
    Assignment,
    Ending,
    LogEntry,
    Person,
    Policy,
    TaskRule,
    Triggered,
    TriggerEvent,
    Work,
    WorkState,
)
from tests.adapters.entities import NOW, a_job, a_process, a_step, a_variable, batch_of, k
from tests.conftest import FreshDatabase
from tests.support.reads import Written, written
from tests.support.work_rows import commit_task, deployed, rule_by, work_task

pytestmark = pytest.mark.postgres
TENANTS = ("<default>",)
ANN, SALES = Person("ann"), Person("sales", group=True)
LONG = "x" * 9000


@pytest.fixture
async def rows(fresh_database: FreshDatabase) -> AsyncIterator[Written]:
    async with written(await fresh_database(migrate)) as rows:
        yield rows


async def test_a_task_is_read_whole(rows: Written) -> None:
    task = work_task(
        1003,
        policy=Policy((Assignment(SALES, 5),)),
        work=Work(assignee=SALES, index=0, due_at=NOW + 9),
        logged=2,
        updated_by="eve",
    )
    log: tuple[LogEntry, ...] = (
        Action(ActionKind.ASSIGNMENT, WorkState.ASSIGNED, NOW, assignee=SALES),
        Triggered(TriggerEvent.ASSIGNED, NOW, "notify", -1, error="no such process"),
    )
    await commit_task(rows, task, z=1, a={"b": [1.50, None]}, long=LONG, out_approved=True)
    lines = Batch(log={(task.key, number): line for number, line in enumerate(log)})
    await rows.commit(lines)
    rule = DocumentSet(
        kind=RULES, id="reviewing", version=1, content={}, rule=TaskRule(), by="rita", at=NOW
    )
    await rows.commit(Batch(settings=[rule]))

    found = await rows.reads.work_tasks([task.key, k(4), 1 << 70, -1], TENANTS)

    expected = WorkTaskRow(
        key=task.key,
        process_instance_key=k(1001),
        element_instance_key=k(1002),
        definition_key=k(900),
        process_id="order",
        process_version=3,
        node_id="review",
        definition_name="reviewing",
        display_name="Review order",
        state=WorkState.ASSIGNED,
        work=task.work or Work(),
        policy=task.policy,
        input={"z": 1, "a": {"b": [1.5, None]}, "long": LONG},
        output={"approved": True},
        log=log,
        created_by="eve",
        updated_by="eve",
        created_at=NOW,
        updated_at=task.updated_at,
        completed_at=None,
        tenant="<default>",
        owners=("eve", "rita"),
    )
    assert found == {task.key: expected}
    assert list(found[task.key].input) == ["z", "a", "long"]
    assert await rows.reads.work_tasks([task.key], ("other",)) == {}
    assert await rows.reads.work_task_at(k(1001), "review", TENANTS) == expected
    assert await rows.reads.work_task_at(k(1001), "revise", TENANTS) is None


async def test_a_task_of_one_assignee_is_as_if_given_to_them(rows: Written) -> None:
    await commit_task(rows, work_task(1003, work=None, attributes=Attributes("ann")))
    await commit_task(rows, work_task(1013, work=None))

    found = await rows.reads.work_tasks([k(1003), k(1013)], None)

    assert [found[k(n)].work for n in (1003, 1013)] == [
        Work(assignee=ANN, index=0),
        Work(exhausted=True),
    ]


async def filled(rows: Written) -> None:
    """13 is open, 23 Ann's, 33 the group's, 43 claimed by Bob, 53 done by Ann, 63 external."""
    tasks = [
        work_task(1013),
        work_task(1023, work=Work(assignee=ANN), profile=TaskProfile("check", "Check%it")),
        work_task(1033, work=Work(assignee=SALES, index=0)),
        work_task(1043, work=Work(assignee=ANN, claimant=Person("bob"), index=0)),
        work_task(
            1053,
            work=Work(assignee=SALES, claimant=ANN),
            state=TaskState.COMPLETED,
        ),
        work_task(1063, work=Work(assignee=replace(ANN, external=True))),
    ]
    for number, task in enumerate(tasks):
        await commit_task(
            rows, task, number=number, name=f"case {number}", deep={"id": f"a{number}", "x": "a*b"}
        )
    done = a_variable(
        5000, process_instance_key=k(1051), scope_key=k(1053), name="approved", value=True
    )
    batch = Batch(tasks={k(1053): tasks[4]}, worklist={k(1053)}, variables={done.key: done})
    # What has a key up to the last one of a step is known from then on.
    await rows.commit(Batch([a_step(7, last_key=4999)]))
    batch.steps = [a_step(8, last_key=5000)]
    await rows.commit(batch)


QUERIES: list[tuple[WorkQuery, list[int]]] = [
    (WorkQuery(), [63, 53, 43, 33, 23, 13]),
    (WorkQuery(start=1, size=2), [53, 43]),
    (WorkQuery(start=9), []),
    (WorkQuery(states=(WorkState.ASSIGNED, WorkState.PENDING)), [63, 33, 23, 13]),
    (WorkQuery(states=(WorkState.CLAIMED,)), [43]),
    (WorkQuery(assignees=(PersonPattern("ann"),)), [63, 43, 23]),
    (WorkQuery(assignees=(PersonPattern("ann", group=False, external=False),)), [43, 23]),
    (
        WorkQuery(assignees=(PersonPattern("ann", group=False), PersonPattern("ann"))),
        [63, 43, 23],
    ),
    (WorkQuery(assignees=(PersonPattern("ann", group=True),)), []),
    (WorkQuery(assignees=(PersonPattern("a*"), PersonPattern("sales"))), [63, 53, 43, 33, 23]),
    (WorkQuery(assignees=(PersonPattern("*"),)), [63, 53, 43, 33, 23]),
    (WorkQuery(assignees=(PersonPattern("_nn"),)), []),
    (WorkQuery(claimants=(PersonPattern("ann"),)), [53]),
    (WorkQuery(claimants=(PersonPattern("*b"),)), [43]),
    (WorkQuery(claimants=(PersonPattern("ann", group=True),)), []),
    (WorkQuery(assignees=(PersonPattern("sales"),), claimants=(PersonPattern("ann"),)), [53]),
    (WorkQuery(definition_names=("check",)), [23]),
    (WorkQuery(definition_names=("reviewing", "check"), display_names=("Check%it",)), [23]),
    (WorkQuery(node_ids=("review",), states=(WorkState.COMPLETED,)), [53]),
    (WorkQuery(process_ids=("order",), size=1), [63]),
    (WorkQuery(process_instance_keys=(k(1031), k(1041), 5)), [43, 33]),
    (WorkQuery(process_instance_keys=()), []),
    (WorkQuery(updated_from=NOW + 1033, updated_until=NOW + 1043), [43, 33]),
    (WorkQuery(input=FieldMatch(("number",), ("3",))), [43]),
    (WorkQuery(input=FieldMatch(("number",), ("3", "1"))), [43, 23]),
    (WorkQuery(input=FieldMatch(("deep", "id"), ("a2",))), [33]),
    (WorkQuery(input=FieldMatch(("name",), ("case*",))), [63, 53, 43, 33, 23, 13]),
    (WorkQuery(input=FieldMatch(("deep", "id"), ("*2",))), [33]),
    (
        WorkQuery(
            input=AnyOf(
                (
                    AllOf((FieldMatch(("number",), ("1",)), FieldMatch(("name",), ("case 2",)))),
                    FieldMatch(("name",), ("case 5",)),
                )
            )
        ),
        [63],
    ),
    (WorkQuery(output=FieldMatch(("approved",), ("true",))), [53]),
    (WorkQuery(text=Word("check")), [23]),
    (WorkQuery(text=Word("review order")), [63, 53, 43, 33, 13]),
    (WorkQuery(text=Word("revi*")), [63, 53, 43, 33, 13]),
    (WorkQuery(text=Word("*ecking")), []),
    (WorkQuery(text=Word("*eck")), [23]),
    (WorkQuery(text=Word("c*k")), [23]),
    (WorkQuery(text=Word("*")), [63, 53, 43, 33, 23, 13]),
    (WorkQuery(text=Word("it's'*")), []),
    (WorkQuery(text=AllOf((Word("sales"), Word("a2")))), [33]),
    (WorkQuery(text=AnyOf((Word("a2"), Word("A3")))), [43, 33]),
    (WorkQuery(text=Word(uuid_of(k(1043)))), [43]),
    (WorkQuery(seen_by=SeenBy("ann", involved=True)), [53, 43, 23]),
    (WorkQuery(seen_by=SeenBy("ann", ("sales",), involved=True)), [53, 43, 33, 23]),
    (WorkQuery(seen_by=SeenBy("ann", ("sales",), involved=True, open=True)), [53, 43, 33, 23, 13]),
    (WorkQuery(seen_by=SeenBy("bob", involved=True, open=True)), [43, 13]),
    (WorkQuery(seen_by=SeenBy("bob", involved=True, open=True, shared=True)), [43, 13]),
    (WorkQuery(seen_by=SeenBy("ann")), []),
    (WorkQuery(seen_by=SeenBy("eve", owned=True, open=True)), [63, 53, 43, 33, 23, 13]),
    (WorkQuery(seen_by=SeenBy("dan", owned=True)), [63, 53, 43, 33, 23, 13]),
    (WorkQuery(seen_by=SeenBy("rita", owned=True)), [63, 53, 43, 33, 13]),
    (WorkQuery(seen_by=SeenBy("x", definition_names=("check",), open=True)), [23, 13]),
    (WorkQuery(seen_by=SeenBy("x", process_ids=("other",), keys=(k(1033), 5))), [33]),
    (WorkQuery(seen_by=SeenBy("x", process_ids=("order",)), size=2), [63, 53]),
    (
        WorkQuery(
            seen_by=SeenBy("ann", involved=True, definition_names=("reviewing",)),
            states=(WorkState.ASSIGNED,),
        ),
        [63, 33, 23, 13],
    ),
]


async def test_searches_find_what_they_ask_for(rows: Written) -> None:
    await filled(rows)
    await rows.commit(Batch(settings=[deployed(900, 3, "dan"), rule_by("rita")]))

    for query, expected in QUERIES:
        found = await rows.reads.search_work(query, TENANTS)

        assert [each.key - k(1000) for each in found.rows] == expected, query
        if query.start == 0 and query.size == 15:
            assert found.total == len(expected), query
    assert (await rows.reads.search_work(WorkQuery(size=2), TENANTS)).total == 6
    assert (await rows.reads.search_work(WorkQuery(start=9), TENANTS)).total == 6
    assert (await rows.reads.search_work(WorkQuery(size=0), TENANTS)).total == 6
    assert (await rows.reads.search_work(WorkQuery(), ("other",))).total == 0
    names = rows.reads.display_names
    assert await names(None, TENANTS) == await names(None, None) == ["Check%it", "Review order"]
    assert await names(None, ("other",)) == []
    assert await names(SeenBy("bob", involved=True), TENANTS) == ["Review order"]


async def test_what_becomes_of_a_task_moves_it_in_lists(rows: Written) -> None:
    task = work_task(1003, work=Work(assignee=SALES))
    await commit_task(rows, task, customer="acme", secret="old")
    mine = WorkQuery(assignees=(PersonPattern("bob"),))
    assert (await rows.reads.search_work(mine, TENANTS)).total == 0

    moved = replace(task, work=Work(assignee=Person("bob"), claimant=Person("bob")))
    saved = a_variable(
        115_000, process_instance_key=k(1001), scope_key=k(1003), name="note", value="Förmlich"
    )
    await rows.commit(Batch([a_step(2, last_key=100_000)]))
    step = a_step(3, last_key=110_000)
    await rows.commit(Batch([step], tasks={task.key: moved}, worklist={task.key}))
    await rows.commit(
        Batch(
            [a_step(4, last_key=120_000)],
            tasks={task.key: moved},
            worklist={task.key},
            variables={saved.key: saved},
        )
    )

    [row] = (await rows.reads.search_work(mine, TENANTS)).rows
    assert (row.state, row.output) == (WorkState.CLAIMED, {"note": "Förmlich"})
    for word, total in (("bob", 1), ("sales", 0), ("acme", 1), ("förmlich", 1)):
        found = await rows.reads.search_work(WorkQuery(text=Word(word)), TENANTS)
        assert found.total == total, word


async def test_no_form_data_is_too_much_for_a_list(rows: Written) -> None:
    words = {f"w{n}": " ".join(f"{n}word{m}" for m in range(700)) for n in range(60)}
    await commit_task(rows, work_task(1003), huge="ä" * 2_000_000, **words)
    await commit_task(rows, work_task(1013), deep=[[[[]]]], name="one " * 2000, number=1e300)

    found = await rows.reads.search_work(WorkQuery(), TENANTS)

    assert len(found.rows) == 2
    assert found.rows[1].input["huge"] == "ä" * 2_000_000


async def test_documents_are_read_by_id_and_version(rows: Written) -> None:
    def saved(name: str, version: int, by: str, at: int) -> DocumentSet:
        return DocumentSet(
            kind="form", id=name, version=version, content={"z": by, "a": at}, by=by, at=at
        )

    events: list[SettingsEvent] = [
        saved("f", 1, "ann", 1),
        saved("f", 2, "ann", 2),
        saved("f", 1, "bob", 3),
        saved("g", 1, "ann", 4),
        saved("h", 1, "ann", 5),
        DocumentDeleted(kind="form", id="h", version=1),
    ]
    await rows.commit(Batch(settings=events))

    everything = await rows.reads.documents("form")

    assert [(each.id, each.version) for each in everything] == [("f", 2), ("f", 1), ("g", 1)]
    [row] = await rows.reads.documents("form", "f", 1)
    assert list(row.content.items()) == [("z", "bob"), ("a", 3)]
    assert (row.created_at, row.created_by, row.updated_at, row.updated_by) == (1, "ann", 3, "bob")
    assert not await rows.reads.documents("other")
    for name, version in (("f", 3), ("f\0", 1), ("f", 1 << 40)):
        assert not await rows.reads.documents("form", name, version)


async def test_definitions_are_read_without_those_that_were_replaced(rows: Written) -> None:
    events: list[SettingsEvent] = [
        deployed(11, 1),
        deployed(12, 2),
        DefinitionDeleted(definition_key=k(11)),
        deployed(13, 1, "bob"),
    ]
    await rows.commit(Batch(settings=events))

    found = await rows.reads.definitions(tenants=TENANTS)

    assert [(each.key, each.version) for each in found] == [(k(12), 2), (k(13), 1)]
    [row] = await rows.reads.definitions("order", 1, tenants=None)
    assert (row.deployed_by, row.content) == ("bob", '{"name": "order"}')
    assert list(await rows.reads.definitions("order", tenants=("other",))) == []


async def test_an_instance_is_read_with_the_way_that_it_went(rows: Written) -> None:
    process = a_process(
        process=ProcessReference(k(900), "order", 3),
        started_by="eve",
        state=ProcessState.TERMINATED,
        ending=Ending.FAILED,
        reason="no more",
        output={"b": 1, "a": 2},
        ended_at=NOW + 9,
    )
    first = Element(k(2), k(1), "review", NOW, {"a": 1})
    second = Element(k(8), k(1), "ship", NOW + 5, {}, {"x": 1}, NOW + 6, Ending.FAILED)
    job = a_job(
        9, kind=JobKind.SERVICE_TASK, task=None, element_instance_key=k(8), worker="w", failures=1
    )
    batch = batch_of(Instance(process, work_task(3), job, variables={k(1): {"a": a_variable()}}))
    batch.elements = {first.key: first, second.key: second}
    batch.steps = []
    await rows.commit(batch)
    await rows.commit(Batch(settings=[deployed(900, 3)]))
    left = replace(first, output={"y": None}, left_at=NOW + 5, ending=Ending.COMPLETED)
    await rows.commit(Batch(elements={left.key: left}))

    view = await rows.reads.instance_view(k(1), TENANTS)

    assert view is not None
    assert (view.process_id, view.state, view.ending, view.reason) == (
        "order",
        "TERMINATED",
        "FAILED",
        "no more",
    )
    assert (view.content, view.started_by) == ('{"name": "order"}', "eve")
    assert view.output == {"b": 1, "a": 2}
    assert list(view.variables) == ["amount"]
    none = (None,) * 7
    assert view.elements == (
        ElementRow(k(2), "review", NOW, NOW + 5, {"a": 1}, {"y": None}, "COMPLETED", k(3), *none),
        ElementRow(
            k(8),
            "ship",
            NOW + 5,
            NOW + 6,
            {},
            {"x": 1},
            "FAILED",
            None,
            k(9),
            "ACTIVATABLE",
            1,
            "",
            "w",
            NOW,
            None,
        ),
    )
    assert await rows.reads.instance_view(k(1), ("other",)) is None
    assert await rows.reads.instance_view(1 << 70, None) is None


async def test_retention_takes_along_all_that_is_said_of_a_task(rows: Written) -> None:
    task = work_task(1003, state=TaskState.COMPLETED, completed_at=NOW)
    process = replace(a_process(), key=k(1001), state=ProcessState.COMPLETED, ended_at=NOW)
    element = Element(k(1002), k(1001), "review", NOW, {})
    batch = batch_of(Instance(process, task))
    batch.steps = []
    batch.elements = {element.key: element}
    batch.log = {(task.key, 0): Action(ActionKind.CLAIM, WorkState.CLAIMED, NOW)}
    await rows.commit(batch)
    await commit_task(rows, work_task(2003))

    await rows.store().prune(NOW + 40 * 24 * 3_600_000)

    connection = await asyncpg.connect(rows.dsn)
    try:
        for table in ("worklist", "worklist_texts", "user_tasks", "elements", "task_log"):
            keys = await connection.fetch(f"SELECT * FROM {table}")
            assert len(keys) == (0 if table in {"elements", "task_log"} else 1), table
    finally:
        await connection.close()
