"""Move due dates off weekends: `signoff worker due_date_correction:listeners`."""

from datetime import datetime, timedelta

from signoff_worker import ListenerJob, Listeners, Outcome, complete, correct

FRIDAY = 4

listeners = Listeners()


def next_workday(date: datetime) -> datetime:
    """The date itself, or the Monday after it."""
    beyond_friday = date.weekday() - FRIDAY
    return date + timedelta(days=3 - beyond_friday) if beyond_friday > 0 else date


@listeners.on("creating", "updating", job_type="move-due-date")
async def move_due_date(job: ListenerJob) -> Outcome:
    """Correct a due date that falls on a weekend."""
    if job.due_date is None or job.due_date == next_workday(job.due_date):
        return complete()
    return correct(due_date=next_workday(job.due_date))
