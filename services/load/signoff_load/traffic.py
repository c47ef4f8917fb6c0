"""Clients that change tasks, each change with a value of its own, and write down what they saw.

A client whose connection ends repeats the request under the same idempotency key, as a careful
user's would; one that gets 504 goes on and asks for the outcome at the end. A 503 says that this
try had no effect: after a try whose connection ended it is no answer, and the client tries on.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

from signoff_load.history import Operation, Read, Told

REPEAT_SECONDS = 60.0
"""How long a client repeats a request whose connection ended."""
PAUSE_SECONDS = 0.05
SETTLE_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""How long anything else is tried until a gateway has an answer."""
TOLD = {
    200: Told.ACKNOWLEDGED,
    204: Told.ACKNOWLEDGED,
    504: Told.UNKNOWN,
    500: Told.UNKNOWN,
    0: Told.UNKNOWN,
}


@dataclass(slots=True)
class Notes:
    """What all clients wrote down."""

    operations: list[Operation] = field(default_factory=list[Operation])
    reads: list[Read] = field(default_factory=list[Read])
    completed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Each job and the worker whose completion, under its lease, was accepted."""


class Traffic:
    """Clients of some gateways, each with tasks of its own, which they update.

    Args:
        gateways: Their addresses; a client turns to the next one when a connection ends.
        listener_types: Job types of listeners of the change; every second task gets the next one.
    """

    listener_event = "updating"

    def __init__(self, gateways: Sequence[str], listener_types: Sequence[str] = ()) -> None:
        self._gateways = list(gateways)
        self._listener_types = list(listener_types)
        self._numbers = count(1)
        self.notes = Notes()
        self.tasks: list[str] = []

    async def create(self, tasks: int) -> None:
        """Create tasks to work on. Raises: aiohttp.ClientError when that goes on being refused."""
        kinds = self._listener_types
        async with self._session() as session:
            for number in range(tasks):
                body: dict[str, Any] = {"name": f"task {number}"}
                if kinds and number % 2:
                    kind = kinds[number // 2 % len(kinds)]
                    body["listeners"] = [{"eventType": self.listener_event, "type": kind}]
                self.tasks.append(await self._create(session, body))

    async def run(self, clients: int, stopping: asyncio.Event) -> None:
        """Change and read tasks until `stopping`; each client has its share of the tasks."""
        async with self._session() as session, asyncio.TaskGroup() as group:
            for number in range(clients):
                share = self._share(number, clients)
                group.create_task(self._client(session, number, share, stopping))

    async def settle(self) -> dict[str, str]:
        """The final status of every command that was left without one, withdrawn if need be."""
        open_ids = [
            each.command_id
            for each in self.notes.operations
            if each.told is Told.UNKNOWN and each.command_id
        ]
        async with self._session() as session:
            statuses = await asyncio.gather(*(self._settle(session, each) for each in open_ids))
        return dict(zip(open_ids, statuses, strict=True))

    async def final_values(self) -> dict[str, str]:
        """What every task holds now; empty for one that was never changed, or is not there."""
        async with self._session() as session:
            values = await asyncio.gather(*(self._final(session, each) for each in self.tasks))
        return dict(zip(self.tasks, values, strict=True))

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=30), connector=aiohttp.TCPConnector(limit=0)
        )

    def _share(self, number: int, clients: int) -> Sequence[str]:
        return self.tasks[number::clients]

    async def _create(self, session: aiohttp.ClientSession, body: dict[str, Any]) -> str:
        said = await self._surely(session, "POST", "/v2/user-tasks", body)
        return str(json.loads(said)["userTaskKey"])

    async def _surely(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
    ) -> str:
        """What is said to it in the end. Raises: aiohttp.ClientError.

        Tried again while that is 503, or 504: what is left of a try has no part in the traffic.
        """
        until = time.monotonic() + ANSWER_SECONDS
        while True:
            url = f"{self._gateways[0]}{path}"
            async with session.request(method, url, json=body) as answer:
                if answer.status not in {503, 504} or time.monotonic() > until:
                    answer.raise_for_status()
                    return await answer.text()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _client(
        self,
        session: aiohttp.ClientSession,
        number: int,
        tasks: Sequence[str],
        stopping: asyncio.Event,
    ) -> None:
        for turn in count():
            if stopping.is_set() or not tasks:
                return
            task = tasks[turn % len(tasks)]
            told = await self._change(session, task, number + turn)
            if turn % 5 == 0:
                await self._read(session, task, number + turn)
            if told is Told.REFUSED:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _change(self, session: aiohttp.ClientSession, task: str, turn: int) -> Told:
        value = f"v{next(self._numbers)}"
        change = {"changeset": {"candidateUsers": [value]}}
        sent = time.monotonic()
        status, command_id = await self._ask(
            session, "PATCH", self._path(task), value, turn, change
        )
        return self._note(command_id, task, value, sent, status)

    def _note(self, command_id: str, task: str, value: str, sent: float, status: int) -> Told:
        told = TOLD.get(status, Told.REFUSED)
        self.notes.operations.append(
            Operation(command_id, task, value, sent, time.monotonic(), told, status)
        )
        return told

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        key: str,
        turn: int,
        body: dict[str, Any] | None = None,
    ) -> tuple[int, str]:
        """Status and command id; 0 when no gateway answered for `REPEAT_SECONDS`."""
        until = time.monotonic() + REPEAT_SECONDS
        handed_over = False
        while time.monotonic() < until:
            try:
                async with session.request(
                    method,
                    f"{self._gateway(turn)}{path}",
                    json=body,
                    headers={"Idempotency-Key": key},
                ) as answer:
                    await answer.read()
                    if not (handed_over and answer.status == 503):
                        return answer.status, answer.headers.get("Signoff-Command-Id", "")
            except aiohttp.ClientConnectorError:
                pass  # nobody heard it
            except (aiohttp.ClientError, TimeoutError):
                handed_over = True
            turn += 1
            await asyncio.sleep(PAUSE_SECONDS)
        return 0, ""

    async def _read(self, session: aiohttp.ClientSession, task: str, turn: int) -> None:
        sent = time.monotonic()
        value = await self._value(session, task, turn)
        if value is not None:
            self.notes.reads.append(Read(task, value, sent, time.monotonic()))

    async def _final(self, session: aiohttp.ClientSession, task: str) -> str:
        until = time.monotonic() + ANSWER_SECONDS
        for turn in count():
            value = await self._value(session, task, turn)
            if value is not None:
                return value
            if time.monotonic() > until:
                raise TimeoutError(f"no gateway says what task {task} holds")
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError("unreachable")

    async def _value(self, session: aiohttp.ClientSession, task: str, turn: int) -> str | None:
        """What a task holds: empty if nothing, or if it is not there; None if nobody says."""
        try:
            async with session.get(f"{self._gateway(turn)}{self._path(task)}") as answer:
                if answer.status != 200:
                    return "" if answer.status == 404 else None
                return self._held(await answer.json())
        except (aiohttp.ClientError, TimeoutError):
            return None

    def _path(self, task: str) -> str:
        return f"/v2/user-tasks/{task}"

    def _held(self, task: dict[str, Any]) -> str:
        users: list[str] = task["candidateUsers"]
        return users[0] if users else ""

    async def _settle(self, session: aiohttp.ClientSession, command_id: str) -> str:
        status = "PENDING"
        half = time.monotonic() + SETTLE_SECONDS / 2
        until = half + SETTLE_SECONDS / 2
        withdrawn = False
        for turn in count():
            if time.monotonic() > until:
                break
            url = f"{self._gateway(turn)}/v2/commands/{command_id}"
            try:
                if time.monotonic() > half and not withdrawn:
                    async with session.post(f"{url}/withdrawal") as answer:
                        withdrawn = answer.status < 400
                async with session.get(url) as answer:
                    status = (await answer.json())["status"] if answer.status == 200 else status
            except (aiohttp.ClientError, TimeoutError):
                pass
            if status not in ("PENDING", "WAITING"):
                return status
            await asyncio.sleep(PAUSE_SECONDS)
        return status

    def _gateway(self, turn: int) -> str:
        return self._gateways[turn % len(self._gateways)]
