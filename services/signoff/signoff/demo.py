"""What `signoff dev` shows: three tasks, a worker for two of them, and lines to copy and paste."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from signoff_worker import ListenerJob, Listeners, Outcome, complete, correct, deny

HIGHEST_PRIORITY = 80
FORBIDDEN_PRIORITY = 90
JSON = "-H 'Content-Type: application/json'"

listeners = Listeners()
latecomers = Listeners()
"""Serves the task that nobody answers: `signoff worker signoff.demo:latecomers`."""


@listeners.on("updating", job_type="demo-cap-priority")
async def cap_priority(job: ListenerJob) -> Outcome:
    """Correct: nothing is more urgent than 80."""
    if job.priority > HIGHEST_PRIORITY:
        return correct(priority=HIGHEST_PRIORITY)
    return complete()


@listeners.on("updating", job_type="demo-refuse-panic")
async def refuse_panic(job: ListenerJob) -> Outcome:
    """Deny: a priority above 90 is panic."""
    if job.priority > FORBIDDEN_PRIORITY:
        return deny(f"priority {job.priority} is panic")
    return complete()


@latecomers.on("updating", job_type="demo-nobody")
async def agree_late(_job: ListenerJob) -> Outcome:
    """Accept whatever waited."""
    return complete()


@dataclass(frozen=True, slots=True)
class DemoTask:
    """One task of the demo and what to try with it."""

    name: str
    job_type: str
    about: str
    priority: int

    def body(self) -> dict[str, Any]:
        """The request that creates it."""
        listener = {"eventType": "updating", "type": self.job_type}
        return {"name": self.name, "candidateGroups": ["demo"], "listeners": [listener]}


TASKS = (
    DemoTask("Review invoice", "demo-cap-priority", "a listener corrects 99 to 80: 204", 99),
    DemoTask("Approve order", "demo-refuse-panic", "a listener denies: 409 and its reason", 95),
    DemoTask("Sign contract", "demo-nobody", "nobody answers: 504 and a command id", 60),
)


async def tasks_to_try(url: str) -> list[tuple[DemoTask, str]]:
    """The demo's tasks and their keys: those of an earlier start, or new ones.

    Raises: aiohttp.ClientError when the gateway does not answer as it should.
    """
    async with aiohttp.ClientSession(url, raise_for_status=True) as session:
        search = {"filter": {"state": "CREATED", "candidateGroup": "demo"}}
        async with session.post("/v2/user-tasks/search", json=search) as answer:
            found = {each["name"]: each["userTaskKey"] for each in (await answer.json())["items"]}
        for task in TASKS:
            if task.name not in found:
                async with session.post("/v2/user-tasks", json=task.body()) as answer:
                    found[task.name] = (await answer.json())["userTaskKey"]
    return [(task, found[task.name]) for task in TASKS]


def things_to_try(url: str, tasks: Sequence[tuple[DemoTask, str]], signoff: str) -> str:
    """Lines for a terminal; each command works as it stands."""
    lines = [""]
    for task, key in tasks:
        change = f'{{"changeset":{{"priority":{task.priority}}}}}'
        lines += [
            f"# {task.name}: {task.about}",
            f"curl -i -X PATCH {url}/v2/user-tasks/{key} {JSON} -d '{change}'",
        ]
    lines += [
        "# … its outcome, with the id from the header Signoff-Command-Id: WAITING,",
        f"curl {url}/v2/commands/COMMAND_ID",
        "# … until a worker comes; then APPLIED",
        f"SIGNOFF_GATEWAY_URL={url} {signoff} worker signoff.demo:latecomers",
        "# a task of the demo as it is now",
        f"curl {url}/v2/user-tasks/{tasks[0][1]}",
        "",
    ]
    return "\n".join(lines)
