"""Run a handler without a broker."""

from dataclasses import replace
from typing import Any

from signoff_worker.job import Completion, Correction, Denial, ListenerJob, Outcome, outcome_of
from signoff_worker.listeners import Handler

DENYING = frozenset({"assigning", "updating", "completing"})


class JobEnvironment:
    """`await JobEnvironment().run(check_quota, assignee="ann") == deny("over quota")`."""

    def __init__(self, event: str = "updating") -> None:
        self._job = ListenerJob(
            key="1", type="test", event=event, task_key="2", element_id="review", process_id="test"
        )

    async def run(self, handler: Handler, **attributes: Any) -> Outcome:
        """What the handler answers to a job with these attributes of `ListenerJob`.

        Raises:
            TypeError: An answer that is no outcome.
            ValueError: An answer that the product would refuse for this event.
            Exception: Whatever the handler raises, `Retry` and `Fail` included.
        """
        job = replace(self._job, **attributes)
        outcome = outcome_of(await handler(job))
        _refuse_forbidden(job, outcome)
        return outcome


def _refuse_forbidden(job: ListenerJob, outcome: Outcome) -> None:
    match outcome:
        case Denial() if job.event not in DENYING:
            raise ValueError(f"a listener of '{job.event}' cannot deny")
        case Completion(variables) if variables and job.event:
            raise ValueError("a listener cannot complete with variables")
        case Correction() if not job.event:
            raise ValueError("a service task's job has no task to correct")
        case _:
            pass
