"""Graphs with a frame: nodes see their inputs only, and leave their results under their ids."""

from typing import Any

import pytest

from signoff_schemas.codec import encode_events
from signoff_schemas.commands import CancelProcess, CompleteTask, SetVariables
from signoff_schemas.graph import Node
from signoff_schemas.ids import uuid_of
from signoff_schemas.limits import TEXT_MAX
from signoff_schemas.rejections import Code
from signoff_schemas.results import CompleteJob
from signoff_schemas.values import ProcessState
from signoff_schemas.work import Ending
from tests.support.engine import Bench, refusal_of
from tests.support.frames import (
    choice,
    deploy,
    elements,
    framed,
    human,
    obj,
    of,
    process,
    run,
    sets,
    stop,
    work,
)


def variables(bench: Bench, key: int) -> dict[str, object]:
    scope = bench.instance(key).variables[key]
    return {name: variable.value for name, variable in scope.items()}


def inputs(bench: Bench, key: int) -> dict[str, object]:
    instance = bench.instance(key)
    scope = instance.variables.get(instance.process.element_instance_key, {})
    return {name: variable.value for name, variable in scope.items()}


def test_task_sees_its_inputs_and_leaves_its_output() -> None:
    bench = Bench()
    given = {"who": "$whole.input.name", "text": "Dear $whole.input.name", "none": "$nowhere.x"}
    key = run(bench, human("review", given=given), variables={"name": "Ann", "secret": 1})

    assert inputs(bench, key) == {"who": "Ann", "text": "Dear Ann", "none": None}
    bench.now += 5
    task = bench.task(key)
    bench.send(CompleteTask(task_key=task.key, variables={"ok": True}))

    done = process(bench, key)
    assert (done.state, done.ending) == (ProcessState.COMPLETED, Ending.COMPLETED)
    assert done.output == {"ok": True}
    visit = elements(bench)["review"]
    assert visit.key == task.element_instance_key
    assert visit.input == {"who": "Ann", "text": "Dear Ann", "none": None}
    assert visit.output == {"ok": True}
    assert (visit.entered_at, visit.left_at) == (1_000_000, 1_000_005)
    assert visit.ending is Ending.COMPLETED


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Approve $whole.input.what", "Approve cars"),
        ("$whole.input.what", "cars"),
        ("$whole.input.number", "Review"),
        ("$whole.input.empty", "Review"),
        ("$whole.input.nothing", "Review"),
        ("$whole.input.long", "Review"),
    ],
)
def test_task_is_called_by_its_title_if_that_comes_to_a_name(title: str, name: str) -> None:
    bench = Bench()
    given = {"what": "cars", "number": 7, "empty": "", "long": "x" * (TEXT_MAX + 1)}

    key = run(bench, human("review", name="Review", title=of(title)), variables=given)

    assert bench.task(key).profile.name == name


def test_whole_knows_its_facts() -> None:
    bench = Bench()
    key = run(bench, human("review"), variables={"a": [1]})

    assert variables(bench, key)["whole"] == {
        "input": {"a": [1]},
        "variables": {},
        "id": uuid_of(key),
        "type": "f",
        "version": 1,
        "by": "demo",
    }
    assert process(bench, key).started_by == "demo"


def test_result_of_one_node_is_input_of_the_next() -> None:
    bench = Bench()
    key = run(
        bench,
        human("one", "two"),
        work("two", given={"x": "$one.output.list.1", "in": "$one.input"}),
        output=None,
    )
    bench.send(CompleteTask(task_key=bench.task(key).key, variables={"list": [1, {"deep": 2}]}))

    job = bench.activate(bench.job(key).key)
    assert job is not None
    assert job.variables == {"x": {"deep": 2}, "in": {}}
    bench.send(CompleteJob(job_key=job.job_key, variables={"done": 1}))
    assert process(bench, key).output == {"done": 1}


def test_what_a_node_had_is_out_of_sight_once_it_is_left() -> None:
    bench = Bench()
    key = run(bench, human("one", "two", {"a": 1}), human("two", given={"b": 2}))
    bench.send(CompleteTask(task_key=bench.task(key).key, variables={"x": 1}))
    instance = bench.instance(key)
    assert instance.variables.keys() == {key, instance.process.element_instance_key}


def test_choice_goes_where_the_printed_value_leads() -> None:
    nodes = (
        choice("which", "$whole.input.n", {"1": "one", "true": "two"}, "three"),
        human("one"),
        human("two"),
        human("three"),
    )
    for value, node in ((1, "one"), ("1", "one"), (True, "two"), (None, "three"), ({}, "three")):
        bench = Bench()
        key = run(bench, *nodes, variables={"n": value})
        assert bench.instance(key).process.node_id == node
        visit = elements(bench)["which"]
        assert visit.input == {"on": value}
        assert visit.left_at is not None


def test_set_variables_are_seen_by_later_nodes() -> None:
    bench = Bench()
    key = run(
        bench,
        sets("first", "second", {"a": 1, "b": "$whole.input.x"}),
        sets("second", "review", {"a": 2, "c": "$whole.variables.b"}),
        human("review", given={"all": "$whole.variables"}),
        variables={"x": "big"},
    )

    assert inputs(bench, key) == {"all": {"a": 2, "b": "big", "c": "big"}}
    assert [v.node_id for v in elements(bench).values()] == ["first", "second", "review"]


def test_terminate_ends_as_it_says() -> None:
    bench = Bench()
    key = run(
        bench,
        stop("stop", "$whole.input.how", "because $whole.input.why", {"x": "$whole.input.why"}),
        variables={"how": "FAILED", "why": "rain"},
    )
    done = process(bench, key)
    assert (done.state, done.ending) == (ProcessState.TERMINATED, Ending.FAILED)
    assert (done.reason, done.output) == ("because rain", {"x": "rain"})

    key = run(bench, stop("stop", "COMPLETED", "enough", {"x": 1}))
    done = process(bench, key)
    assert (done.state, done.ending) == (ProcessState.COMPLETED, Ending.COMPLETED)
    assert (done.reason, done.output) == ("enough", {"x": 1})

    key = run(bench, stop("stop", "whatever"))
    assert process(bench, key).ending is Ending.FAILED


def test_output_of_the_graph() -> None:
    bench = Bench()
    key = run(
        bench, human("review"), output=obj({"ok": "$review.output.ok", "in": "$whole.input.a"})
    )
    bench.send(CompleteTask(task_key=bench.task(key).key, variables={"ok": 1, "more": 2}))
    assert process(bench, key).output == {"ok": 1, "in": None}


def test_cancel_tells_its_reason() -> None:
    bench = Bench()
    key = run(bench, human("review"))
    bench.send(CancelProcess(process_instance_key=key, reason="not needed"))

    done = process(bench, key)
    assert (done.state, done.ending) == (ProcessState.TERMINATED, Ending.TERMINATED)
    assert done.reason == "not needed"
    assert elements(bench)["review"].ending is Ending.TERMINATED


LONG = [choice(f"n{number}", 1, {}, f"n{number + 1}") for number in range(999)]


@pytest.mark.parametrize(
    ("nodes", "graph"),
    [
        ((sets("a", "b", {}), sets("b", "a", {})), {}),
        ((choice("a", 1, {"1": "a"}),), {}),
        ((human("a", "b"), choice("b", 1, {"1": "end"}, "a")), {}),
        ((human("a", "nowhere"),), {}),
        ((choice("a", 1, {"1": "nowhere"}),), {}),
        ((choice("a", 1, {}, "nowhere"),), {}),
        ((choice("a", 1, {}, "start"),), {}),
        ((human("whole"),), {}),
        ((choice("a", 1, {}),), {"frame": None}),
        ((stop("a", "FAILED"),), {"frame": None}),
        ((human("a"),), {"version": 0}),
        ((human("a"),), {"version": 1 << 31}),
        ((human("a"),), {"timeout_seconds": -1}),
        ((human("a"),), {"timeout_seconds": 1 << 60}),
        ((*LONG, human("n999")), {}),
        ((human("a", given={"x": "\0"}),), {}),
    ],
)
def test_graph_in_which_a_token_could_get_lost_is_refused(
    nodes: tuple[Node, ...], graph: dict[str, Any]
) -> None:
    bench = Bench()
    refusal = refusal_of(deploy(bench, framed(*nodes, **graph)))
    assert (refusal.code, refusal.values) == (Code.VALUE_UNSTORABLE, {"field": "resources"})


def test_long_graph_without_rest_is_gone_through_in_one_step() -> None:
    bench = Bench()
    key = run(bench, *LONG[:990], human("n990"))
    assert bench.instance(key).process.node_id == "n990"
    assert len(elements(bench)) == 991


def test_setting_variables_tells_only_what_is_new() -> None:
    """An instance that sets many variables does not repeat them all each time."""
    bench = Bench()
    nodes = [sets(f"n{n}", f"n{n + 1}", {f"v{n}": "x" * 100}) for n in range(200)]
    key = run(bench, *nodes, human("n200"), variables={"big": "y" * 10_000})
    size = len(encode_events(bench.steps[-1].events))
    assert size < 150_000 + 200 * 1_500
    whole = variables(bench, key)["whole"]
    assert isinstance(whole, dict)
    assert len(whole["variables"]) == 200


def test_variables_set_by_hand_do_not_stop_a_process() -> None:
    bench = Bench()
    key = run(
        bench, human("one", "two"), sets("two", "three", {"a": 1}), human("three"), output=obj({})
    )
    bench.send(SetVariables(scope_key=key, variables={"whole": 5, "one": []}))
    bench.send(CompleteTask(task_key=bench.task(key).key))
    assert variables(bench, key)["whole"] == {"variables": {"a": 1}}


def test_output_that_is_too_large_fails_the_instance() -> None:
    bench = Bench()
    big = obj({"a": "$review.output", "b": "$review.output"})
    key = run(bench, human("review"), output=big)
    bench.send(CompleteTask(task_key=bench.task(key).key, variables={"x": "y" * 3_000_000}))
    done = process(bench, key)
    assert (done.ending, done.output) == (Ending.FAILED, {})
    assert elements(bench)["review"].ending is Ending.COMPLETED
