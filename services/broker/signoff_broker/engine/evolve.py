"""Index of events: what each does to state, one match arm each, exhaustive.

``evolve`` is total on what ``decide`` produces: it never refuses, asks no clock and looks at
nothing but state and event. Entities that ended are dropped once they were seen, so that a state
that was loaded, lived through or replayed is the same.
"""

from dataclasses import replace
from typing import assert_never

from signoff_broker.engine.appliers import incident, job, process, settings, user_task
from signoff_broker.engine.state import Incident, Instance, Job, Settings, UserTask
from signoff_schemas import documents
from signoff_schemas import job_events as jobs
from signoff_schemas import process_events as processes
from signoff_schemas import task_events as tasks
from signoff_schemas.limits import DESCENDANTS_MAX
from signoff_schemas.process_events import ProcessEvent, SettingsEvent
from signoff_schemas.values import IncidentState, JobKind, JobState, TaskState

InstanceEvent = tasks.TaskEvent | jobs.JobEvent | jobs.IncidentEvent | ProcessEvent

_ENDED_TASKS = (TaskState.COMPLETED, TaskState.CANCELED)
_ENDED_JOBS = (JobState.COMPLETED, JobState.CANCELED)


def evolve(instance: Instance | None, event: InstanceEvent) -> Instance:
    """The instance after an event; ``None`` only before its first."""
    return settled(applied(instance, event))


def applied(instance: Instance | None, event: InstanceEvent) -> Instance:
    """The instance right after an event, still with what the event ended."""
    if isinstance(event, processes.ProcessStarted):
        return process.started(event)
    assert instance is not None, "an instance begins with its ProcessStarted"
    if isinstance(event, tasks.TaskEvent):
        after = _with_task(instance, _task(instance.task, event))
        if instance.process.descendants < DESCENDANTS_MAX and _was_asked_for(instance, event):
            after = replace(after, process=process.begun_anew(after.process))
        return after
    if isinstance(event, jobs.JobEvent):
        return _with_job(instance, event)
    if isinstance(event, jobs.IncidentEvent):
        return replace(instance, incident=_incident(instance.incident, event))
    return _process(instance, event)


def settled(instance: Instance) -> Instance:
    """The instance without what ended in it."""
    task, open_job, open_incident = instance.task, instance.job, instance.incident
    if task is not None and task.state in _ENDED_TASKS:
        instance = _with_task(instance, None)
    if open_job is not None and open_job.state in _ENDED_JOBS:
        instance = _put_job(instance, None)
    if open_incident is not None and open_incident.state is IncidentState.RESOLVED:
        instance = replace(instance, incident=None)
    return instance


def evolve_settings(current: Settings, event: SettingsEvent) -> Settings:
    """The cluster-wide settings after an event."""
    match event:
        case processes.DefinitionDeployed():
            return settings.definition_deployed(current, event)
        case processes.DefinitionDeleted():
            return settings.definition_deleted(current, event)
        case documents.DocumentSet():
            return settings.document_set(current, event)
        case documents.DocumentDeleted():
            return settings.document_deleted(current, event)
        case processes.FormDeployed():
            return settings.form_deployed(current, event)
        case processes.ResourceDeployed():
            return settings.resource_deployed(current, event)
        case processes.GlobalListenerSet():
            return settings.global_listener_set(current, event)
        case processes.GlobalListenerDeleted():
            return settings.global_listener_deleted(current, event)
        case _:
            assert_never(event)


def _with_task(instance: Instance, task: UserTask | None) -> Instance:
    """Part by part: ``replace`` takes twice as long, and most events come through here."""
    return Instance(instance.process, task, instance.job, instance.incident, instance.variables)


def _was_asked_for(instance: Instance, event: tasks.TaskEvent) -> bool:
    """Whether something took effect that somebody wanted done with the task."""
    transition = None if instance.task is None else instance.task.transition
    asked = transition is not None and bool(transition.command_id)
    return asked and isinstance(event, tasks.TaskFinished)


def _task(task: UserTask | None, event: tasks.TaskEvent) -> UserTask:
    if isinstance(event, tasks.TaskCreating):
        return user_task.creating(event)
    assert task is not None, f"{event.type} of no task"
    match event:
        case (
            tasks.TaskUpdating()
            | tasks.TaskAssigning()
            | tasks.TaskClaiming()
            | tasks.TaskCompleting()
            | tasks.TaskCanceling()
        ):
            return user_task.begun(task, event)
        case tasks.TaskUpdated() | tasks.TaskAssigned() | tasks.TaskCreated():
            return user_task.finished(task, event, TaskState.CREATED)
        case tasks.TaskCompleted():
            return user_task.finished(task, event, TaskState.COMPLETED)
        case tasks.TaskCanceled():
            return user_task.finished(task, event, TaskState.CANCELED)
        case tasks.TaskCorrected():
            return user_task.corrected(task, event)
        case tasks.TransitionDenied():
            return user_task.denied(task, event)
        case tasks.TransitionRetried():
            return user_task.retried(task)
        case tasks.WaiterJoined():
            return user_task.waiter_joined(task, event)
        case _:
            assert_never(event)


def _put_job(instance: Instance, open_job: Job | None) -> Instance:
    return Instance(
        instance.process, instance.task, open_job, instance.incident, instance.variables
    )


def _with_job(instance: Instance, event: jobs.JobEvent) -> Instance:
    """A completed listener job is also its transition's business, unless it denied."""
    after = _put_job(instance, _job(instance.job, event))
    if isinstance(event, jobs.JobCompleted) and not event.result.denied:
        done, task = after.job, after.task
        if done is not None and done.kind is JobKind.TASK_LISTENER and task is not None:
            return _with_task(after, user_task.listened(task))
    return after


def _job(open_job: Job | None, event: jobs.JobEvent) -> Job:
    if isinstance(event, jobs.JobCreated):
        return job.created(event)
    assert open_job is not None, f"{event.type} of no job"
    match event:
        case jobs.JobActivated():
            return job.activated(open_job, event)
        case jobs.JobCompleted():
            return job.completed(open_job, event)
        case jobs.JobFailed():
            return job.failed(open_job, event)
        case jobs.JobErrorThrown():
            return job.error_thrown(open_job, event)
        case jobs.JobTimedOut():
            return job.timed_out(open_job, event)
        case jobs.JobRecurred():
            return job.recurred(open_job, event)
        case jobs.JobYielded():
            return job.yielded(open_job, event)
        case jobs.JobCanceled():
            return job.canceled(open_job, event)
        case jobs.JobRetriesUpdated():
            return job.retries_updated(open_job, event)
        case jobs.JobTimeoutUpdated():
            return job.timeout_updated(open_job, event)
        case jobs.JobPriorityUpdated():
            return job.priority_updated(open_job, event)
        case jobs.JobReleased():
            return job.released(open_job, event)
        case _:
            assert_never(event)


def _incident(open_incident: Incident | None, event: jobs.IncidentEvent) -> Incident:
    match event:
        case jobs.IncidentCreated():
            return incident.created(event)
        case jobs.IncidentResolved():
            assert open_incident is not None, "an incident is resolved that is not open"
            return incident.resolved(open_incident, event)
        case _:
            assert_never(event)


def _process(instance: Instance, event: ProcessEvent) -> Instance:
    match event:
        case processes.ElementEntered():
            return process.entered(instance, event)
        case processes.ElementLeft():
            return process.left(instance, event)
        case processes.ElementTimedOut():
            return process.timed_out(instance, event)
        case processes.VariableSet():
            return process.variable_set(instance, event)
        case processes.ProcessTerminating():
            return process.terminating(instance, event)
        case processes.ProcessCompleted():
            return process.completed(instance, event)
        case processes.ProcessTerminated():
            return process.terminated(instance, event)
        case processes.ProcessStarted():
            return process.started(event)
        case processes.StartCalledFor():
            return process.called_for(instance, event)
        case _:
            assert_never(event)
