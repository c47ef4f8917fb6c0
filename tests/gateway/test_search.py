"""Searches of the first dialect against real rows: filters, results, and what a task can see."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from camunda_orchestration_sdk import models

from signoff_broker.engine.state import Instance, UserTask
from signoff_broker.ports import Batch
from signoff_broker.postgres.migrate import migrate
from signoff_gateway.dialects.camunda.answers import InvalidArgument, NotFound
from signoff_gateway.dialects.camunda.results import user_task_result, variable_result
from signoff_gateway.dialects.camunda.search import (
    found,
    incidents_within,
    one,
    task_form,
    task_variables,
)
from signoff_gateway.dialects.camunda.search_tables import (
    GLOBAL_LISTENERS,
    INCIDENTS,
    JOBS,
    PROCESS_INSTANCES,
    USER_TASKS,
    VARIABLES,
    Searchable,
)
from signoff_schemas.principal import ADMIN, Principal
from signoff_schemas.process_events import FormDeployed, GlobalListenerSet
from signoff_schemas.values import (
    Attributes,
    FormReference,
    GlobalListener,
    ListenerEvent,
    ProcessState,
    TaskProfile,
    TaskState,
)
from tests.adapters.entities import (
    NOW,
    a_job,
    a_process,
    a_task,
    a_variable,
    an_incident,
    an_instance,
    batch_of,
    k,
)
from tests.conftest import FreshDatabase
from tests.support.reads import Written, written

pytestmark = pytest.mark.postgres
ROOT = Principal("root", roles=(ADMIN,))


@pytest.fixture
async def rows(fresh_database: FreshDatabase) -> AsyncIterator[Written]:
    async with written(await fresh_database(migrate)) as rows:
        yield rows


async def ask(rows: Written, what: Searchable, content: Any, **more: bool) -> dict[str, Any]:
    return await found(rows.reads, what, orjson.dumps(content), ROOT, **more)


def tasks() -> list[UserTask]:
    ann = Attributes("ann", ("sales", "it"), (), "2031-05-06T07:08:09.000Z", "", 10)
    nobody = Attributes("", (), ("bob", "Bo_b"), "", "2031-05-06T09:08:09+02:00", 20)
    odd = Attributes("a%n_\\*", ("Sales",), ("bob",), "2032-01-01T00:00:00Z", "", 20)
    finished = a_task(33, state=TaskState.COMPLETED, completed_at=NOW + 9, attributes=odd)
    return [
        a_task(13, attributes=ann, state=TaskState.CLAIMING, tags=("x", "y")),
        replace(a_task(23, attributes=nobody), profile=TaskProfile("review"), business_id=""),
        finished,
        a_task(43, tenant="other"),
    ]


FILTERED: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [13, 23, 33]),
    ({"assignee": "ann"}, [13]),
    ({"assignee": "Ann"}, []),
    ({"assignee": {"$neq": "ann"}}, [23, 33]),
    ({"assignee": {"$notIn": ["ann", "zoe"]}}, [23, 33]),
    ({"assignee": {"$in": ["ann", "zoe"]}}, [13]),
    ({"assignee": {"$exists": False}}, [23]),
    ({"assignee": {"$exists": True, "$neq": "ann"}}, [33]),
    ({"assignee": {"$like": "a*"}}, [13, 33]),
    ({"assignee": {"$like": "a?n"}}, [13]),
    ({"assignee": {"$like": "a%n_\\\\\\*"}}, [33]),
    ({"assignee": {"$like": "A*"}}, []),
    ({"assignee": {"$like": "a_n"}}, []),
    ({"candidateGroup": "sales"}, [13]),
    ({"candidateGroup": {"$like": "?ales"}}, [13, 33]),
    ({"candidateGroup": {"$neq": "sales"}}, [23, 33]),
    ({"candidateGroup": {"$in": ["it", "Sales"]}}, [13, 33]),
    ({"candidateGroup": {"$notIn": ["it", "Sales"]}}, [23]),
    ({"candidateGroup": {"$exists": False}}, [23]),
    ({"candidateUser": {"$exists": True}}, [23, 33]),
    ({"candidateUser": {"$like": "*\\?*"}}, []),
    ({"candidateUser": {"$like": "*_*"}}, [23]),
    ({"state": "ASSIGNING"}, [13]),
    ({"state": {"$neq": "assigning"}}, [23, 33]),
    ({"state": "created"}, [23]),
    ({"priority": 20}, [23, 33]),
    ({"priority": {"$gt": 10, "$lte": 20, "$neq": 5}}, [23, 33]),
    ({"dueDate": "2031-05-06T08:08:09+01:00"}, [13]),
    ({"dueDate": {"$gt": "2031-05-06T07:08:09.000Z"}}, [33]),
    ({"dueDate": {"$exists": False}}, [23]),
    ({"followUpDate": {"$in": ["2031-05-06T07:08:09Z"]}}, [23]),
    ({"completionDate": {"$exists": True}}, [33]),
    ({"creationDate": {"$gte": "2026-09-21T14:13:20.001Z"}}, []),
    ({"name": {"$exists": False}}, [23]),
    ({"elementId": "review"}, [23]),
    ({"businessId": {"$neq": "order-7"}}, [23]),
    ({"tags": ["y", "x"]}, [13]),
    ({"tags": ["a"]}, [23, 33]),
    ({"userTaskKey": str(k(23))}, [23]),
    ({"processInstanceKey": {"$in": [str(k(11)), k(31), "5"]}}, [13, 33]),
    ({"processInstanceKey": {"$notIn": [str(k(11))]}}, [23, 33]),
    ({"elementInstanceKey": str(k(12))}, [13]),
    ({"processDefinitionKey": {"$neq": str(k(0))}}, []),
    ({"processDefinitionId": "stand-alone-task", "tenantId": "<default>"}, [13, 23, 33]),
    ({"tenantId": "other"}, []),
    ({"$or": [{"assignee": "ann"}, {"candidateUser": "Bo_b"}]}, [13, 23]),
    ({"priority": 20, "$or": [{"assignee": "ann"}, {"candidateUser": "bob"}]}, [23, 33]),
]


async def test_tasks_are_filtered(rows: Written) -> None:
    await rows.commit(Batch(tasks={each.key: each for each in tasks()}))

    for filters, keys in FILTERED:
        response = await ask(rows, USER_TASKS, {"filter": filters})

        shown = [item["userTaskKey"] for item in response["items"]]
        assert shown == [str(k(key)) for key in keys], filters
        assert response["page"]["totalItems"] == len(keys)
        models.UserTaskSearchQueryResult.from_dict(response)


@pytest.mark.parametrize(
    ("what", "model", "filters"),
    [
        (JOBS, models.JobSearchQueryResult, {"state": "created", "kind": "TASK_LISTENER"}),
        (JOBS, models.JobSearchQueryResult, {"listenerEventType": {"$like": "UPD*"}}),
        (JOBS, models.JobSearchQueryResult, {"isDenied": None, "worker": "", "retries": 3}),
        (INCIDENTS, models.IncidentSearchQueryResult, {"state": {"$notIn": ["RESOLVED"]}}),
        (INCIDENTS, models.IncidentSearchQueryResult, {"jobKey": str(k(4))}),
        (VARIABLES, models.VariableSearchQueryResult, {"value": '{"z":1,"a":[1.0,null,"ü"]}'}),
        (VARIABLES, models.VariableSearchQueryResult, {"scopeKey": str(k(2)), "value": "null"}),
        (PROCESS_INSTANCES, models.ProcessInstanceSearchQueryResult, {"hasIncident": True}),
    ],
)
async def test_other_things_are_found_as_the_published_client_wants_them(
    rows: Written, what: Searchable, model: Any, filters: dict[str, Any]
) -> None:
    await rows.commit(batch_of(an_instance()))

    response = await ask(rows, what, {"filter": filters})

    assert len(response["items"]) == response["page"]["totalItems"] == 1
    model.from_dict(response)


async def test_global_listeners_are_found_by_events_and_source(rows: Written) -> None:
    audit = GlobalListener("audit", "a", tuple(ListenerEvent), after_own=True, configured=True)
    check = GlobalListener("check", "c", (ListenerEvent.ASSIGNING,))
    batch = batch_of()
    batch.settings += [GlobalListenerSet(listener=each) for each in (check, audit)]
    await rows.commit(batch)

    async def ids(filters: dict[str, Any], **more: Any) -> list[str]:
        response = await ask(rows, GLOBAL_LISTENERS, {"filter": filters, **more})
        models.GlobalTaskListenerSearchQueryResult.from_dict(response)
        return [item["id"] for item in response["items"]]

    assert await ids({}) == ["audit", "check"]
    assert await ids({}, sort=[{"field": "source"}]) == ["check", "audit"]
    assert await ids({}, page={"limit": 1}) == ["audit"]
    assert await ids({"source": "api"}) == ["check"]
    assert await ids({"eventTypes": ["assigning"]}) == ["audit", "check"]
    assert await ids({"eventTypes": ["all"]}) == ["audit"]
    assert await ids({"eventTypes": [{"$neq": "assigning"}]}) == ["audit"]
    assert await ids({"afterNonGlobal": False, "type": {"$in": ["a", "c"]}}) == ["check"]


async def test_long_values_are_cut_off_unless_asked_for(rows: Written) -> None:
    long = a_variable(8, name="long", value="ü" * 8190)
    fits = a_variable(9, name="fits", value="ü" * 8189)
    await rows.commit(Batch(variables={each.key: each for each in (long, fits)}))

    cut = await ask(rows, VARIABLES, {"sort": [{"field": "value", "order": "DESC"}]})
    whole = await ask(rows, VARIABLES, {"filter": {"isTruncated": True}}, truncate=False)

    assert [(i["name"], len(i["value"]), i["isTruncated"]) for i in cut["items"]] == [
        ("long", 8191, True),
        ("fits", 8191, False),
    ]
    assert [(i["name"], len(i["value"]), i["isTruncated"]) for i in whole["items"]] == [
        ("long", 8192, False)
    ]


async def test_a_task_sees_its_scope_over_that_of_its_process(rows: Written) -> None:
    own, of_process = k(2), k(1)
    variables = [
        a_variable(10, scope_key=of_process, name="b", value=1),
        a_variable(11, scope_key=of_process, name="a", value=2),
        a_variable(12, scope_key=own, name="a", value=3),
        a_variable(13, scope_key=k(50), name="c", value=4),
        a_variable(14, instance=60, scope_key=k(60), name="a", value=5),
    ]
    instance = replace(an_instance(), variables={})
    batch = batch_of(instance)
    batch.variables = {each.key: each for each in variables}
    await rows.commit(batch)
    body = orjson.dumps({"sort": [{"field": "name"}], "page": {"from": 0, "limit": 10}})

    every = await task_variables(rows.reads, k(3), body, None)
    seen = await task_variables(rows.reads, k(3), body, None, effective=True)
    named = await task_variables(rows.reads, k(3), b'{"filter":{"name":"b"}}', None)

    def values(response: Any) -> list[tuple[str, str, str]]:
        models.VariableSearchQueryResult.from_dict(response)
        return [(i["name"], i["value"], i["scopeKey"]) for i in response["items"]]

    assert values(every) == [("a", "2", str(k(1))), ("a", "3", str(k(2))), ("b", "1", str(k(1)))]
    assert values(seen) == [("a", "3", str(k(2))), ("b", "1", str(k(1)))]
    assert seen["page"] == {
        "totalItems": 2,
        "hasMoreTotalItems": False,
        "startCursor": None,
        "endCursor": None,
    }
    assert values(named) == [("b", "1", str(k(1)))]
    with pytest.raises(NotFound, match=f"User Task with key '{k(99)}' not found"):
        await task_variables(rows.reads, k(99), b"", None)


async def test_what_a_task_or_a_job_keeps_for_itself_is_in_its_element_instance(
    rows: Written,
) -> None:
    """What was saved while a task is claimed, and what a worker said while it was at it."""
    process, element, task, job = k(1), k(2), k(3), k(4)
    variables = [
        a_variable(10, scope_key=process, name="a", value=1),
        a_variable(11, scope_key=element, name="a", value=2),
        a_variable(12, scope_key=element, name="given", value=3),
        a_variable(20, scope_key=task, name="a", value=4),
        a_variable(21, scope_key=task, name="made", value=5),
        a_variable(22, scope_key=job, name="half", value=6),
    ]
    batch = batch_of(replace(an_instance(), variables={}))
    batch.variables = {each.key: each for each in variables}
    await rows.commit(batch)

    def values(found: dict[str, Any]) -> list[tuple[str, str, str]]:
        return [(i["name"], i["value"], i["scopeKey"]) for i in found["items"]]

    own = [(name, value, str(element)) for name, value in (("given", "3"), ("a", "4"))]
    own += [(name, value, str(element)) for name, value in (("made", "5"), ("half", "6"))]
    every = await task_variables(rows.reads, task, b"", None)
    seen = await task_variables(rows.reads, task, b"", None, effective=True)
    of_element = await ask(rows, VARIABLES, {"filter": {"scopeKey": str(element)}})
    of_some = await ask(rows, VARIABLES, {"filter": {"scopeKey": {"$in": [str(element)]}}})
    one = await rows.reads.variable(k(21), None)

    assert values(every) == [("a", "1", str(process)), *own]
    assert values(seen) == own
    assert values(of_element) == values(of_some) == own
    assert of_element["page"]["totalItems"] == len(own)
    assert one is not None
    assert variable_result(one)["scopeKey"] == str(element)


@pytest.mark.parametrize(
    ("process", "task"),
    [
        (ProcessState.ACTIVE, TaskState.CREATED),
        (ProcessState.TERMINATED, TaskState.CANCELED),
    ],
)
async def test_a_scope_shows_what_its_task_alone_keeps(
    rows: Written, process: ProcessState, task: TaskState
) -> None:
    instance = Instance(a_process(state=process), a_task(state=task))
    batch, draft = batch_of(instance), a_variable(20, scope_key=k(3))
    batch.variables = {draft.key: draft}
    await rows.commit(batch)

    response = await ask(rows, VARIABLES, {"filter": {"scopeKey": str(k(2))}})

    assert [item["variableKey"] for item in response["items"]] == [str(draft.key)]


async def test_incidents_of_an_instance_and_of_an_element_instance(rows: Written) -> None:
    batch = batch_of(an_instance())
    other = an_incident(20, instance=21)
    batch.incidents[other.key] = other
    await rows.commit(batch)

    for field, key in (("process_instance_key", k(1)), ("element_instance_key", k(2))):
        response: Any = await incidents_within(rows.reads, field, key, b"", ROOT)
        assert [item["incidentKey"] for item in response["items"]] == [str(k(5))]


async def test_a_task_gives_its_form_or_none(rows: Written) -> None:
    form = FormDeployed(
        form_key=k(900), form_id="f", version=1, resource_name="f.form", digest="d",
        tenant="<default>", content="{}", deployment_key=k(899), at=NOW,
    )  # fmt: skip
    external = a_task(13, profile=TaskProfile("a", form=FormReference(external="x")))
    batch = Batch(tasks={each.key: each for each in (a_task(), external)})
    batch.settings.append(form)
    await rows.commit(batch)

    shown = await task_form(rows.reads, k(3), None)

    assert shown is not None
    assert shown["formKey"] == str(k(900))
    assert await task_form(rows.reads, k(13), None) is None
    with pytest.raises(NotFound):
        await task_form(rows.reads, k(99), None)


async def test_a_missing_thing_is_named(rows: Written) -> None:
    with pytest.raises(NotFound, match=r"^User Task with key '7' not found$"):
        await one(rows.reads.user_task, user_task_result, "User Task", 7, None)


async def test_a_foreign_cursor_is_an_invalid_argument(rows: Written) -> None:
    await rows.commit(Batch(tasks={each.key: each for each in tasks()}))
    first = await ask(rows, USER_TASKS, {"page": {"limit": 1}})
    cursor = first["page"]["endCursor"]

    second = await ask(rows, USER_TASKS, {"page": {"limit": 1, "after": cursor}})
    assert second["items"][0]["userTaskKey"] == str(k(23))
    with pytest.raises(InvalidArgument, match="Cannot decode pagination cursor"):
        await ask(rows, USER_TASKS, {"page": {"after": cursor}, "sort": [{"field": "name"}]})


async def test_read_your_writes(rows: Written) -> None:
    """A search started after the commit returned has it, and what it replaced is gone."""
    batch = batch_of(an_instance())
    await rows.commit(batch)
    for assignee in ("x", "y", "z"):
        changed = a_task(attributes=Attributes(assignee))
        await rows.commit(Batch(tasks={changed.key: changed}))

        response = await ask(rows, USER_TASKS, {"filter": {"assignee": assignee}})

        assert [item["assignee"] for item in response["items"]] == [assignee]
    assert a_process().key == a_job().process_instance_key
