"""A worker: polls for jobs, runs handlers side by side up to a bound, stops without losing any.

One poll a job type is open at a time, and asks for as many jobs as there are free places. A poll
comes back as soon as there is one job, and the next is sent while the handlers run. Several types
may together bring more jobs than there are places; the rest wait for one.

Stopping ends the polls first (the gateway takes back what a hung-up poll would have got), lets
running handlers finish within the deadline, cancels the others and gives their jobs back with
unchanged retries, so that another worker has them at once.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from datetime import timedelta
from itertools import count

from signoff_worker.dispatch import run_handler
from signoff_worker.job import ListenerJob, Outcome
from signoff_worker.listeners import Listeners, Registration
from signoff_worker.retry import RetryPolicy
from signoff_worker.transport import (
    Activation,
    Failure,
    JobGone,
    OutcomeRefused,
    Transport,
    TransportError,
)

log = logging.getLogger("signoff.worker")

PAUSE_FIRST_SECONDS = 0.1
PAUSE_LONGEST_SECONDS = 5.0
ANSWER_TRIES = 8


class Worker:
    """Runs handlers for a gateway's jobs until it is told to stop.

    Args:
        transport: The way to the gateway; closed when the worker ends.
        listeners: The handlers.
        concurrency_max: Handlers that run at a time.
        name: Shown with the jobs it has; host and pid when not given.
        retry_policy: Pauses after failures.

    Raises:
        ValueError: No handler, two for the same type and event, or no place to run one.
    """

    def __init__(
        self,
        transport: Transport,
        listeners: Sequence[Listeners],
        *,
        concurrency_max: int = 8,
        name: str = "",
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        if concurrency_max < 1:
            raise ValueError(f"concurrency_max is {concurrency_max}: no handler could run")
        self._transport = transport
        self._types = _by_type(listeners)
        self._concurrency_max = concurrency_max
        self._places = asyncio.Semaphore(concurrency_max)
        self._name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._policy = retry_policy or RetryPolicy()
        self._running: dict[asyncio.Task[None], ListenerJob] = {}
        self._place_free = asyncio.Event()

    async def run(
        self, stopping: asyncio.Event, *, drain: timedelta = timedelta(seconds=5)
    ) -> None:
        """Work until `stopping` is set, then finish what runs within `drain`."""
        polls = [
            asyncio.create_task(self._poll(job_type, group), name=f"poll {job_type}")
            for job_type, group in self._types.items()
        ]
        try:
            await _first_of(stopping, polls)
        finally:
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, return_exceptions=True)
            await self._drain(drain)
            await self._transport.close()

    async def _poll(self, job_type: str, group: Sequence[Registration]) -> None:
        pause = PAUSE_FIRST_SECONDS
        while True:
            activation = self._activation(job_type, group, await self._free_places())
            try:
                jobs = await self._transport.activate(activation)
            except TransportError as error:
                log.warning("no jobs of type %s: %s; again in %.1f s", job_type, error, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE_LONGEST_SECONDS)
                continue
            pause = PAUSE_FIRST_SECONDS
            for job in jobs:
                task = asyncio.create_task(self._work(group, job), name=f"job {job.key}")
                self._running[task] = job
                task.add_done_callback(self._forget)
            # Handlers begin first: somebody waits for what they answer at once.
            await asyncio.sleep(0)

    def _activation(
        self, job_type: str, group: Sequence[Registration], jobs_max: int
    ) -> Activation:
        wanted: set[str] = set()
        for each in group:
            wanted.update(each.variables)
        everything = not all(each.variables for each in group)
        return Activation(
            job_type,
            jobs_max,
            max(each.timeout for each in group),
            self._name,
            () if everything else tuple(sorted(wanted)),
        )

    async def _free_places(self) -> int:
        while len(self._running) >= self._concurrency_max:
            self._place_free.clear()
            await self._place_free.wait()
        return self._concurrency_max - len(self._running)

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._place_free.set()

    async def _work(self, group: Sequence[Registration], job: ListenerJob) -> None:
        async with self._places:
            answer = await run_handler(group, job, self._policy)
        await self._answer(job, answer)

    async def _answer(self, job: ListenerJob, answer: Outcome | Failure) -> None:
        """Deliver the answer; a gateway that is away is tried again, as the job is still ours."""
        pause = PAUSE_FIRST_SECONDS
        for attempt in count(1):
            try:
                await self._send(job, answer)
            except TransportError as error:
                if attempt == ANSWER_TRIES:
                    log.warning("answer to job %s was not delivered: %s", job.key, error)
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE_LONGEST_SECONDS)
            except JobGone as gone:
                log.info("job %s is not ours any more: %s", job.key, gone)
                return
            except OutcomeRefused as refusal:
                log.error("answer to job %s is not allowed: %s", job.key, refusal)  # noqa: TRY400
                answer = Failure(0, str(refusal))
            else:
                return

    async def _send(self, job: ListenerJob, answer: Outcome | Failure) -> None:
        if isinstance(answer, Failure):
            await self._transport.fail(job, answer)
        else:
            await self._transport.answer(job, answer)

    async def _drain(self, patience: timedelta) -> None:
        if not self._running:
            return
        unfinished = dict(self._running)
        _, late = await asyncio.wait(unfinished, timeout=patience.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in late:
            job = unfinished[task]
            await self._answer(job, Failure(job.retries, "the worker stopped"))


def _by_type(listeners: Sequence[Listeners]) -> dict[str, list[Registration]]:
    types: dict[str, list[Registration]] = {}
    taken: set[tuple[str, str]] = set()
    for each in (each for group in listeners for each in group.registrations):
        claims = {(each.job_type, event) for event in each.events or {""}}
        if claims & taken:
            raise ValueError(f"two handlers for {min(claims & taken)}")
        taken |= claims
        types.setdefault(each.job_type, []).append(each)
    if not types:
        raise ValueError("a worker needs at least one handler")
    return types


async def _first_of(stopping: asyncio.Event, polls: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the stop; a poll that ends before raised something that no retry would mend."""
    stop = asyncio.create_task(stopping.wait())
    try:
        done, _ = await asyncio.wait({stop, *polls}, return_when=asyncio.FIRST_COMPLETED)
        for each in done - {stop}:
            each.result()
    finally:
        stop.cancel()
