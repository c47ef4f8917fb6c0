"""Laws that hold whatever is sent, in whatever order (Hypothesis)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signoff_broker.engine.state import Settings
from signoff_broker.engine.world import Step, World
from signoff_schemas.codec import decode_entry, decode_events, encode_entry, encode_events
from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    Command,
    CompleteTask,
    CreateGlobalListener,
    CreateUserTask,
    DeleteGlobalListener,
    Deploy,
    ResolveIncident,
    Resource,
    SetVariables,
    StartProcess,
    UpdateJob,
    UpdateTask,
    Withdraw,
)
from signoff_schemas.envelope import Entry
from signoff_schemas.graph import Mapping
from signoff_schemas.replies import Reply, Waiting
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError, WorkerResult, YieldJob
from signoff_schemas.timers import ActivateJob, RecurJob, ReturnJob, TimeOutJob, Timer
from signoff_schemas.values import GlobalListener, JobResult, Listener, ListenerEvent
from tests.support.engine import Bench, a_job_node, a_task_node, process_of

EVENTS = list(ListenerEvent)
Action = tuple[str, dict[str, Any]]


class Run:
    """A bench that is driven by actions, and remembers what each command was told."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.keys: list[int] = [1]
        self.entries: list[Entry] = []
        self.told: dict[str, list[Reply | Waiting]] = {}

    def do(self, action: Action) -> None:
        name, drawn = action
        key = self._key_for(name, drawn["pick"])
        self.bench.now += 700
        if name == "again":
            self._again(drawn)
        elif name in TIMERS:
            self._keep(self.bench.fire(TIMERS[name](key, drawn)))
        else:
            body = COMMANDS[name](key, drawn, self.entries)
            entry = decode_entry(encode_entry(self.bench.entry(body)))
            self.entries.append(entry)
            self._keep(self._checked(entry))

    def _key_for(self, name: str, pick: int) -> int:
        """Mostly the key of something open that the action is about; now and then any other."""
        noun = NOUNS.get(name, "process")
        found = [getattr(each, noun) for each in self.bench.world.instances.values()]
        fitting = [each.key for each in found if each is not None]
        if name == "set":
            fitting += [each.element_instance_key for each in found if each is not None]
        if not fitting or pick == 0:
            return self.keys[-1 - pick % len(self.keys)]
        return fitting[-1 - pick % len(fitting)]

    def _again(self, drawn: dict[str, Any]) -> None:
        if self.entries:
            entry = self.entries[-1 - drawn["pick"] % min(len(self.entries), 4)]
            request_id = f"again-{len(self.bench.steps)}"
            self._keep(self._checked(entry.model_copy(update={"request_id": request_id})))

    def _checked(self, entry: Entry) -> Step:
        """Step, and hold the law that a refusal changes nothing."""
        world = self.bench.world
        before = (dict(world.instances), dict(world.index), world.settings, world.last_key)
        done = self.bench.submit(entry)
        refused = done.outcome is not None and done.outcome.rejection is not None
        if refused and not isinstance(entry.body, UpdateJob):
            assert done.events == ()
            assert before == (world.instances, world.index, world.settings, world.last_key)
        return done

    def _keep(self, done: Step) -> None:
        for out in done.messages:
            if isinstance(out.message, Reply | Waiting):
                self.told.setdefault(out.message.request_id, []).append(out.message)
        for event in done.events:
            found = [getattr(event, name, None) for name in KEY_FIELDS]
            self.keys += [key for key in found if isinstance(key, int) and key not in self.keys]


NOUNS = {
    **dict.fromkeys(("assign", "claim", "update", "complete"), "task"),
    **dict.fromkeys(("job", "job2", "fail", "error", "yield", "retries"), "job"),
    **dict.fromkeys(("activate", "timeout", "recur", "return"), "job"),
    "resolve": "incident",
}
KEY_FIELDS = (
    "process_instance_key",
    "element_instance_key",
    "task_key",
    "job_key",
    "incident_key",
)


def _hooks(drawn: dict[str, Any]) -> tuple[Listener, ...]:
    types = ("l1", "=known" if drawn["flag"] else "l3", "l2")
    return tuple(Listener(event, types[n]) for n, event in enumerate(drawn["events"]))


def _start(_key: int, drawn: dict[str, Any], _entries: list[Entry]) -> Command:
    return StartProcess(process_id="p", variables={"known": "x"} if drawn["flag"] else {})


def _deploy(_key: int, drawn: dict[str, Any], _entries: list[Entry]) -> Command:
    task = a_task_node(
        assignee=drawn["text"],
        listeners=_hooks(drawn),
        outputs=(Mapping("=x", "y"),) if drawn["flag"] else (),
    )
    nodes = (a_job_node(), task) if drawn["number"] else (task, a_task_node(id="last"))
    resource = Resource(name="p", digest=str(drawn["pick"]), processes=(process_of(*nodes),))
    return Deploy(resources=(resource,))


def _answer(key: int, drawn: dict[str, Any], _entries: list[Entry]) -> WorkerResult:
    corrections = {"priority": drawn["number"] + 1, "assignee": drawn["text"]}
    result = JobResult(denied=drawn["flag"])
    if not drawn["flag"] and drawn["pick"] % 2:
        result = JobResult(corrections=corrections)
    token = "3" if drawn["number"] == 3 else None
    return CompleteJob(job_key=key, result=result, lease_token=token)


def _listener(_key: int, drawn: dict[str, Any], _entries: list[Entry]) -> Command:
    if drawn["flag"] or not drawn["events"]:
        return DeleteGlobalListener(id="g")
    events = tuple(drawn["events"])
    return CreateGlobalListener(listener=GlobalListener(id="g", job_type="g", events=events))


def _withdraw(_key: int, drawn: dict[str, Any], entries: list[Entry]) -> Command:
    target = entries[-1 - drawn["pick"] % min(len(entries), 4)].id if entries else "c1-none"
    return Withdraw(target=target)


COMMANDS: dict[str, Any] = {
    "create": lambda _k, d, _e: CreateUserTask(
        node=a_task_node(assignee=d["text"], listeners=_hooks(d))
    ),
    "deploy": _deploy,
    "start": _start,
    "assign": lambda k, d, _e: AssignTask(task_key=k, assignee=d["text"]),
    "claim": lambda k, d, _e: ClaimTask(task_key=k, assignee=d["text"]),
    "update": lambda k, d, _e: UpdateTask(task_key=k, changes={"priority": d["number"]}),
    "complete": lambda k, d, _e: CompleteTask(task_key=k, variables={"x": d["number"]}),
    "set": lambda k, d, _e: SetVariables(
        scope_key=k, variables={"known": d["text"]}, local=d["flag"]
    ),
    "cancel": lambda k, _d, _e: CancelProcess(process_instance_key=k),
    "job": _answer,
    "job2": _answer,
    "fail": lambda k, d, _e: FailJob(
        job_key=k, retries=d["number"], back_off_ms=500 * d["flag"], variables={"f": 1}
    ),
    "error": lambda k, _d, _e: ThrowJobError(job_key=k, error_code="E"),
    "yield": lambda k, d, _e: YieldJob(job_key=k, lease_token=str(d["pick"])),
    "retries": lambda k, d, _e: UpdateJob(job_key=k, retries=d["number"], timeout_ms=5),
    "resolve": lambda k, _d, _e: ResolveIncident(incident_key=k),
    "listener": _listener,
    "withdraw": _withdraw,
}


def _activation(key: int, _drawn: dict[str, Any]) -> Timer:
    return ActivateJob(job_key=key, subscriber="s", inbox=0, slot="s", worker="w", timeout_ms=1_000)


TIMERS: dict[str, Any] = {
    "activate": _activation,
    "timeout": lambda k, _d: TimeOutJob(job_key=k),
    "recur": lambda k, _d: RecurJob(job_key=k),
    "return": lambda k, _d: ReturnJob(job_key=k),
}
NAMES = [*COMMANDS, *TIMERS, "again"]
DRAWN = st.fixed_dictionaries(
    {
        "pick": st.integers(0, 20),
        "text": st.sampled_from(["", "ann", "bob"]),
        "number": st.integers(-1, 3),
        "flag": st.booleans(),
        "events": st.lists(st.sampled_from(EVENTS), max_size=3),
    }
)
"""One thing to do; the numbers pick among the keys and ids that exist by then."""
ACTIONS = st.tuples(st.sampled_from(NAMES), DRAWN)


@settings(max_examples=150)
@given(st.lists(ACTIONS, min_size=20, max_size=60))
def test_whatever_happens(todo: list[Action]) -> None:
    run = Run()
    run.do(("deploy", {"pick": 0, "text": "", "number": 0, "flag": False, "events": EVENTS[:2]}))
    for action in todo:
        run.do(action)

    replayed_state_is_the_live_state(run)
    events_survive_their_encoding(run)
    everyone_is_answered_once(run)
    what_is_stored_is_the_newest(run)


def replayed_state_is_the_live_state(run: Run) -> None:
    instances, cluster = run.bench.replayed()
    assert instances == run.bench.world.instances
    assert cluster == run.bench.world.settings


def events_survive_their_encoding(run: Run) -> None:
    for done in run.bench.steps:
        assert decode_events(encode_events(done.events)) == done.events


def everyone_is_answered_once(run: Run) -> None:
    """Every request hears one outcome, after at most one mark that it waits; or still waits."""
    held = {
        waiter.request_id
        for instance in run.bench.world.instances.values()
        if instance.task and instance.task.transition
        for waiter in instance.task.transition.waiters
    }
    for heard in run.told.values():
        replies = [message for message in heard if isinstance(message, Reply)]
        request_id = heard[0].request_id
        assert len(replies) == (0 if request_id in held else 1)
        assert len(heard) <= 2
    asked = {entry.request_id for entry in run.entries if not isinstance(entry.body, YieldJob)}
    assert asked <= run.told.keys()
    decided: list[str] = []
    for done in run.bench.steps:
        decided += [done.answers] if done.answers else []
    assert len(decided) == len(set(decided))


def what_is_stored_is_the_newest(run: Run) -> None:
    """The entities that steps touched, the newest of each, are those that are open."""
    tasks: dict[int, Any] = {}
    jobs: dict[int, Any] = {}
    incidents: dict[int, Any] = {}
    processes: dict[int, Any] = {}
    for done in run.bench.steps:
        tasks |= done.touched.tasks
        jobs |= done.touched.jobs
        incidents |= done.touched.incidents
        processes |= done.touched.processes
    for instance in run.bench.world.instances.values():
        assert processes[instance.process.key] == instance.process
        assert instance.task is None or tasks[instance.task.key] == instance.task
        assert instance.job is None or jobs[instance.job.key] == instance.job
        assert instance.incident is None or incidents[instance.incident.key] == instance.incident
    open_jobs = {each.job.key for each in run.bench.world.instances.values() if each.job}
    assert {key for key, job in jobs.items() if job.ended_at is None} == open_jobs


def test_step_that_raises_leaves_the_world_as_it_was() -> None:
    """A definition that is not there is a bug: it is found out after the first event."""
    bench = Bench()
    process = bench.start(a_job_node(), a_task_node())
    job = bench.job(process).key
    there = bench.world.settings
    bench.world.settings = Settings()
    before = _copy(bench.world)
    entry = bench.entry(CompleteJob(job_key=job))

    with pytest.raises(KeyError):
        bench.submit(entry)

    assert _copy(bench.world) == before
    bench.world.settings = there
    assert bench.submit(entry).recorded


def _copy(world: World) -> World:
    return replace(
        world,
        instances=dict(world.instances),
        index=dict(world.index),
        known=dict(world.known),
    )
