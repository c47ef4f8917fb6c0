"""Jobs through the published client: take some, and answer a type beside the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from camunda_orchestration_sdk import CamundaAsyncClient, models

POLL_MS = 20_000

Answer = Callable[[models.ActivatedJobResult], models.JobCompletionRequest | None]


async def take(
    client: CamundaAsyncClient, job_type: str, *, wait_ms: int = POLL_MS, timeout_ms: int = 60_000
) -> models.ActivatedJobResult:
    """The one job of a type, waited for."""
    [job] = await poll(client, job_type, wait_ms=wait_ms, timeout_ms=timeout_ms)
    return job


async def poll(
    client: CamundaAsyncClient, job_type: str, *, wait_ms: int, timeout_ms: int = 60_000
) -> list[models.ActivatedJobResult]:
    """At most one job of a type; a negative wait asks once."""
    request = models.JobActivationRequest(
        type_=job_type,
        timeout=timeout_ms,
        max_jobs_to_activate=1,
        worker="test",
        request_timeout=wait_ms,
    )
    return (await client.activate_jobs(data=request)).jobs


@asynccontextmanager
async def answering(
    client: CamundaAsyncClient, job_type: str, answer: Answer
) -> AsyncIterator[list[models.ActivatedJobResult]]:
    """Complete every job of a type in the background; yields those that came, oldest first."""
    seen: list[models.ActivatedJobResult] = []

    async def serve() -> None:
        while True:
            for job in await poll(client, job_type, wait_ms=POLL_MS):
                seen.append(job)
                request = answer(job) or models.JobCompletionRequest()
                await client.complete_job(job.job_key, data=request)

    serving = asyncio.create_task(serve())
    try:
        yield seen
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def during(call: Awaitable[Any], other: Awaitable[Any]) -> Any:
    """Run `other` while the request `call` is held; both must end. Returns what `other` did."""
    _, result = await asyncio.gather(call, other)
    return result


def denied(reason: str) -> models.JobCompletionRequest:
    """A listener's no."""
    return models.JobCompletionRequest(
        result=models.JobResultUserTask(type_="userTask", denied=True, denied_reason=reason)
    )


def corrected(**values: Any) -> models.JobCompletionRequest:
    """A listener's yes, with other values."""
    corrections = models.JobResultCorrections(**values)
    return models.JobCompletionRequest(
        result=models.JobResultUserTask(type_="userTask", corrections=corrections)
    )
