"""Triggers: which of them fire when, and what they call for."""

from typing import Any

import pytest

from signoff_schemas.commands import Deploy, Resource
from signoff_schemas.limits import DESCENDANTS_MAX
from signoff_schemas.process_events import StartCalledFor
from signoff_schemas.timers import StartTriggered, TimeOutNode
from signoff_schemas.values import Listener, ListenerEvent
from signoff_schemas.work import Triggered, TriggerEvent
from tests.support.engine import Bench, a_job_node, process_of, types_of
from tests.support.shared_work import (
    JANE,
    ROOT,
    finish,
    group,
    line,
    release,
    remove,
    save,
    seen,
    skip,
    take,
    user,
)

ASSIGNING = Listener(ListenerEvent.ASSIGNING, "a")


def deploy_started(bench: Bench) -> None:
    graph = process_of(a_job_node(), process_id="other")
    resource = Resource(name="other", digest="other", processes=(graph,))
    bench.send(Deploy(resources=(resource,)))


def triggers(*events: TriggerEvent, process: str = "other") -> list[dict[str, Any]]:
    return [{"on": each.value, "process_id": process} for each in events or TriggerEvent]


def happened(bench: Bench, key: int) -> list[str]:
    """What triggers of the task fired since it was asked last."""
    lines = [each.on.value for each in bench.log(key) if isinstance(each, Triggered)]
    seen_before = getattr(bench, "_fired", 0)
    bench.__dict__["_fired"] = len(lines)
    return lines[seen_before:]


def test_triggers_of_a_whole_life() -> None:
    bench = Bench()
    deploy_started(bench)
    key = bench.share(assignments=[user("john", 5), group("g")], triggers=triggers())

    assert happened(bench, key) == ["PENDING", "ASSIGNED"]
    bench.send(skip(key), principal=ROOT)
    assert happened(bench, key) == ["ASSIGNEE_CHANGED"]
    bench.send(take(key, "john"), principal=ROOT)
    assert happened(bench, key) == ["CLAIMED", "CLAIMANT_CHANGED"]
    bench.send(save(key, a=1), principal=ROOT)
    assert happened(bench, key) == []
    bench.send(release(key), principal=ROOT)
    assert happened(bench, key) == ["ASSIGNED", "CLAIMANT_CHANGED"]
    bench.send(take(key, "john", override=True), principal=ROOT)
    assert happened(bench, key) == ["CLAIMED", "ASSIGNEE_CHANGED", "CLAIMANT_CHANGED"]
    bench.send(finish(key), principal=ROOT)
    assert happened(bench, key) == ["COMPLETED"]


def test_triggers_of_an_open_task_that_is_picked_up_and_removed() -> None:
    bench = Bench()
    deploy_started(bench)
    key = bench.share(triggers=triggers())

    assert happened(bench, key) == ["PENDING", "ASSIGNED"]
    bench.send(take(key, "john"), principal=ROOT)
    assert happened(bench, key) == ["CLAIMED", "ASSIGNEE_CHANGED", "CLAIMANT_CHANGED"]
    bench.send(remove(key), principal=ROOT)
    assert happened(bench, key) == []


def test_trigger_of_a_task_that_was_not_done_in_time() -> None:
    bench = Bench()
    deploy_started(bench)
    john = [user("john", 5)]
    key = bench.share(assignments=john, triggers=triggers(), timeout_seconds=60)
    happened(bench, key)
    bench.now += 60_000

    bench.fire(TimeOutNode(process_instance_key=bench.instance(key).process.key))

    assert happened(bench, key) == ["TIMED_OUT"]
    assert seen(bench.ended(key)) == "TIMED_OUT john - 0"


def test_triggers_of_an_automatic_claim() -> None:
    bench = Bench()
    deploy_started(bench)
    key = bench.share(assignments=[user("john")], auto_claim=True, triggers=triggers())

    assert happened(bench, key) == ["PENDING", "CLAIMED", "CLAIMANT_CHANGED"]


def test_trigger_calls_for_a_process_of_its_own() -> None:
    bench = Bench()
    deploy_started(bench)
    trigger = {
        "on": "CLAIMED",
        "process_id": "other",
        "variables": {"a": [1]},
        "business_id": "b",
    }
    key = bench.share(by=JANE, triggers=[trigger])

    done = bench.send(take(key, "john"), principal=ROOT)

    (event,) = [each for each in done.events if isinstance(each, StartCalledFor)]
    ((start_key, start),) = done.touched.starts.items()
    assert start is not None
    assert (start.key, start.process_id, start.version) == (start_key, "other", 1)
    assert (start.variables, start.business_id, start.started_by) == ({"a": [1]}, "b", "jane")
    assert event.process_instance_key == bench.instance(key).process.key
    told = bench.log(key)[-1]
    assert isinstance(told, Triggered)
    assert (told.started_key, told.version, told.error) == (start_key, 1, "")


def test_trigger_without_definition_troubles_nobody() -> None:
    bench = Bench()
    key = bench.share(triggers=triggers(TriggerEvent.CLAIMED, process="nowhere"))

    done = bench.send(take(key, "john"), principal=ROOT)

    assert seen(bench.task(key)).startswith("CLAIMED")
    assert done.touched.starts == {}
    assert line(bench.log(key)[-1]) == "CLAIMED -> nowhere (no definition 'nowhere')"


def test_denied_transition_triggers_nothing() -> None:
    bench = Bench()
    deploy_started(bench)
    key = bench.share(ASSIGNING, triggers=triggers(TriggerEvent.CLAIMED))
    bench.send(take(key, "john"), principal=ROOT)

    done = bench.complete_listener(key, denied=True)

    assert types_of(done) == ["job.completed", "user_task.denied"]


def go_on(bench: Bench) -> list[int]:
    """Start what is called for until nothing is; gives the keys of what was started."""
    started: list[int] = []
    while bench.world.starts and len(started) < 3 * DESCENDANTS_MAX:
        key = next(iter(bench.world.starts))
        bench.fire(StartTriggered(start_key=key))
        started.append(key)
    return started


def test_chain_of_triggers_goes_on_for_ten_processes() -> None:
    bench = Bench()
    key = bench.share(triggers=triggers(TriggerEvent.PENDING, process="shared"))

    tasks = [key, *(bench.task(each).key for each in go_on(bench))]

    assert len(tasks) == 11
    assert [line(bench.log(each)[0]) for each in tasks[:-1]] == ["PENDING -> shared"] * 10
    told = "PENDING -> shared (too many processes came of one start)"
    assert line(bench.log(tasks[-1])[0]) == told


@pytest.mark.parametrize("width", [2, 50])
def test_triggers_that_start_each_other_come_to_an_end(width: int) -> None:
    bench = Bench()
    events = [TriggerEvent.PENDING] * width
    bench.share(triggers=triggers(*events, process="shared"))

    assert width < len(go_on(bench)) <= DESCENDANTS_MAX


def test_automatic_claims_that_start_each_other_come_to_an_end() -> None:
    bench = Bench()
    feeding = triggers(TriggerEvent.CLAIMED, TriggerEvent.CLAIMANT_CHANGED, process="shared")
    bench.share(assignments=[user("john")], auto_claim=True, triggers=feeding)

    assert 2 < len(go_on(bench)) <= DESCENDANTS_MAX


def test_triggers_fire_for_whatever_somebody_does_however_often() -> None:
    bench = Bench()
    feeding = triggers(TriggerEvent.CLAIMED, TriggerEvent.PENDING, process="shared")
    key = bench.share(triggers=feeding)
    for _ in range(20):
        bench.send(take(key, "john"), principal=ROOT)
        bench.send(release(key), principal=ROOT)

    lines = [each for each in bench.log(key) if isinstance(each, Triggered)]
    assert [each.error for each in lines] == [""] * 21
    assert 20 < len(go_on(bench)) <= 21 * 11


def test_listeners_do_not_make_an_act_of_somebody_less_his() -> None:
    bench = Bench()
    key = bench.share(ASSIGNING, triggers=triggers(TriggerEvent.CLAIMED, process="shared"))
    for _ in range(20):
        bench.send(take(key, "john"), principal=ROOT)
        bench.complete_listener(key)
        bench.send(release(key), principal=ROOT)
        bench.complete_listener(key)

    lines = [each for each in bench.log(key) if isinstance(each, Triggered)]
    assert [each.error for each in lines] == [""] * 20


def test_what_came_by_itself_begins_anew_once_somebody_is_at_work() -> None:
    bench = Bench()
    feeding = triggers(TriggerEvent.PENDING, TriggerEvent.CLAIMED, process="shared")
    bench.share(triggers=feeding)
    last = go_on(bench)[-1]
    key, ended = bench.task(last).key, bench.instance(last).process.descendants

    saved = bench.send(save(key, a=1), principal=ROOT)
    begun = bench.instance(last).process.descendants
    bench.send(take(key, "john"), principal=ROOT)

    assert (ended, begun) == (0, DESCENDANTS_MAX)
    assert saved.touched.processes[last].descendants == DESCENDANTS_MAX
    assert line(bench.log(key)[-1]) == "CLAIMED -> shared"


def test_first_thing_that_somebody_does_counts_already() -> None:
    bench = Bench()
    feeding = triggers(TriggerEvent.PENDING, TriggerEvent.CLAIMED, process="shared")
    bench.share(triggers=feeding)
    key = bench.task(go_on(bench)[-1]).key

    bench.send(take(key, "john"), principal=ROOT)

    assert line(bench.log(key)[-1]) == "CLAIMED -> shared"


def test_process_without_triggers_counts_as_one() -> None:
    bench = Bench()
    deploy_started(bench)
    key = bench.share(triggers=triggers(TriggerEvent.PENDING))

    assert bench.instance(key).process.descendants == DESCENDANTS_MAX - 1
    assert len(go_on(bench)) == 1
