"""Workers that accept every job under its lease and write down which completions counted."""

import asyncio
from collections.abc import Sequence

import aiohttp

from signoff_load.traffic import PAUSE_SECONDS, Notes


async def accept_jobs(
    gateways: Sequence[str], job_type: str, name: str, notes: Notes, stopping: asyncio.Event
) -> None:
    """Poll for jobs of a type and accept each, at whichever gateway answers, until `stopping`."""
    request = {
        "type": job_type,
        "timeout": 5000,
        "maxJobsToActivate": 16,
        "worker": name,
        "requestTimeout": 1000,
        "withLease": True,
    }
    turn = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        while not stopping.is_set():
            url = gateways[turn % len(gateways)]
            try:
                async with session.post(f"{url}/v2/jobs/activation", json=request) as answer:
                    jobs: list[dict[str, str]] = (
                        (await answer.json())["jobs"] if answer.status == 200 else []
                    )
                for job in jobs:
                    body = {"leaseToken": job["leaseToken"]}
                    done = f"{url}/v2/jobs/{job['jobKey']}/completion"
                    async with session.post(done, json=body) as answer:
                        if answer.status == 204:
                            notes.completed.append((job["jobKey"], name))
            except (aiohttp.ClientError, TimeoutError):
                turn += 1
                await asyncio.sleep(PAUSE_SECONDS)
