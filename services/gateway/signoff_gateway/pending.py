"""Requests that wait for their outcome: request id → who waits; bounded in time and number."""

import asyncio
from collections.abc import Callable
from typing import Final

from signoff_gateway.admission import Admission
from signoff_gateway.exchange import Receive
from signoff_gateway.refusals import (
    ClientGone,
    Exhausted,
    Limit,
    OutcomeUnknown,
    Refusal,
)
from signoff_process.clock import Clock
from signoff_schemas.codec import ReplyBatch
from signoff_schemas.replies import Outcome, Waiting

SWEEP_SLACK: Final = 0.005
"""Seconds by which a deadline may come early, so that those close to each other share a timer."""


class Asked:
    """One publish of a command, until its outcome is here, its time is over or nobody waits."""

    __slots__ = (
        "abandoned",
        "command_id",
        "counted",
        "failure",
        "outcome",
        "partition",
        "published",
        "request_id",
        "waiting",
        "waker",
    )

    def __init__(self, request_id: str, command_id: str, partition: int, published: float) -> None:
        self.request_id = request_id
        self.command_id = command_id
        self.partition = partition
        self.published = published
        self.counted = True
        """Whether it is still counted as in flight."""
        self.waiting = False
        """Whether it is held until listeners have decided."""
        self.abandoned = False
        """Whether the one who asked has gone."""
        self.outcome: Outcome | None = None
        self.failure: Refusal | OutcomeUnknown | None = None
        self.waker: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Let the one who waits look again."""
        if self.waker is not None and not self.waker.done():
            self.waker.set_result(None)


class Pending:
    """All that was asked and not answered yet.

    Args:
        admission: Counts what was published and not yet marked.
        clock: For deadlines.
        timeout: Seconds until a request is told that its outcome is not known yet.
        waits_limit: How many requests may be held for listeners at a time.
        observe: Called with the seconds from publish to outcome.
    """

    def __init__(
        self,
        admission: Admission,
        clock: Clock,
        *,
        timeout: float,
        waits_limit: int,
        observe: Callable[[float], None],
    ) -> None:
        self._admission = admission
        self._clock = clock
        self._timeout = timeout
        self._waits_limit = waits_limit
        self._observe = observe
        # In order of publishing, and so of deadlines: the first is always the next to expire.
        self._asked: dict[str, Asked] = {}
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        self.waits = 0
        """How many are held for listeners now."""

    def __len__(self) -> int:
        """How many are not answered yet."""
        return len(self._asked)

    def check_waits(self, partition: int) -> None:
        """Raises: Exhausted, if one more held request would be too much."""
        if self.waits >= self._waits_limit:
            raise Exhausted(Limit.WAITS, self._waits_limit, partition)

    def open(self, request_id: str, command_id: str, partition: int) -> Asked:
        """Expect the outcome of what is about to be published."""
        asked = Asked(request_id, command_id, partition, self._clock.monotonic())
        self._asked[request_id] = asked
        self._empty.clear()
        self._admission.enter(partition)
        if self._sweep_timer is None:
            self._arm(self._timeout)
        return asked

    def fail(self, asked: Asked, refusal: Refusal) -> None:
        """What was opened certainly did not get into the log."""
        if self._asked.pop(asked.request_id, None) is not None:
            asked.failure = refusal
            self._close(asked, None)

    def on_replies(self, batch: ReplyBatch) -> None:
        """Take what a partition says; what nobody here asked is not for us."""
        now = self._clock.monotonic()
        for item in batch.items:
            asked = self._asked.get(item.request_id)
            if asked is None:
                continue
            if isinstance(item, Waiting):
                self._hold(asked, now)
            else:
                del self._asked[item.request_id]
                asked.outcome = item.outcome
                self._observe(now - asked.published)
                self._close(asked, now)

    async def outcome(self, asked: Asked, receive: Receive) -> Outcome:
        """Wait for the outcome. Raises: OutcomeUnknown, ClientGone, or what ``fail`` was given.

        The client is watched only while it is held: an outcome that comes at once is cheaper than
        finding out whether somebody still wants it.
        """
        try:
            if not self._over(asked) and not asked.waiting:
                await self._sleep(asked)
            if not self._over(asked):
                await self._held(asked, receive)
        finally:
            if not self._over(asked):
                self._forget(asked)
        if asked.outcome is not None:
            return asked.outcome
        assert asked.failure is not None
        raise asked.failure

    async def drained(self, deadline: float) -> bool:
        """Wait until nothing is pending; False if that took longer than ``deadline`` seconds."""
        try:
            async with asyncio.timeout(deadline):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        """Tell all that still wait that their outcome is not known yet."""
        for asked in tuple(self._asked.values()):
            self._expire(asked)
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()

    @staticmethod
    def _over(asked: Asked) -> bool:
        return asked.outcome is not None or asked.failure is not None

    @staticmethod
    async def _sleep(asked: Asked) -> None:
        asked.waker = asyncio.get_running_loop().create_future()
        try:
            await asked.waker
        finally:
            asked.waker = None

    async def _held(self, asked: Asked, receive: Receive) -> None:
        gone = asyncio.ensure_future(hung_up(receive))
        gone.add_done_callback(lambda _: asked.wake())
        try:
            while not self._over(asked):
                if gone.done():
                    raise ClientGone
                await self._sleep(asked)
        finally:
            gone.cancel()

    def _hold(self, asked: Asked, now: float) -> None:
        self._mark(asked, now)
        if asked.abandoned:
            self._forget(asked)
        elif not asked.waiting:
            asked.waiting = True
            self.waits += 1
            asked.wake()

    def _mark(self, asked: Asked, now: float | None) -> None:
        if asked.counted:
            asked.counted = False
            delay = None if now is None else now - asked.published
            self._admission.leave(asked.partition, delay)

    def _close(self, asked: Asked, now: float | None) -> None:
        self._mark(asked, now)
        if asked.waiting:
            asked.waiting = False
            self.waits -= 1
        asked.wake()
        if not self._asked:
            self._empty.set()

    def _forget(self, asked: Asked) -> None:
        """Nobody waits any more. What is still counted stays until its mark, or the deadline."""
        asked.abandoned = True
        if asked.counted:
            return
        if self._asked.pop(asked.request_id, None) is not None:
            self._close(asked, None)

    def _expire(self, asked: Asked) -> None:
        del self._asked[asked.request_id]
        asked.failure = OutcomeUnknown(asked.command_id)
        self._close(asked, None)

    def _arm(self, delay: float) -> None:
        self._sweep_timer = asyncio.get_running_loop().call_later(delay, self._sweep)

    def _sweep(self) -> None:
        self._sweep_timer = None
        now = self._clock.monotonic()
        while self._asked:
            oldest = next(iter(self._asked.values()))
            left = oldest.published + self._timeout - now
            if left > SWEEP_SLACK:
                self._arm(left)
                return
            self._expire(oldest)


async def hung_up(receive: Receive) -> None:
    """Return when the client has gone. The body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
