"""The time, as a port: the only module that reads the machine's clocks."""

import time
from typing import Protocol


class Clock(Protocol):
    """What time it is; a test gives one that it moves by hand."""

    def now_ms(self) -> int:
        """Return the time of day as milliseconds since 1970, UTC; it may jump when it is set."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment, never going back: for measuring and deadlines."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Return the time of day as milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds since some moment, never going back."""
        return time.monotonic()
