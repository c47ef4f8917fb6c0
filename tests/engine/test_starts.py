"""Processes that triggers call for: each starts in a step of its own, or is settled in error."""

from typing import Any

from signoff_broker.engine.state import Start
from signoff_schemas.process_events import StartSettled
from signoff_schemas.timers import StartTriggered
from tests.support.engine import Bench, a_task_node, process_of, result_of, types_of
from tests.support.frames import deploy, framed, human, process

KEY = (1 << 51) + 500


def called_for(bench: Bench, **given: Any) -> Start:
    values: dict[str, Any] = {
        "key": KEY,
        "process_id": "f",
        "version": -1,
        "variables": {"a": 1},
        "tenant": "<default>",
        "business_id": "b",
        "started_by": "ann",
        **given,
    }
    start = Start(**values)
    bench.world.starts[start.key] = start
    return start


def test_triggered_process_starts_under_the_key_that_was_promised() -> None:
    bench = Bench()
    result_of(deploy(bench, framed(human("review"))))
    called_for(bench, descendants=7)
    done = bench.fire(StartTriggered(start_key=KEY))

    instance = bench.instance(KEY).process
    assert (instance.key, instance.started_by, instance.business_id) == (KEY, "ann", "b")
    assert instance.descendants == 7
    whole = bench.instance(KEY).variables[KEY]["whole"].value
    assert isinstance(whole, dict)
    assert whole["input"] == {"a": 1}
    assert done.events[-1] == StartSettled(start_key=KEY)
    assert done.touched.starts == {KEY: None}
    assert done.recorded


def test_it_starts_once() -> None:
    bench = Bench()
    result_of(deploy(bench, framed(human("review"))))
    called_for(bench)
    bench.fire(StartTriggered(start_key=KEY))
    again = bench.fire(StartTriggered(start_key=KEY))
    assert (again.events, again.recorded) == ((), False)


def test_missing_definition_is_settled_with_an_error() -> None:
    bench = Bench()
    called_for(bench, process_id="gone", version=3)
    done = bench.fire(StartTriggered(start_key=KEY))

    (event,) = done.events
    assert isinstance(event, StartSettled)
    assert event.error == "There is no definition 'gone' with version 3."
    assert done.touched.starts == {KEY: None}
    assert bench.world.starts == {}
    assert bench.world.instances == {}


def test_process_that_fails_at_once_is_settled_too() -> None:
    bench = Bench()
    result_of(deploy(bench, framed(human("review"), timeout_seconds=5)))
    called_for(bench, variables={"x": "y" * 3_000_000})
    done = bench.fire(StartTriggered(start_key=KEY))
    assert types_of(done)[0] == "process_instance.started"
    assert process(bench, KEY).due_at == bench.now + 5_000


def test_graph_without_a_frame_is_started_too() -> None:
    bench = Bench()
    result_of(deploy(bench, process_of(a_task_node(), process_id="f")))
    called_for(bench)
    bench.fire(StartTriggered(start_key=KEY))
    assert bench.instance(KEY).variables[KEY]["a"].value == 1
