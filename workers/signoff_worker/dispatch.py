"""One job to one handler to one answer: an outcome, or how it failed."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from signoff_worker.errors import Fail, Retry
from signoff_worker.job import ListenerJob, Outcome, outcome_of
from signoff_worker.listeners import Registration
from signoff_worker.retry import RetryPolicy
from signoff_worker.transport import Failure

log = logging.getLogger("signoff.worker")


async def run_handler(
    registrations: Sequence[Registration], job: ListenerJob, policy: RetryPolicy
) -> Outcome | Failure:
    """What the handler of this job answers; returning nothing means accept.

    `Retry` and any other exception use up a retry; `Fail` uses up all of them. A job for whose
    event there is no handler fails, so that a person sees it.
    """
    handler = next((each.handler for each in registrations if _fits(each, job)), None)
    if handler is None:
        return Failure(0, f"worker has no handler for event '{job.event}' of type '{job.type}'")
    try:
        return outcome_of(await handler(job))
    except Fail as failure:
        return Failure(0, str(failure))
    except Retry as retry:
        return _failure(job, str(retry) or "handler asked for a retry", policy, retry.after)
    except Exception as error:
        log.warning("handler of job %s (%s) raised", job.key, job.type, exc_info=True)
        return _failure(job, f"{type(error).__name__}: {error}", policy, None)


def _failure(
    job: ListenerJob, message: str, policy: RetryPolicy, after: timedelta | None
) -> Failure:
    left = max(0, job.retries - 1)
    return Failure(left, message, policy.pause(left) if after is None else after)


def _fits(registration: Registration, job: ListenerJob) -> bool:
    if not job.event:
        return not registration.events
    return job.event in registration.events
