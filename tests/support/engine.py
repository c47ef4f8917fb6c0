"""A partition's engine on a bench: commands go in under made-up ids, the clock stands still."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from signoff_broker.engine.evolve import evolve, evolve_settings
from signoff_broker.engine.state import Instance, Job, Settings, UserTask
from signoff_broker.engine.step import step, step_timer
from signoff_broker.engine.world import Step, World
from signoff_schemas.commands import Command, CreateUserTask, Deploy, Resource, StartProcess
from signoff_schemas.envelope import Entry
from signoff_schemas.events import Event
from signoff_schemas.graph import EndNode, JobNode, Node, ProcessGraph, StartNode, UserTaskNode
from signoff_schemas.jobs import ActivatedJob, JobPush
from signoff_schemas.principal import Grant, Principal
from signoff_schemas.process_events import SettingsEvent, StartSettled
from signoff_schemas.rejections import Rejection
from signoff_schemas.replies import Reply, Waiting
from signoff_schemas.results import CompleteJob, WorkerResult
from signoff_schemas.templates import Frame, Value
from signoff_schemas.timers import ActivateJob, Timer
from signoff_schemas.values import Inbox, JobResult, Listener, ListenerEvent
from signoff_schemas.work import LogEntry

_PROCESS_VERBS = (
    "CREATE_PROCESS_INSTANCE",
    "UPDATE_PROCESS_INSTANCE",
    "CANCEL_PROCESS_INSTANCE",
    "UPDATE_USER_TASK",
)
_LISTENER_VERBS = ("CREATE_TASK_LISTENER", "UPDATE_TASK_LISTENER", "DELETE_TASK_LISTENER")
EVERYTHING = (
    Grant("PROCESS_DEFINITION", "*", _PROCESS_VERBS),
    Grant("RESOURCE", "*", ("CREATE", "DELETE")),
    Grant("GLOBAL_LISTENER", "*", _LISTENER_VERBS),
)
"""Grants for all but shared work, where who somebody is to a task matters."""
SOMEBODY = Principal("demo", grants=EVERYTHING)
MODELLER = Principal("modeller", grants=EVERYTHING)
GATEWAY = Inbox(partition=3, gateway="g1")


def listeners(event: ListenerEvent, *job_types: str) -> tuple[Listener, ...]:
    return tuple(Listener(event, job_type) for job_type in job_types)


@dataclass
class Bench:
    """A world, a clock, and all that happened."""

    world: World = field(default_factory=lambda: World(partition_id=1))
    now: int = 1_000_000
    history: list[Event] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def entry(self, body: Command | WorkerResult, **given: Any) -> Entry:
        number = next(self._numbers)
        values: dict[str, Any] = {
            "id": f"c1-{number}",
            "request_id": f"r{number}",
            "partition": 1,
            "principal": SOMEBODY,
            "inbox": GATEWAY,
            "issued_at": self.now,
            "body": body,
        }
        return Entry(**{**values, **given})

    def send(self, body: Command | WorkerResult, **given: Any) -> Step:
        return self.submit(self.entry(body, **given))

    def submit(self, entry: Entry) -> Step:
        return self._keep(step(self.world, entry, now=self.now, position=len(self.steps) + 1))

    def fire(self, timer: Timer) -> Step:
        done = step_timer(self.world, timer, now=self.now, position=len(self.steps) + 1)
        return self._keep(done)

    def activate(
        self, job_key: int, *, timeout_ms: int = 60_000, fetch: tuple[str, ...] = ()
    ) -> ActivatedJob | None:
        timer = ActivateJob(
            job_key=job_key,
            subscriber="s1",
            inbox=5,
            slot="slot",
            worker="w",
            timeout_ms=timeout_ms,
            fetch=fetch,
        )
        pushes = [
            out.message.job for out in self.fire(timer).messages if isinstance(out.message, JobPush)
        ]
        return pushes[0] if pushes else None

    def create(
        self, *hooks: Listener, variables: dict[str, object] | None = None, **node: Any
    ) -> int:
        """A stand-alone task; gives its key."""
        values: dict[str, Any] = {"id": "review", "next": "", "listeners": hooks, **node}
        made = UserTaskNode(**values)
        return result_of(self.send(CreateUserTask(node=made, variables=variables or {})))[
            "task_key"
        ]

    def start(self, *nodes: UserTaskNode | JobNode, **variables: object) -> int:
        """An instance of a process of these nodes; gives its key."""
        graph = process_of(*nodes)
        resource = Resource(name="p", digest=str(len(self.steps)), processes=(graph,))
        self.send(Deploy(resources=(resource,)))
        return result_of(self.send(StartProcess(process_id="p", variables=variables)))[
            "process_instance_key"
        ]

    def share(self, *hooks: Listener, by: Principal = SOMEBODY, **given: Any) -> int:
        """A task whose node gives it a policy (``given``) in a process with a frame; its key."""
        rule, seconds = given.pop("rule", ""), given.pop("timeout_seconds", 0)
        node = a_task_node(listeners=hooks, policy=Value(value=given), rule=rule)
        graph = process_of(node, process_id="shared")
        framed = graph.model_copy(update={"frame": Frame("process"), "timeout_seconds": seconds})
        resource = Resource(name="shared", digest=str(len(self.steps)), processes=(framed,))
        self.send(Deploy(resources=(resource,)), principal=MODELLER)
        starter = replace(by, grants=(*by.grants, *EVERYTHING))
        made = self.send(StartProcess(process_id="shared"), principal=starter)
        task = self.instance(result_of(made)["process_instance_key"]).task
        assert task is not None
        return task.key

    def complete_listener(self, key: int, **result: Any) -> Step:
        """Answer the open listener job of the instance that a key belongs to."""
        return self.send(CompleteJob(job_key=self.job(key).key, result=JobResult(**result)))

    def ended(self, key: int) -> UserTask:
        """The task as it was stored last, also after its end."""
        return next(
            done.touched.tasks[key] for done in self.steps[::-1] if key in done.touched.tasks
        )

    def log(self, key: int) -> list[LogEntry]:
        """The task's log, as it was stored."""
        lines = {at: line for done in self.steps for at, line in done.touched.log.items()}
        numbers = sorted(number for task, number in lines if task == key)
        assert numbers == list(range(self.ended(key).logged))
        return [lines[key, number] for number in numbers]

    def task(self, key: int) -> UserTask:
        task = self.instance(key).task
        assert task is not None
        return task

    def job(self, key: int) -> Job:
        """The open job of the instance that a key belongs to."""
        job = self.instance(key).job
        assert job is not None
        return job

    def instance(self, key: int) -> Instance:
        instance = self.world.find(key)
        assert instance is not None
        return instance

    def replayed(self) -> tuple[dict[int, Instance], Settings]:
        """What the events alone make of it."""
        instances: dict[int, Instance] = {}
        settings = Settings()
        for event in self.history:
            if isinstance(event, SettingsEvent):
                settings = evolve_settings(settings, event)
            elif not isinstance(event, StartSettled):
                key = event.process_instance_key
                instances[key] = evolve(instances.get(key), event)
        running = {key: each for key, each in instances.items() if each.process.ended_at is None}
        return running, settings

    def _keep(self, done: Step) -> Step:
        self.steps.append(done)
        self.history += done.events
        return done


def result_of(done: Step) -> dict[str, Any]:
    assert done.outcome is not None
    assert done.outcome.rejection is None, done.outcome.rejection
    return done.outcome.result


def refusal_of(done: Step) -> Rejection:
    """The refusal that a step's own caller hears."""
    own = done.messages[0].message
    assert isinstance(own, Reply)
    assert own.outcome.rejection is not None, own.outcome
    return own.outcome.rejection


def types_of(done: Step) -> list[str]:
    return [event.type for event in done.events]


def replies_of(done: Step) -> dict[str, Reply | Waiting]:
    """Answers by request id."""
    return {
        out.message.request_id: out.message
        for out in done.messages
        if isinstance(out.message, Reply | Waiting)
    }


def process_of(*nodes: UserTaskNode | JobNode, process_id: str = "p") -> ProcessGraph:
    """A sequence: start, these nodes (their ``next`` is filled in), end."""
    names = [*(node.id for node in nodes), "end"]
    linked = [
        node.model_copy(update={"next": after})
        for node, after in zip(nodes, names[1:], strict=True)
    ]
    all_nodes: dict[str, Node] = {
        "start": StartNode(id="start", next=names[0]),
        **{node.id: node for node in linked},
        "end": EndNode(id="end"),
    }
    return ProcessGraph(process_id=process_id, start="start", nodes=all_nodes)


def a_task_node(**given: Any) -> UserTaskNode:
    return UserTaskNode.model_validate({"id": "review", "next": "", **given})


def a_job_node(**given: Any) -> JobNode:
    return JobNode.model_validate({"id": "work", "next": "", "job_type": "work", **given})
