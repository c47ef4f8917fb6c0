"""The listener that is measured: `signoff worker tests.benchmarks.listeners:listeners`."""

from signoff_worker import ListenerJob, Listeners, Outcome, complete

listeners = Listeners()


@listeners.on("updating", job_type="benchmark")
async def accept(_job: ListenerJob) -> Outcome:
    """Accept at once."""
    return complete()
