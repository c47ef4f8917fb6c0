"""Index of commands: who decides each, one match arm each, exhaustive.

A decision refuses before it emits anything (but for an update of a job, half of which may hold),
and gives what was made, if anything was. What follows from it in the process is done here too.
"""

from typing import assert_never

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.processors import incident, job, process, settings, user_task, variables
from signoff_schemas import commands, results, timers
from signoff_schemas.rejections import Rejection
from signoff_schemas.results import YieldJob
from signoff_schemas.timers import Timer

Result = dict[str, object]
Request = (
    commands.CreateUserTask
    | commands.AssignTask
    | commands.ClaimTask
    | commands.UpdateTask
    | commands.CompleteTask
    | commands.SetVariables
    | commands.StartProcess
    | commands.CancelProcess
    | commands.UpdateJob
    | commands.ResolveIncident
    | commands.Deploy
    | commands.CreateGlobalListener
    | commands.UpdateGlobalListener
    | commands.DeleteGlobalListener
    | commands.ConfigureGlobalListeners
    | results.CompleteJob
    | results.FailJob
    | results.ThrowJobError
)
"""What is answered. (Withdrawals are too: see ``duplicates``.)"""


def decide(draft: Draft, request: Request) -> Result | Rejection | None:
    """Emit what the request does, with all that follows from it; or refuse it."""
    decision = _decide(draft, request)
    process.follow(draft)
    return decision


def decide_timer(draft: Draft, timer: Timer | YieldJob) -> None:
    """Emit what a due timer, or a job that comes back, does: nothing if it is too late."""
    match timer:
        case timers.ActivateJob():
            job.activate(draft, timer)
        case timers.TimeOutJob():
            job.time_out(draft, timer)
        case timers.RecurJob():
            job.recur(draft, timer)
        case timers.ReturnJob():
            job.take_back(draft, timer)
        case YieldJob():
            job.give_back(draft, timer)
        case _:
            assert_never(timer)


def _decide(draft: Draft, request: Request) -> Result | Rejection | None:
    match request:
        case results.CompleteJob():
            return job.complete(draft, request)
        case commands.UpdateTask():
            return user_task.update(draft, request)
        case commands.AssignTask():
            return user_task.assign(draft, request)
        case commands.ClaimTask():
            return user_task.claim(draft, request)
        case commands.CompleteTask():
            return user_task.complete(draft, request)
        case commands.CreateUserTask():
            return process.create_task(draft, request)
        case commands.StartProcess():
            return process.start(draft, request)
        case commands.CancelProcess():
            return process.cancel(draft, request)
        case commands.SetVariables():
            return variables.set_variables(draft, request)
        case results.FailJob():
            return job.fail(draft, request)
        case results.ThrowJobError():
            return job.throw_error(draft, request)
        case commands.UpdateJob():
            return job.update(draft, request)
        case commands.ResolveIncident():
            return incident.resolve(draft, request)
        case commands.Deploy():
            return settings.deploy(draft, request)
        case commands.CreateGlobalListener():
            return settings.create_listener(draft, request)
        case commands.UpdateGlobalListener():
            return settings.update_listener(draft, request)
        case commands.DeleteGlobalListener():
            return settings.delete_listener(draft, request)
        case commands.ConfigureGlobalListeners():
            settings.configure_listeners(draft, request)
            return None
        case _:
            assert_never(request)
