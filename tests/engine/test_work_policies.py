"""Policies as nodes give them: read strictly, with defaults."""

import pytest

from signoff_broker.engine.processors.policies import policy_of
from signoff_broker.engine.processors.values import Failure
from signoff_schemas.commands import Deploy, Resource, StartProcess
from signoff_schemas.templates import Frame, Value
from signoff_schemas.work import (
    Assignment,
    Ending,
    Exhaustion,
    Person,
    Policy,
    Trigger,
    TriggerEvent,
)
from tests.support.engine import Bench, a_task_node, process_of, result_of
from tests.support.shared_work import user


def test_policy_is_read_with_its_defaults() -> None:
    given = {
        "assignments": [
            {"assignee": {"id": 17, "group": None}, "minutes": "5"},
            {"assignee": {"id": "g", "group": True, "external": True}, "minutes": 2.0},
        ],
        "exhaustion": "TERMINATE",
        "auto_claim": True,
        "triggers": [{"on": "PENDING", "process_id": "p", "version": 3, "variables": {"a": 1}}],
    }

    assert policy_of({}) == Policy()
    assert policy_of(given) == Policy(
        assignments=(
            Assignment(Person("17"), 5),
            Assignment(Person("g", group=True, external=True), 2),
        ),
        exhaustion=Exhaustion.TERMINATE,
        auto_claim=True,
        triggers=(Trigger(TriggerEvent.PENDING, "p", 3, {"a": 1}),),
    )


@pytest.mark.parametrize(
    "value",
    [
        "x",
        {"assignments": "x"},
        {"assignments": [None]},
        {"assignments": [{}]},
        {"assignments": [user("")]},
        {"assignments": [{"assignee": {"id": None}}]},
        {"assignments": [{"assignee": {"id": ["a"]}}]},
        {"assignments": [user("a\0")]},
        {"assignments": [user("a", -1)]},
        {"assignments": [user("a", 1 << 50)]},
        {"assignments": [{**user("a"), "minutes": 1.5}]},
        {"assignments": [{**user("a"), "minutes": True}]},
        {"assignments": [{"assignee": {"id": "a", "group": "yes"}}]},
        {"assignments": [user("a")] * 101},
        {"exhaustion": "GO_ON"},
        {"exhaustion": []},
        {"auto_claim": "yes"},
        {"triggers": [{"on": "LATER", "process_id": "p"}]},
        {"triggers": [{"on": "PENDING"}]},
        {"triggers": [{"on": "PENDING", "process_id": "p", "version": "1"}]},
        {"triggers": [{"on": "PENDING", "process_id": "p", "variables": [1]}]},
        {"triggers": [{"on": "PENDING", "process_id": "p", "variables": {"a": "\0"}}]},
    ],
)
def test_value_that_is_no_policy(value: object) -> None:
    failure = policy_of(value)

    assert isinstance(failure, Failure)
    assert failure.message.startswith("Expected a policy, but ")


def test_task_whose_policy_makes_no_sense_ends_the_instance() -> None:
    bench = Bench()
    graph = process_of(a_task_node(policy=Value(value={"assignments": 5})))
    framed = graph.model_copy(update={"frame": Frame("process")})
    bench.send(Deploy(resources=(Resource(name="p", digest="p", processes=(framed,)),)))

    done = bench.send(StartProcess(process_id="p"))

    ended = done.touched.processes[result_of(done)["process_instance_key"]]
    assert ended.ending is Ending.FAILED
    assert ended.reason == "Expected a policy, but its assignments are no list."
