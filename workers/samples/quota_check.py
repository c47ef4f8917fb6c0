"""Deny assignments to people who have enough to do: `signoff worker quota_check:listeners`."""

from signoff_worker import ListenerJob, Listeners, Outcome, complete, deny

TASKS_MAX = 3

listeners = Listeners()
tasks_of: dict[str, set[str]] = {}
"""Assignee to the tasks that this worker let them have; a real one would ask a database."""


@listeners.on("assigning", job_type="check-quota")
async def check_quota(job: ListenerJob) -> Outcome:
    """Let everybody have three tasks. A repeated job is judged alike: tasks are counted once."""
    if job.assignee is None:
        return complete()
    tasks = tasks_of.setdefault(job.assignee, set())
    if job.task_key not in tasks and len(tasks) >= TASKS_MAX:
        return deny(f"{job.assignee} has {len(tasks)} tasks already")
    tasks.add(job.task_key)
    return complete()
