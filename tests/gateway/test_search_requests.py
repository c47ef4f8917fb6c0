"""Search bodies of the first dialect: what they ask for, and in which words they are refused."""

from typing import Any

import orjson
import pytest

from signoff_gateway.dialects.camunda.answers import BadRequest, InvalidArgument
from signoff_gateway.dialects.camunda.search import parse_search, truncates
from signoff_gateway.dialects.camunda.search_tables import (
    EFFECTIVE_VARIABLES,
    GLOBAL_LISTENERS,
    INCIDENTS,
    JOBS,
    PROCESS_INSTANCES,
    TASK_VARIABLES,
    USER_TASKS,
    VARIABLES,
    Searchable,
)
from signoff_gateway.dialects.camunda.search_values import instant_ms, wildcards_match
from signoff_gateway.reads import Condition, Operator, Order, Page, SearchQuery
from signoff_gateway.reads.columns import SOURCES

ALL = (
    EFFECTIVE_VARIABLES,
    GLOBAL_LISTENERS,
    INCIDENTS,
    JOBS,
    PROCESS_INSTANCES,
    TASK_VARIABLES,
    USER_TASKS,
    VARIABLES,
)


def parse(content: Any, what: Searchable = USER_TASKS) -> SearchQuery:
    return parse_search(what, orjson.dumps(content))


@pytest.mark.parametrize(
    "body", [b"", b" \n", b"null", b"{}", b'{"filter":null,"sort":null,"page":null}']
)
def test_an_empty_body_asks_for_the_first_hundred_of_everything(body: bytes) -> None:
    assert parse_search(USER_TASKS, body) == SearchQuery(page=Page(limit=100))


@pytest.mark.parametrize("what", ALL)
def test_every_field_stands_for_one_of_its_row(what: Searchable) -> None:
    columns = SOURCES[what.entity].columns

    assert set(what.sorts.values()) <= set(columns)
    named = {getattr(field, "field", "tags") for field in what.filters.values()}
    assert named <= set(columns)


def test_scalars_and_operators_are_anded() -> None:
    query = parse(
        {
            "filter": {
                "assignee": {"$exists": True, "$notIn": ["ann", "bob"], "$like": "a*"},
                "priority": {"$gte": 10, "$lt": 20},
                "candidateGroup": "sales",
                "processDefinitionKey": "2251799813685248",
                "userTaskKey": 42,
                "dueDate": {"$lte": "2031-05-06T08:08:09.000+01:00"},
                "tags": ["a", "b"],
                "name": None,
            }
        }
    )

    assert query.conditions == (
        Condition("assignee", Operator.EXISTS, value=True),
        Condition("assignee", Operator.NOT_IN, ("ann", "bob")),
        Condition("assignee", Operator.LIKE, "a*"),
        Condition("priority", Operator.GTE, 10),
        Condition("priority", Operator.LT, 20),
        Condition("candidate_groups", Operator.EQ, "sales"),
        Condition("definition_key", Operator.EQ, 2251799813685248),
        Condition("key", Operator.EQ, 42),
        Condition("due_at", Operator.LTE, 1935817689000),
        Condition("tags", Operator.ALL, ("a", "b")),
    )


def test_empty_lists_ask_for_nothing() -> None:
    filters = {"assignee": {"$in": [], "$notIn": []}, "tags": [], "localVariables": [], "$or": []}

    assert parse({"filter": filters, "sort": []}) == SearchQuery()


@pytest.mark.parametrize(
    ("given", "states"),
    [
        ("created", {"CREATED"}),
        ("Assigning", {"ASSIGNING", "CLAIMING"}),
        ({"$in": ["ASSIGNING", "completed"]}, {"ASSIGNING", "CLAIMING", "COMPLETED"}),
        ({"$like": "C?EAT*"}, {"CREATING", "CREATED"}),
        ({"$like": "cancel*", "$neq": "CANCELED"}, {"CANCELING"}),
        ({"$exists": False}, set()),
        ("FAILED", set()),
    ],
)
def test_enumerations_become_the_states_they_stand_for(given: Any, states: set[str]) -> None:
    [condition] = parse({"filter": {"state": given}}).conditions

    assert (condition.field, condition.operator) == ("state", Operator.IN)
    assert set(condition.value) == states  # type: ignore[arg-type]


def test_event_types_match_any_of_a_listener_and_all_means_all() -> None:
    query = parse({"filter": {"eventTypes": ["ALL", "assigning"]}}, GLOBAL_LISTENERS)

    every = ("creating", "assigning", "updating", "completing", "canceling")
    assert query.conditions == (
        Condition("events", Operator.ALL, every),
        Condition("events", Operator.IN, ("assigning",)),
    )


def test_alternatives_are_groups() -> None:
    body = {"filter": {"priority": 1, "$or": [{"assignee": "a"}, {"candidateUser": "a"}]}}

    query = parse(body)

    assert query.conditions == (Condition("priority", Operator.EQ, 1),)
    assert query.any_of == (
        (Condition("assignee", Operator.EQ, "a"),),
        (Condition("candidate_users", Operator.EQ, "a"),),
    )


def test_sort_and_page_are_read_in_any_casing() -> None:
    body = {
        "sort": [
            {"field": "creationDate", "order": "desc"},
            {"field": "NAME"},
            {"field": "priority", "order": None},
            {"field": "name", "order": "DESC"},
        ],
        "page": {"from": 5, "limit": 10_000},
    }

    query = parse(body)

    assert query.order == (Order("created_at", descending=True), Order("name"), Order("priority"))
    assert query.page == Page(limit=10_000, start=5)


USE = "Use any of the following values:"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ([], "Failed to read request"),
        ({"meow": 1}, "Request property [meow] cannot be parsed"),
        ({"filter": 1}, "Request property [filter] cannot be parsed"),
        ({"filter": {"meow": 1}}, "Request property [filter.meow] cannot be parsed"),
        ({"filter": {"assignee": 1}}, "Request property [filter.assignee] cannot be parsed"),
        ({"filter": {"assignee": []}}, "Request property [filter.assignee] cannot be parsed"),
        ({"filter": {"assignee": "\0"}}, "Request property [filter.assignee] cannot be parsed"),
        (
            {"filter": {"assignee": {"$meow": 1}}},
            "Request property [filter.assignee.$meow] cannot be parsed",
        ),
        (
            {"filter": {"assignee": {"$in": ["a", 1]}}},
            "Request property [filter.assignee.$in] cannot be parsed",
        ),
        (
            {"filter": {"assignee": {"$exists": "yes"}}},
            "Request property [filter.assignee.$exists] cannot be parsed",
        ),
        (
            {"filter": {"priority": {"$like": "1*"}}},
            "Request property [filter.priority.$like] cannot be parsed",
        ),
        ({"filter": {"priority": 1.5}}, "Request property [filter.priority] cannot be parsed"),
        ({"filter": {"priority": "50"}}, "Request property [filter.priority] cannot be parsed"),
        ({"filter": {"priority": True}}, "Request property [filter.priority] cannot be parsed"),
        ({"filter": {"priority": 2**63}}, "Request property [filter.priority] cannot be parsed"),
        (
            {"filter": {"elementId": {"$eq": "a"}}},
            "Request property [filter.elementId] cannot be parsed",
        ),
        ({"filter": {"tags": "a"}}, "Request property [filter.tags] cannot be parsed"),
        (
            {"filter": {"$or": [{"meow": 1}]}},
            "Request property [filter.$or.meow] cannot be parsed",
        ),
        (
            {"filter": {"state": "MEOW"}},
            (
                f"Unexpected value 'MEOW' for enum field 'state'. {USE} [CREATING, CREATED,"
                " ASSIGNING, UPDATING, COMPLETING, COMPLETED, CANCELING, CANCELED, FAILED]"
            ),
        ),
        (
            {"sort": [{"field": "meow"}]},
            (
                f"Unexpected value 'meow' for enum field 'field'. {USE} [creationDate,"
                " completionDate, followUpDate, dueDate, priority, name, businessId]"
            ),
        ),
        (
            {"sort": [{"field": "name", "order": "up"}]},
            f"Unexpected value 'up' for enum field 'order'. {USE} [ASC, DESC]",
        ),
        ({"sort": {}}, "Request property [sort] cannot be parsed"),
        ({"sort": 0}, "Request property [sort] cannot be parsed"),
        ({"sort": [1]}, "Request property [sort] cannot be parsed"),
        ({"sort": [{"meow": 1}]}, "Request property [sort.meow] cannot be parsed"),
        ({"page": 1}, "At least one of [from, after, before, limit] is required."),
        ({"page": {}}, "At least one of [from, after, before, limit] is required."),
        ({"page": {"meow": 1}}, "At least one of [from, after, before, limit] is required."),
        ({"page": {"limit": 1, "meow": 1}}, "Request property [page.meow] cannot be parsed"),
        ({"page": {"limit": "1"}}, "Request property [page.limit] cannot be parsed"),
        ({"page": {"limit": 1.0}}, "Request property [page.limit] cannot be parsed"),
        ({"page": {"after": 1}}, "Request property [page.after] cannot be parsed"),
    ],
)
def test_what_cannot_be_read_is_a_bad_request(content: Any, detail: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(content)

    assert str(refused.value) == detail


def test_states_of_jobs_are_named_in_the_published_order() -> None:
    with pytest.raises(BadRequest) as refused:
        parse({"filter": {"state": "MEOW"}}, JOBS)

    assert str(refused.value) == (
        f"Unexpected value 'MEOW' for enum field 'state'. {USE} [CANCELED, COMPLETED, CREATED,"
        " ERROR_THROWN, FAILED, MIGRATED, PRIORITY_UPDATED, RETRIES_UPDATED, TIMEOUT_UPDATED,"
        " TIMED_OUT]"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nope",
        b'{"filter":{"priority":NaN}}',
        b'{"filter":{"priority":123456789012345678901234567890}}',
        b'{"filter":{"assignee":"\\ud800"}}',
        b'{"filter":{"assignee":"\xff"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_search(USER_TASKS, body)


NO_KEY = (
    "The provided processInstanceKey '{}' is not a valid key. Expected a numeric value."
    " Did you pass an entity id instead of an entity key?."
)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (
            {"page": {"limit": -1}},
            "The value for page.limit is '-1' but must be a non-negative number.",
        ),
        ({"page": {"limit": 0}}, "The value for page.limit is '0' but must be at least 1."),
        (
            {"page": {"limit": 10_001}},
            "The value for page.limit is '10001' but must be at most 10000.",
        ),
        (
            {"page": {"from": -1, "limit": -2}},
            (
                "The value for page.limit is '-2' but must be a non-negative number."
                " The value for page.from is '-1' but must be a non-negative number."
            ),
        ),
        (
            {"page": {"after": "YQ==", "before": "YQ=="}},
            "Only one of [from, after, before] is allowed.",
        ),
        ({"sort": [{"order": "ASC"}]}, "Sort field must not be null."),
        ({"filter": {"processInstanceKey": "abc"}}, NO_KEY.format("abc")),
        ({"filter": {"processInstanceKey": {"$in": ["-"]}}}, NO_KEY.format("-")),
        ({"filter": {"processInstanceKey": "9" * 25}}, NO_KEY.format("9" * 25)),
        ({"filter": {"processInstanceKey": "٣"}}, NO_KEY.format("٣")),
        ({"filter": {"dueDate": "soon"}}, "Failed to parse date-time: [soon]."),
        (
            {"filter": {"dueDate": {"$gt": "2031-05-06T07:08:09"}}},
            "Failed to parse date-time: [2031-05-06T07:08:09].",
        ),
        (
            {"filter": {"localVariables": [{"value": "1"}, {"name": "a"}]}},
            "Variable name must not be null. Variable value must not be null.",
        ),
        (
            {"filter": {"localVariables": [{"name": "a", "value": '"b"'}]}},
            (
                "User tasks cannot be filtered by the values of variables yet: leave out"
                " processInstanceVariables and localVariables."
            ),
        ),
    ],
)
def test_what_cannot_be_meant_is_an_invalid_argument(content: Any, detail: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse(content)

    assert str(refused.value) == detail


def test_effective_variables_have_no_cursors() -> None:
    with pytest.raises(BadRequest):
        parse({"page": {"limit": 1, "after": "YQ=="}}, EFFECTIVE_VARIABLES)

    assert parse({"page": {"from": 1}}, EFFECTIVE_VARIABLES).page == Page(start=1)


def test_truncation_is_asked_for_unless_it_is_not() -> None:
    assert truncates(b"") is truncates(b"truncateValues=TRUE") is True
    assert truncates(b"a=b&truncateValues=false") is False
    with pytest.raises(BadRequest, match="'truncateValues' with value: 'perhaps'"):
        truncates(b"truncateValues=perhaps")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("?", "", False),
        ("a*b?d", "axxbcd", True),
        ("a*b?d", "axxbd", False),
        ("\\*", "*", True),
        ("\\*", "x", False),
        ("a\\", "a\\", True),
        ("*ab", "aab", True),
        ("", "a", False),
        ("*a" * 30 + "b", "a" * 60, False),
    ],
)
def test_wildcards(pattern: str, text: str, *, matches: bool) -> None:
    assert wildcards_match(pattern, text) is matches


def test_instants_are_compared_by_the_millisecond() -> None:
    assert instant_ms("1970-01-01T01:00:00.0019+01:00") == 1
    assert instant_ms("1970-01-01") is None
