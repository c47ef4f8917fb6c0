"""Clients of the second dialect that claim tasks for people and release them, rivals at each task.

Each claim is for a person of its own, so that what a task shows tells which claim it was. Whoever
finds a task claimed may release it: that is the only way out of a claim that nobody knows of.
"""

import json
import random
import time
from collections.abc import Sequence
from typing import Any, Final

import aiohttp

from signoff_load.evidence import release_value
from signoff_load.history import Told
from signoff_load.traffic import Traffic
from signoff_schemas.ids import key_of_uuid, uuid_of

RIVALS: Final = 4
"""Clients that share their tasks."""
WORKFLOW: Final = "claimed-under-load"


class ClaimTraffic(Traffic):
    """Clients that claim and release; every second task without listeners is a workflow's."""

    listener_event = "assigning"

    async def create(self, tasks: int) -> None:
        """Register the workflow, and create tasks to claim. Raises: aiohttp.ClientError."""
        human = {"name": "claimed", "taskReferenceName": "claimed_ref", "type": "HUMAN"}
        definition = {"name": WORKFLOW, "version": 1, "tasks": [human]}
        async with self._session() as session:
            path = "/api/metadata/workflow?overwrite=true"
            await self._surely(session, "POST", path, definition)
        await super().create(tasks)

    def _share(self, number: int, clients: int) -> Sequence[str]:
        return self.tasks[number // RIVALS :: max(1, clients // RIVALS)]

    async def _create(self, session: aiohttp.ClientSession, body: dict[str, Any]) -> str:
        if "listeners" in body or len(self.tasks) % 4:
            return await super()._create(session, body)
        workflow = await self._surely(session, "POST", f"/api/workflow/{WORKFLOW}", {})
        shown = await self._surely(session, "GET", f"/api/workflow/{workflow}")
        [task] = json.loads(shown)["tasks"]
        return str(key_of_uuid(task["taskId"]))

    async def _change(self, session: aiohttp.ClientSession, task: str, turn: int) -> Told:
        number = f"v{next(self._numbers)}"
        claims = random.random() < 0.5
        path = f"{self._path(task)}/{f'externalUser/{number}' if claims else 'release'}"
        sent = time.monotonic()
        status, command_id = await self._ask(session, "POST", path, number, turn)
        value = number if claims else release_value(command_id or number)
        return self._note(command_id, task, value, sent, status)

    def _path(self, task: str) -> str:
        return f"/api/human/tasks/{uuid_of(int(task))}"

    def _held(self, task: dict[str, Any]) -> str:
        return str(task["claimant"]["user"]) if "claimant" in task else ""
