"""Index of commands: who decides each, one match arm each, exhaustive.

A decision refuses before it emits anything (but for an update of a job, half of which may hold),
and gives what was made, if anything was. What follows from it in the process is done here too.
"""

from typing import assert_never

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.processors import (
    documents,
    incident,
    job,
    permits,
    process,
    settings,
    user_task,
    variables,
    work,
    work_output,
)
from signoff_schemas import commands, results, timers, work_commands
from signoff_schemas.documents import DeleteDocument, DocumentCommand, PutDocument
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
    | commands.DeleteDefinition
    | DocumentCommand
    | commands.CreateGlobalListener
    | commands.UpdateGlobalListener
    | commands.DeleteGlobalListener
    | commands.ConfigureGlobalListeners
    | work_commands.WorkCommand
    | results.CompleteJob
    | results.FailJob
    | results.ThrowJobError
)
"""What is answered. (Withdrawals are too: see ``duplicates``.)"""


def decide(draft: Draft, request: Request) -> Result | Rejection | None:
    """Emit what the request does, with all that follows from it; or refuse it."""
    decision = permits.must_be_permitted(draft, request) or _decide(draft, request)
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
        case timers.TimeOutNode():
            process.time_out(draft, timer)
        case timers.StartTriggered():
            process.start_triggered(draft, timer)
        case timers.ExpireAssignment():
            work.expire(draft, timer)
        case _:
            assert_never(timer)
    process.follow(draft)


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
        case commands.DeleteDefinition():
            return settings.delete_definition(draft, request)
        case PutDocument():
            return documents.put(draft, request)
        case DeleteDocument():
            return documents.delete(draft, request)
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
            return _decide_work(draft, request)


def _decide_work(draft: Draft, request: work_commands.WorkCommand) -> Rejection | None:
    match request:
        case work_commands.TakeTask():
            return work.take(draft, request)
        case work_commands.ReleaseTask():
            return work.release(draft, request)
        case work_commands.SkipAssignment():
            return work.skip(draft, request)
        case work_commands.ReassignTask():
            return work.reassign(draft, request)
        case work_commands.SaveOutput():
            return work_output.save(draft, request)
        case work_commands.FinishTask():
            return work_output.finish(draft, request)
        case work_commands.RemoveTask():
            return work.remove(draft, request)
        case _:
            assert_never(request)
