"""Job polls: what one asks for, and what it has got so far."""

import asyncio
from dataclasses import dataclass

import orjson

from signoff_schemas.frozen import frozen
from signoff_schemas.ids import DEFAULT_TENANT
from signoff_schemas.jobs import ActivatedJob


@frozen
class Wanted:
    """What the polls of one slot have in common."""

    job_type: str
    timeout_ms: int
    worker: str = ""
    fetch: tuple[str, ...] = ()
    tenants: tuple[str, ...] = (DEFAULT_TENANT,)

    @property
    def weight(self) -> int:
        """Bytes that it takes in a record, about."""
        texts = (self.job_type, self.worker, *self.fetch, *self.tenants)
        return 200 + sum(len(orjson.dumps(text)) + 1 for text in texts)


@dataclass(slots=True, eq=False)
class Poll:
    """One request that waits for jobs."""

    most: int
    jobs: list[ActivatedJob]
    waker: asyncio.Future[None]

    @property
    def room(self) -> int:
        """How many more it takes."""
        return self.most - len(self.jobs)

    def take(self, job: ActivatedJob) -> None:
        """Add a job; whoever waits gets it, with what else comes in this turn of the loop."""
        self.jobs.append(job)
        self.wake()

    def wake(self) -> None:
        """Let who waits go on, with or without jobs."""
        if not self.waker.done():
            self.waker.set_result(None)
