"""Search of executions, over rows that a real store wrote."""

from collections.abc import AsyncIterator
from typing import Any, cast
from urllib.parse import urlencode

import orjson
import pytest
import pytest_asyncio

from signoff_broker.ports import Batch
from signoff_broker.postgres.migrate import migrate
from signoff_gateway.dialects.orkes.answers import BadRequest
from signoff_gateway.dialects.orkes.workflow_search import WorkflowSearch
from signoff_gateway.exchange import Call, Receive, Route
from signoff_schemas.ids import uuid_of
from signoff_schemas.principal import ADMIN, ANY, Grant, Principal
from signoff_schemas.values import ProcessReference, ProcessState
from signoff_schemas.work import Ending
from tests.adapters.entities import NOW, a_process, k
from tests.support.backends import Databases
from tests.support.reads import Written, written

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="module")]

ROOT = Principal("root", roles=(ADMIN,))
ENDED: dict[str, object] = {"state": ProcessState.TERMINATED, "ended_at": NOW + 1500, "node_id": ""}
LOAN, TRIP = ProcessReference(k(900), "loan", 2), ProcessReference(k(901), "trip", 1)
EXECUTIONS: dict[int, dict[str, object]] = {
    10: {"process": LOAN, "started_by": "jane", "business_id": "a"},
    20: {"process": LOAN, "state": ProcessState.TERMINATING, "ending": Ending.FAILED},
    30: {"process": LOAN, **ENDED, "state": ProcessState.COMPLETED, "started_at": NOW + 30},
    40: {"process": LOAN, **ENDED, "ending": Ending.FAILED, "reason": "why", "started_by": "jane"},
    50: {"process": TRIP, **ENDED, "ending": Ending.TERMINATED, "started_by": "jane"},
    60: {"process": TRIP, **ENDED, "ending": Ending.TIMED_OUT, "business_id": ""},
    70: {"process": TRIP, **ENDED, "ending": Ending.COMPLETED},
    80: {"process": TRIP, **ENDED},
    90: {"process": TRIP, "tenant": "other"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(databases: Databases) -> AsyncIterator[Written]:
    """Executions in each state that there is, which no test changes."""
    dsn = await databases.fresh(migrate)
    async with written(dsn) as rows:
        made = [a_process(number, **more) for number, more in EXECUTIONS.items()]
        await rows.commit(Batch(processes={each.key: each for each in made}))
        yield rows
    await databases.give_back(dsn)


async def search(rows: Written, caller: Principal = ROOT, **query: object) -> dict[str, Any]:
    handle = WorkflowSearch(rows.reads).search
    call = Call(
        "GET",
        "/api/workflow/search",
        {},
        {},
        urlencode(query).encode(),
        cast("Receive", None),
        caller,
        Route("GET", "/api/workflow/search", handle),
    )
    answer = await handle(call)
    return dict(orjson.loads(answer.body))


def numbers(found: dict[str, Any]) -> list[int]:
    ids = {uuid_of(k(number)): number for number in EXECUTIONS}
    return [ids[each["workflowId"]] for each in found["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [80, 70, 60, 50, 40, 30, 20, 10]),
        ("*", [80, 70, 60, 50, 40, 30, 20, 10]),
        ("status = RUNNING", [20, 10]),
        ("status = COMPLETED", [70, 30]),
        ("status = FAILED", [40]),
        ("status = TERMINATED", [80, 50]),
        ("status = 'TIMED_OUT'", [60]),
        ("status = PAUSED", []),
        ("status IN (RUNNING, FAILED, PAUSED)", [40, 20, 10]),
        ("workflowType = 'loan' AND status IN (FAILED, COMPLETED)", [40, 30]),
        ("workflowType IN (trip, loan) and version=1", [80, 70, 60, 50]),
        (f'workflowId="{uuid_of(k(10))}"', [10]),
        ("workflowId=nonsense", []),
        (f"startTime > {NOW}", [30]),
        (f"endTime < {NOW + 1501} AND status = FAILED", [40]),
        ("correlationId IN (\"a\", 'b')", [10]),
    ],
)
async def test_executions_are_found_by_the_usual_queries(
    rows: Written, query: str, expected: list[int]
) -> None:
    found = await search(rows, query=query)

    assert (numbers(found), found["totalHits"]) == (expected, len(expected))
    for each in found["results"]:
        status = each["status"]
        assert numbers(await search(rows, query=f"status={status} AND {_only(each)}")) != []


def _only(found: dict[str, Any]) -> str:
    return f"workflowId={found['workflowId']}"


async def test_a_page_in_an_order(rows: Written) -> None:
    found = await search(rows, start=1, size=2, sort="startTime:DESC", query="workflowType=loan")

    assert (numbers(found), found["totalHits"]) == ([10, 20], 4)


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (Principal("root", roles=(ADMIN,)), [80, 70, 60, 50, 40, 30, 20, 10]),
        (Principal("jane"), [50, 40, 10]),
        (Principal("eve"), []),
        (
            Principal(
                "eve", grants=(Grant("PROCESS_DEFINITION", ANY, ("READ_PROCESS_INSTANCE",)),)
            ),
            [80, 70, 60, 50, 40, 30, 20, 10],
        ),
        (
            Principal(
                "jane", grants=(Grant("PROCESS_DEFINITION", "loan", ("READ_PROCESS_INSTANCE",)),)
            ),
            [50, 40, 30, 20, 10],
        ),
        (Principal("eve", grants=(Grant("PROCESS_DEFINITION", "loan", ("CREATE",)),)), []),
        (Principal("root", roles=(ADMIN,), tenants=("other",)), [90]),
    ],
)
async def test_everybody_finds_and_counts_what_they_may_see(
    rows: Written, caller: Principal, expected: list[int]
) -> None:
    found = await search(rows, caller)
    first = await search(rows, caller, size=1)

    assert (numbers(found), found["totalHits"]) == (expected, len(expected))
    assert (numbers(first), first["totalHits"]) == (expected[:1], len(expected))


async def test_an_execution_is_shown_with_what_it_was_given_and_gave(rows: Written) -> None:
    found = await search(rows, query="status = FAILED")

    assert found["results"] == [
        {
            "workflowType": "loan",
            "version": 2,
            "workflowId": uuid_of(k(40)),
            "correlationId": "order-7",
            "startTime": "2026-09-21T14:13:20.000Z",
            "updateTime": "2026-09-21T14:13:21.500Z",
            "endTime": "2026-09-21T14:13:21.500Z",
            "status": "FAILED",
            "input": "{}",
            "output": "{}",
            "reasonForIncompletion": "why",
            "executionTime": 1500,
            "priority": 0,
            "createdBy": "jane",
        }
    ]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"freeText": "x"}, "freeText of a workflow search is not supported"),
        ({"query": "a = 1 OR b = 2"}, "a cannot be searched for"),
        ({"query": "version = 1 OR version = 2"}, "The query cannot be read"),
        ({"query": "version = 1 AND"}, "The query cannot be read"),
        ({"query": "version = x"}, "Failed to convert 'version'"),
        ({"query": "status = GONE"}, "status GONE cannot be searched for"),
        ({"query": "status > FAILED"}, "status cannot be compared by >"),
        ({"sort": "input:ASC"}, "input cannot be sorted by"),
    ],
)
async def test_a_search_that_we_cannot_do_is_refused(
    rows: Written, params: dict[str, str], message: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        await search(rows, ROOT, **params)

    assert str(refused.value).startswith(message)
