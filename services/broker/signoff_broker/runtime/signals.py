"""Named facts about the loop that a test can await; in production nobody listens."""

import asyncio
from enum import Enum


class Fact(Enum):
    """What may be awaited. Each counts up with the partition's positions."""

    STEPPED = "stepped"
    """Decided, in memory only."""
    COMMITTED = "committed"
    RELAYED = "relayed"
    """Everything up to here has left."""


class Signals:
    """Nobody listens."""

    __slots__ = ()

    def tell(self, fact: Fact, partition: int, position: int) -> None:
        """Say that a partition got to a position. Must not raise or block."""


class AwaitableSignals(Signals):
    """Remembers how far each partition is, and wakes who waits for it."""

    __slots__ = ("_reached", "_waiters")

    def __init__(self) -> None:
        self._reached: dict[tuple[Fact, int], int] = {}
        self._waiters: dict[tuple[Fact, int], list[tuple[int, asyncio.Future[None]]]] = {}

    def tell(self, fact: Fact, partition: int, position: int) -> None:
        """See ``Signals.tell``."""
        reached = self._reached[fact, partition] = max(self.reached(fact, partition), position)
        waiting = self._waiters.pop((fact, partition), [])
        for wanted, waiter in waiting:
            if wanted > reached:
                self._waiters.setdefault((fact, partition), []).append((wanted, waiter))
            elif not waiter.done():
                waiter.set_result(None)

    def reached(self, fact: Fact, partition: int) -> int:
        """The highest position of which the fact was told; 0 before the first."""
        return self._reached.get((fact, partition), 0)

    async def until(self, fact: Fact, partition: int, position: int) -> None:
        """Return once the partition got there."""
        if self.reached(fact, partition) < position:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.setdefault((fact, partition), []).append((position, waiter))
            await waiter


SILENT = Signals()
"""For production."""
