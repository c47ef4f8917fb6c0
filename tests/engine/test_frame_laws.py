"""Laws of graphs with a frame: events replay to state, visits are whole, nothing gets stuck."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from signoff_broker.engine.state import Element, Start
from signoff_schemas.codec import decode_entry, decode_events, encode_entry, encode_events
from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    Command,
    CompleteTask,
    DeleteDefinition,
    SetVariables,
    StartProcess,
)
from signoff_schemas.documents import RULES, DeleteDocument, PutDocument
from signoff_schemas.process_events import ElementEntered, ElementLeft
from signoff_schemas.results import CompleteJob, FailJob, WorkerResult
from signoff_schemas.timers import ActivateJob, RecurJob, StartTriggered, TimeOutJob, TimeOutNode
from signoff_schemas.values import JobKind, ListenerEvent, ProcessState
from signoff_schemas.work import TaskRule, TimeoutPolicy
from tests.support.engine import Bench, listeners
from tests.support.frames import choice, deploy, framed, human, obj, sets, stop, work

LISTENED = list(ListenerEvent)
Action = tuple[str, int, bool]
VALUES: list[object] = [None, 1, "end", {"a": [1, "$"]}, "x" * 1_500_000]


def a_graph(number: int, flag: bool) -> Any:  # noqa: FBT001
    hooks = listeners(LISTENED[number % len(LISTENED)], "hook") if flag else ()
    given = {"in": "$whole.input", "vars": "$whole.variables", "text": "is $review.output.x"}
    return framed(
        sets("set", "review", {"v": "$whole.input.v", "w": number}),
        human("review", "which", given=given, rule="r", listeners=hooks),
        choice("which", "$review.output.x", {"1": "do", "2": "stop", "3": "again"}, "end"),
        work("do", "again", given={**given, "all": "$review"}, rule="r"),
        sets("again", "last", {"v": ["$do.output", "$whole.variables.v"]}),
        human("last", given={"vars": "$whole.variables"}),
        stop("stop", "$whole.input.v", "since $review.output", {"r": "$review"}),
        output=obj({"review": "$review", "vars": "$whole.variables"}) if flag else None,
        timeout_seconds=number % 3 * 20,
        version=1 + number % 2,
    )


def bodies(name: str, key: int, number: int, flag: bool) -> Command | WorkerResult:  # noqa: FBT001
    value = VALUES[number % len(VALUES)]
    commands: dict[str, Any] = {
        "start": lambda: StartProcess(process_id="f", variables={"v": value, "n": number}),
        "complete": lambda: CompleteTask(
            task_key=key, variables={"x": number % 5, **({"y": value} if flag else {})}
        ),
        "assign": lambda: AssignTask(task_key=key, assignee="ann"),
        "claim": lambda: ClaimTask(task_key=key, assignee="bob"),
        "cancel": lambda: CancelProcess(process_instance_key=key, reason="enough"),
        "job": lambda: CompleteJob(job_key=key, variables={"done": value}),
        "fail": lambda: FailJob(
            job_key=key, retries=None if flag else number % 3, variables={"left": number}
        ),
        "set": lambda: SetVariables(scope_key=key, variables={"whole": value, "review": number}),
        "rule": lambda: PutDocument(
            kind=RULES,
            id="r",
            rule=TaskRule(
                timeout_seconds=number % 4 * 5,
                timeout_policy=list(TimeoutPolicy)[number % 3],
                retries=number % 3,
                retry_delay_seconds=number % 2,
            ),
        ),
        "no rule": lambda: DeleteDocument(kind=RULES, id="r"),
        "undefine": lambda: DeleteDefinition(process_id="f", version=1 + number % 2),
    }
    body: Command | WorkerResult = commands[name]()
    return body


TIMERS: dict[str, Any] = {
    "activate": lambda key: ActivateJob(
        job_key=key, subscriber="s", inbox=0, slot="s", worker="w", timeout_ms=1_000
    ),
    "recur": lambda key: RecurJob(job_key=key),
    "job late": lambda key: TimeOutJob(job_key=key),
    "late": lambda key: TimeOutNode(process_instance_key=key),
    "triggered": lambda key: StartTriggered(start_key=key),
}
NOUNS = {
    **dict.fromkeys(("complete", "assign", "claim"), "task"),
    **dict.fromkeys(("job", "fail", "activate", "recur", "job late"), "job"),
}
COMMANDS = (
    *("start", "start", "complete", "complete", "assign", "claim", "cancel", "job", "job"),
    *("fail", "set", "rule", "no rule", "undefine", "deploy", "call"),
)
NAMES = st.sampled_from([*COMMANDS, *TIMERS])


def key_for(bench: Bench, name: str, number: int) -> int:
    if name == "triggered":
        return next(iter(bench.world.starts), 1)
    noun = NOUNS.get(name, "process")
    found = [getattr(each, noun) for each in bench.world.instances.values()]
    keys = [each.key for each in found if each is not None]
    return keys[number % len(keys)] if keys else 1


def do(bench: Bench, action: Action) -> None:
    name, number, flag = action
    bench.now += number * 700
    if name == "deploy":
        deploy(bench, a_graph(number, flag), overwrite=flag)
    elif name == "call":
        key = (1 << 51) + 1_000_000 + len(bench.steps)
        bench.world.starts[key] = Start(key, "f", -1, {"v": 1}, "<default>", "", "ann")
    elif name in TIMERS:
        bench.fire(TIMERS[name](key_for(bench, name, number)))
    else:
        body = bodies(name, key_for(bench, name, number), number, flag)
        bench.submit(decode_entry(encode_entry(bench.entry(body))))


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(NAMES, st.integers(0, 20), st.booleans()), min_size=10, max_size=40))
def test_whatever_happens(todo: list[Action]) -> None:
    bench = Bench()
    deploy(bench, a_graph(2, flag=False))
    for action in todo:
        do(bench, action)

    instances, cluster = bench.replayed()
    assert instances == bench.world.instances
    assert cluster == bench.world.settings
    for done in bench.steps:
        assert decode_events(encode_events(done.events)) == done.events
    visits_are_what_events_say(bench)
    whoever_is_somewhere_has_something_to_wait_for(bench)


def visits_are_what_events_say(bench: Bench) -> None:
    """The newest version of every visit: begun as its events say, and over if one says so."""
    kept: dict[int, Element] = {}
    for done in bench.steps:
        kept |= done.touched.elements
    at: dict[int, int] = {}
    seen: dict[int, Element] = {}
    for event in bench.history:
        if isinstance(event, ElementEntered):
            assert event.input is not None
            at[event.process_instance_key] = event.element_instance_key
            seen[event.element_instance_key] = Element(
                event.element_instance_key,
                event.process_instance_key,
                event.node_id,
                event.at,
                event.input,
            )
        elif isinstance(event, ElementLeft):
            key = at.pop(event.process_instance_key)
            assert (kept[key].output, kept[key].left_at) == (event.output, event.at)
            assert kept[key].ending is event.ending is not None
    assert kept.keys() == seen.keys()
    assert {key: kept[key].entered_at for key in kept} == {
        key: seen[key].entered_at for key in seen
    }
    assert {key: kept[key].node_id for key in kept} == {key: seen[key].node_id for key in seen}
    assert {key for key in kept if kept[key].left_at is None} == set(at.values())


def whoever_is_somewhere_has_something_to_wait_for(bench: Bench) -> None:
    """An open instance has a task or a service job, and no incident that nobody can resolve."""
    for instance in bench.world.instances.values():
        assert instance.process.node_id
        assert instance.process.entered_at is not None
        if instance.task is None:
            assert instance.job is not None
            assert instance.job.kind is JobKind.SERVICE_TASK
            assert instance.incident is None
        if instance.process.state is not ProcessState.ACTIVE:
            assert instance.process.due_at is None
