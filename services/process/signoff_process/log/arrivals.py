"""What both adapters' sources are made of: arrivals, the share of results, a bell to wait for."""

import asyncio

from signoff_process.log.ports import Arrival
from signoff_schemas.codec import Unreadable, decode_entry
from signoff_schemas.topics import Inlet


def results_share(limit: int) -> int:
    """How many of ``limit`` arrivals may be results while commands wait: 3/4, at least one."""
    return max(1, limit * 3 // 4)


def read_arrival(inlet: Inlet, offset: int, raw: bytes) -> Arrival:
    """The arrival that these bytes are; bytes that are no entry are kept with the reason."""
    try:
        return Arrival(inlet, offset, decode_entry(raw))
    except Unreadable as error:
        return Arrival(inlet, offset, None, raw, str(error))


class Bell:
    """Wakes the one who waits; ringing it for nobody, or twice, does nothing."""

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Let who waits go on."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self, timeout_ms: int) -> None:
        """Return when it rings, or after the timeout."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        # A timer that rings costs a third of what asyncio.timeout does.
        timer = loop.call_later(timeout_ms / 1000, self.ring)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
