"""Bounds guessing: failed logins are counted by name and by address, over a minute."""

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from signoff_process.clock import Clock

WINDOW_SECONDS: Final = 60.0
PER_PAIR: Final = 10
"""Failures for one name from one address."""
PER_NAME: Final = 100
"""Failures for one name from everywhere: more addresses do not help much."""
PER_ADDRESS: Final = 100
"""Failures from one address for all names."""
COUNTED_MAX: Final = 20_000
TRYING_MAX: Final = 100
"""Attempts that may be under way at a time: so many take some seconds to check."""
TRYING_SECONDS: Final = 1
"""When to try again if there were too many."""

_Counted = tuple[bytes, str]
_ALL: Final[_Counted] = (b"", " ")


class Throttle:
    """Counts failures, and attempts under way as if they failed.

    Who has proved himself before is never asked here, so nobody is locked out.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: OrderedDict[_Counted, tuple[int, float]] = OrderedDict()
        self._trying: Counter[_Counted] = Counter()

    @property
    def counted(self) -> int:
        """How many counts are kept: of names, addresses and pairs of them."""
        return len(self._counts)

    def wait_seconds(self, name: str, address: str) -> int:
        """For how long no more attempts are taken after so many failures; 0 if one is."""
        now = self._clock.monotonic()
        ends = [
            began + WINDOW_SECONDS
            for counted, most in _limits(name, address)
            for count, began in (self._counts.get(counted, (0, now)),)
            if count >= most
        ]
        return max((int(end - now) + 1 for end in ends if end > now), default=0)

    def is_busy(self, name: str, address: str) -> bool:
        """Whether there is no room for one more attempt until one of those under way ends."""
        if self._trying[_ALL] >= TRYING_MAX:
            return True
        now = self._clock.monotonic()
        for counted, most in _limits(name, address):
            count, began = self._counts.get(counted, (0, now))
            failures = count if now - began < WINDOW_SECONDS else 0
            if failures + self._trying[counted] >= most:
                return True
        return False

    @contextmanager
    def trying(self, name: str, address: str) -> Generator[None]:
        """An attempt is under way: those that come meanwhile must not all pass."""
        counted = (_ALL, *(each for each, _ in _limits(name, address)))
        self._trying.update(counted)
        try:
            yield
        finally:
            self._trying.subtract(counted)
            for each in counted:
                if not self._trying[each]:
                    del self._trying[each]

    def failed(self, name: str, address: str) -> None:
        """Count a failure."""
        now = self._clock.monotonic()
        for counted, _ in _limits(name, address):
            count, began = self._counts.pop(counted, (0, now))
            if now - began >= WINDOW_SECONDS:
                count, began = 0, now
            self._counts[counted] = (count + 1, began)
        while self._counts:
            oldest = next(iter(self._counts))
            is_over = now - self._counts[oldest][1] >= WINDOW_SECONDS
            if not is_over and len(self._counts) <= COUNTED_MAX:
                break
            del self._counts[oldest]

    def succeeded(self, name: str, address: str) -> None:
        """Forget what this caller got wrong before."""
        self._counts.pop((_digest(name), address), None)


def _limits(name: str, address: str) -> tuple[tuple[_Counted, int], ...]:
    # A space is in no address and no digest is empty, so these never meet.
    who = _digest(name)
    return (((who, address), PER_PAIR), ((who, " "), PER_NAME), ((b"", address), PER_ADDRESS))


def _digest(name: str) -> bytes:
    """A name of any length, in little memory."""
    return hashlib.sha256(name.encode()).digest()
