"""What one step has done so far: events, each applied the moment it is emitted.

Later lines of a decision see the effect of earlier ones, so that no rule is written twice. Nothing
here reaches the ``World`` before the step is through.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from signoff_broker.engine.appliers.process import visit_begun, visit_ended
from signoff_broker.engine.budget import Budget
from signoff_broker.engine.evolve import InstanceEvent, applied, evolve_settings, settled
from signoff_broker.engine.state import Instance, Settings, Start, Transition, UserTask
from signoff_broker.engine.world import Touched
from signoff_schemas.events import Event
from signoff_schemas.frozen import frozen
from signoff_schemas.ids import key_of
from signoff_schemas.jobs import ActivatedJob
from signoff_schemas.principal import ENGINE, Principal
from signoff_schemas.process_events import (
    ElementEntered,
    ElementLeft,
    SettingsEvent,
    StartCalledFor,
    StartSettled,
    VariableSet,
)
from signoff_schemas.replies import Outcome
from signoff_schemas.task_events import (
    TaskAssigned,
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskCreating,
    TaskFinished,
    TaskUpdated,
)
from signoff_schemas.values import JobState, Waiter
from signoff_schemas.work import Ending

_LISTED = frozenset((TaskCreating, TaskCreated, TaskAssigned, TaskCompleted, TaskCanceled))
"""After these, work lists show a task otherwise; after an update, only if it was no mere one."""


@frozen
class Asker:
    """Whose command this is, and who waits for its answer."""

    command_id: str = ""
    principal: Principal = ENGINE
    waiter: Waiter | None = None


@frozen
class Released:
    """A held command whose transition ended in this step."""

    command_id: str
    waiters: tuple[Waiter, ...]
    outcome: Outcome


@frozen
class Failed:
    """How and why an instance ends before its token comes to an end."""

    ending: Ending
    reason: str


@dataclass(slots=True)
class Draft:
    """One step in the making. ``now`` is epoch milliseconds, ``position`` the step's own."""

    partition_id: int
    settings: Settings
    now: int
    position: int
    last_key: int
    instance: Instance | None = None
    asker: Asker = Asker()
    exhausted: Collection[str] = ()
    """Job types for which no more callers may be held."""
    events: list[Event] = field(default_factory=list[Event])
    touched: Touched = field(default_factory=Touched)
    released: Released | None = None
    activated: ActivatedJob | None = None
    called_for: Start | None = None
    """What a trigger wants started, if that is what this step is about."""
    failure: Failed | None = None
    """Why the instance ends as soon as the decision is through."""
    budget: Budget = field(default_factory=Budget)

    def emit(self, event: InstanceEvent) -> None:
        """Record an event and apply it at once."""
        self.events.append(event)
        before = self.instance
        after = applied(before, event)
        self._touch(before, after)
        task = after.task
        if task is not None and (before is None or task is not before.task):
            self._touch_task(None if before is None else before.task, task, event)
        else:
            self._touch_rest(before, after, event)
        self.instance = settled(after)

    def settle_start(self, event: StartSettled) -> None:
        """Record that nothing is left to do for what a trigger called for."""
        self.events.append(event)
        self.touched.starts[event.start_key] = None

    def emit_setting(self, event: SettingsEvent) -> None:
        """Record a change of the cluster-wide settings and apply it at once."""
        self.events.append(event)
        self.settings = evolve_settings(self.settings, event)

    def new_key(self) -> int:
        """The partition's next key."""
        self.last_key += 1
        return key_of(self.partition_id, self.last_key)

    @property
    def open(self) -> Instance:
        """The instance that is worked on."""
        assert self.instance is not None, "this step works on no instance"
        return self.instance

    @property
    def task(self) -> UserTask:
        """The instance's open task."""
        task = self.open.task
        assert task is not None, "the instance has no open task"
        return task

    @property
    def transition(self) -> Transition:
        """The open transition of the open task."""
        transition = self.task.transition
        assert transition is not None, "the task is in no transition"
        return transition

    def release(self, transition: Transition, outcome: Outcome) -> None:
        """Decide the command that was held by a transition, if any was."""
        if transition.command_id:
            assert self.released is None, "a step ends at most one held command"
            self.released = Released(transition.command_id, transition.waiters, outcome)

    def _touch(self, before: Instance | None, after: Instance) -> None:
        touched = self.touched
        process, job, incident = after.process, after.job, after.incident
        if before is None or process is not before.process:
            touched.processes[process.key] = process
        known = None if before is None else before.job
        if job is not None and job is not known:
            was_waiting = known is not None and known.state is JobState.ACTIVATABLE
            if was_waiting and job.key not in touched.jobs:
                touched.waited.add(job.key)
            touched.jobs[job.key] = job
        if incident is not None and (before is None or incident is not before.incident):
            touched.incidents[incident.key] = incident

    def _touch_task(self, before: UserTask | None, task: UserTask, event: InstanceEvent) -> None:
        """The task with its new log lines, and whether work lists may have to show it otherwise."""
        touched = self.touched
        touched.tasks[task.key] = task
        if before is not None and task.logged > before.logged and isinstance(event, TaskFinished):
            for number, line in enumerate(event.log, before.logged):
                touched.log[task.key, number] = line
        if type(event) in _LISTED:
            touched.worklist.add(task.key)
        elif isinstance(event, TaskUpdated) and before is not None:
            is_theirs = _whose(task) != _whose(before) or task.work is not before.work
            is_saved = before.transition is not None and before.transition.of_output
            if is_theirs or is_saved or event.variables:
                touched.worklist.add(task.key)

    def _touch_rest(self, before: Instance | None, after: Instance, event: InstanceEvent) -> None:
        """Variables, visits of the token, and what triggers called for."""
        touched, visit = self.touched, None
        if isinstance(event, VariableSet):
            variable = after.variables[event.scope_key][event.name]
            touched.variables[variable.key] = variable
        elif isinstance(event, ElementEntered):
            visit = visit_begun(event)
        elif isinstance(event, ElementLeft) and before is not None:
            begun = touched.elements.get(before.process.element_instance_key)
            visit = visit_ended(before, event, begun)
        elif isinstance(event, StartCalledFor):
            touched.starts[event.start_key] = _start(event)
        if visit is not None:
            touched.elements[visit.key] = visit


def _start(event: StartCalledFor) -> Start:
    return Start(
        key=event.start_key,
        process_id=event.process_id,
        version=event.version,
        variables=event.variables,
        tenant=event.tenant,
        business_id=event.business_id,
        started_by=event.started_by,
        descendants=event.descendants,
    )


def _whose(task: UserTask) -> tuple[object, ...]:
    """What of a task's attributes says who may find it."""
    attributes = task.attributes
    return attributes.assignee, attributes.candidate_users, attributes.candidate_groups
