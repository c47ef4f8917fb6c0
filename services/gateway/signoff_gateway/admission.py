"""How many commands may be in flight at a partition: published and not yet marked by it.

The mark is a command's reply or its ``Waiting``; what is never marked (its broker died) is given
back by ``Pending`` when the time of the request is over, so that nothing leaks.
"""

from typing import Protocol

from signoff_gateway.refusals import Exhausted, Limit


class Limiter(Protocol):
    """One partition's limit. Adaptive algorithms learn from how long marks take."""

    def limit(self) -> int:
        """How many commands may be in flight now; at least one."""
        ...

    def marked(self, delay: float, in_flight: int) -> None:
        """A command was marked ``delay`` seconds after it was published, among ``in_flight``."""
        ...

    def lost(self) -> None:
        """A command was not marked in time."""
        ...


class FixedLimiter:
    """Always the same limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def limit(self) -> int:
        """The limit it was made with."""
        return self._limit

    def marked(self, delay: float, in_flight: int) -> None:
        """Nothing to learn."""

    def lost(self) -> None:
        """Nothing to learn."""


class Admission:
    """Counts what is in flight per partition, and refuses what is too much."""

    def __init__(self, limiters: dict[int, Limiter]) -> None:
        self._limiters = limiters
        self._in_flight = dict.fromkeys(limiters, 0)

    def check(self, partition: int) -> None:
        """Raises: Exhausted, if one more would be too much now."""
        limit = self._limiters[partition].limit()
        if self._in_flight[partition] >= limit:
            raise Exhausted(Limit.PARTITION, limit, partition)

    def enter(self, partition: int) -> None:
        """Count one in. What load never refuses is counted without ``check``."""
        self._in_flight[partition] += 1

    def leave(self, partition: int, delay: float | None) -> None:
        """Count one out: marked after ``delay`` seconds, or never (None)."""
        in_flight = self._in_flight[partition]
        self._in_flight[partition] = in_flight - 1
        limiter = self._limiters[partition]
        if delay is None:
            limiter.lost()
        else:
            limiter.marked(delay, in_flight)

    def in_flight(self, partition: int) -> int:
        """How many are counted in."""
        return self._in_flight[partition]

    def limit(self, partition: int) -> int:
        """How many may be."""
        return self._limiters[partition].limit()
