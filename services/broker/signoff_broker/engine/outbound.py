"""What leaves after a step: answers to callers, the mark that one is held, a job for a worker.

It looks at what the step decided and at nothing else, so that it could be worked out again.
"""

from signoff_broker.engine.draft import Released
from signoff_broker.engine.world import Outgoing
from signoff_schemas.frozen import frozen
from signoff_schemas.jobs import ActivatedJob, JobPush
from signoff_schemas.replies import Outcome, Reply, Waiting
from signoff_schemas.timers import ActivateJob
from signoff_schemas.values import Waiter


@frozen
class Answer:
    """What becomes of a step's own command: an outcome now, or the job type that it waits for."""

    command_id: str
    waiter: Waiter | None
    outcome: Outcome | None
    job_type: str = ""


def answers(
    partition_id: int, own: Answer, released: Released | None = None
) -> tuple[Outgoing, ...]:
    """Messages to everyone who waits for what this step decided; its own caller first."""
    messages = [_to(own.waiter, partition_id, own)] if own.waiter is not None else []
    if released is not None and released.command_id != own.command_id:
        messages += [
            _to(waiter, partition_id, Answer(released.command_id, waiter, released.outcome))
            for waiter in released.waiters
        ]
    return tuple(messages)


def push(timer: ActivateJob, job: ActivatedJob) -> tuple[Outgoing, ...]:
    """The message that takes an activated job to its subscriber."""
    return (Outgoing(timer.inbox, JobPush(subscriber=timer.subscriber, slot=timer.slot, job=job)),)


def _to(waiter: Waiter, partition_id: int, answer: Answer) -> Outgoing:
    inbox = waiter.inbox
    if answer.outcome is None:
        message: Reply | Waiting = Waiting(
            gateway=inbox.gateway,
            partition=partition_id,
            request_id=waiter.request_id,
            command_id=answer.command_id,
            job_type=answer.job_type,
        )
    else:
        message = Reply(
            gateway=inbox.gateway,
            partition=partition_id,
            request_id=waiter.request_id,
            command_id=answer.command_id,
            outcome=answer.outcome,
        )
    return Outgoing(inbox.partition, message)
