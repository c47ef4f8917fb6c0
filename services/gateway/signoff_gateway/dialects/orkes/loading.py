"""Reads tasks by key, many at once: what is asked for during a query waits for the next.

Each claim is answered with the task as it is then. Asked one by one, these reads would cost as much
as the claims.
"""

import asyncio
from typing import Final, cast

from signoff_gateway.exchange import Call
from signoff_gateway.reads import Reads
from signoff_gateway.reads.work import WorkTaskRow

KEYS_MAX: Final = 100
"""Tasks of one query: a long one would make all wait for the largest."""
QUERIES_MAX: Final = 2
"""At a time; the read side has few connections."""


class TaskLoader:
    """The tasks of a gateway by key."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._wanted: dict[int, asyncio.Future[WorkTaskRow | None]] = {}
        self._queries: set[asyncio.Task[None]] = set()

    async def task(self, call: Call, key: int) -> WorkTaskRow | None:
        """The task as it is after this call began; None if the caller's tenants have none such.

        Raises: ReadsError.
        """
        return seen_by(call, await asyncio.shield(self.ask(key)))

    def ask(self, key: int) -> "asyncio.Future[WorkTaskRow | None]":
        """Begin to read a task, for whoever has something else to do meanwhile.

        Others may wait for the same future: it must not be cancelled.
        """
        future = self._wanted.get(key)
        if future is None:
            future = self._wanted[key] = asyncio.get_running_loop().create_future()
            if len(self._queries) < QUERIES_MAX:
                self._queries.add(asyncio.create_task(self._answer_all()))
        return future

    async def _answer_all(self) -> None:
        try:
            await self._answer_wanted()
        finally:
            # Not by a callback, which comes later: who asks until then would find nobody at work.
            self._queries.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _answer_wanted(self) -> None:
        while self._wanted:
            keys = list(self._wanted)[:KEYS_MAX]
            futures = {key: self._wanted.pop(key) for key in keys}
            try:
                found = await self._reads.work_tasks(keys, None)
            except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
                for future in futures.values():
                    future.set_exception(error)
                    future.exception()  # who waited may be gone
            else:
                for key, future in futures.items():
                    future.set_result(found.get(key))


def seen_by(call: Call, task: WorkTaskRow | None) -> WorkTaskRow | None:
    """The task, if it belongs to one of the caller's tenants."""
    return task if task is not None and task.tenant in call.principal.tenants else None
