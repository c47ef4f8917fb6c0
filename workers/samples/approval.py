"""Four eyes: who asked for the money does not approve it: `signoff worker approval:listeners`."""

from signoff_worker import Fail, ListenerJob, Listeners, Outcome, complete, deny

listeners = Listeners()


@listeners.on("completing", job_type="four-eyes", variables=("requester", "approved"))
async def four_eyes(job: ListenerJob) -> Outcome:
    """Deny a completion by the requester, and one without a decision."""
    requester = job.variables.get("requester")
    if requester is None:
        raise Fail("the process gave no 'requester': nobody can tell who may approve")
    if job.assignee == requester:
        return deny(f"{requester} asked for it and cannot approve it")
    if not isinstance(job.variables.get("approved"), bool):
        return deny("say whether it is approved")
    return complete()
