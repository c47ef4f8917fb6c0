"""The dispatcher's queues, from the rows that the store has of them."""

from typing import Final

from signoff_broker.engine.backlog import QueuedJob
from signoff_broker.engine.dispatch import Dispatcher
from signoff_broker.ports import Store

REFILL_MAX: Final = 1_000


async def restore(dispatcher: Dispatcher, store: Store, now: int) -> None:
    """Begin anew: how many jobs of each type wait, and who has jobs. ``now`` is monotonic."""
    held = [(each.key, each.subscriber) for each in await store.held()]
    types = await store.waiting_types()
    totals = {job_type: count for job_type, (count, _) in types.items()}
    dispatcher.restore(totals, held, now)


async def refill(dispatcher: Dispatcher, store: Store) -> None:
    """Load the front of queues of which only the store knows."""
    for job_type in dispatcher.short():
        found = await store.waiting(job_type, REFILL_MAX)
        jobs = [
            QueuedJob(each.key, each.job_type, each.tenant, each.priority, each.created_at)
            for each in found
        ]
        dispatcher.refill(job_type, jobs, more=len(found) == REFILL_MAX)
