"""Which instance a command is about: the keys by which the loop loads it."""

from signoff_schemas import commands, results, timers, work_commands
from signoff_schemas.commands import Command
from signoff_schemas.limits import INT64_MAX
from signoff_schemas.results import WorkerResult
from signoff_schemas.timers import Timer

_BY_TASK = (
    commands.UpdateTask,
    commands.AssignTask,
    commands.ClaimTask,
    commands.CompleteTask,
    work_commands.TakeTask,
    work_commands.ReleaseTask,
    work_commands.SkipAssignment,
    work_commands.ReassignTask,
    work_commands.SaveOutput,
    work_commands.FinishTask,
    work_commands.RemoveTask,
    timers.ExpireAssignment,
)
_BY_JOB = (
    results.CompleteJob,
    results.FailJob,
    results.ThrowJobError,
    results.YieldJob,
    commands.UpdateJob,
    timers.ActivateJob,
    timers.TimeOutJob,
    timers.RecurJob,
    timers.ReturnJob,
)


def keys_named_by(body: Command | WorkerResult | Timer) -> tuple[int, ...]:
    """Keys that must be loaded before the step; none for what makes or names no instance.

    A withdrawal names a command, not a key: the instance of a waiting command is named by what is
    on record of it (``Known.instance_key``).
    """
    key = _named(body)
    return (key,) if 0 < key <= INT64_MAX else ()


def _named(body: Command | WorkerResult | Timer) -> int:
    if isinstance(body, _BY_TASK):
        return body.task_key
    if isinstance(body, _BY_JOB):
        return body.job_key
    if isinstance(body, commands.SetVariables):
        return body.scope_key
    if isinstance(body, commands.CancelProcess | timers.TimeOutNode):
        return body.process_instance_key
    if isinstance(body, commands.ResolveIncident):
        return body.incident_key
    return 0
