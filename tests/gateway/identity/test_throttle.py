"""How many logins are tried, and what is remembered of those that failed."""

from contextlib import ExitStack
from dataclasses import dataclass

from signoff_gateway.identity.throttle import (
    PER_ADDRESS,
    PER_PAIR,
    TRYING_MAX,
    WINDOW_SECONDS,
    Throttle,
)


@dataclass
class Hand:
    """A clock moved by hand."""

    now: float = 0.0

    def now_ms(self) -> int:
        return int(self.now * 1000)

    def monotonic(self) -> float:
        return self.now


def test_failures_are_forgotten_with_their_minute() -> None:
    clock = Hand()
    throttle = Throttle(clock)
    for number in range(PER_ADDRESS):
        throttle.failed(f"name {number}", "10.0.0.1")
    assert throttle.wait_seconds("other", "10.0.0.1") == WINDOW_SECONDS + 1

    clock.now += WINDOW_SECONDS
    assert throttle.wait_seconds("other", "10.0.0.1") == 0
    throttle.failed("other", "10.0.0.2")
    assert throttle.counted == 3


def test_attempts_under_way_count_until_they_end() -> None:
    throttle = Throttle(Hand())
    with ExitStack() as trying:
        for _ in range(PER_PAIR):
            assert not throttle.is_busy("jane", "10.0.0.1")
            trying.enter_context(throttle.trying("jane", "10.0.0.1"))
        assert throttle.is_busy("jane", "10.0.0.1")
        assert not throttle.is_busy("john", "10.0.0.1")
        assert throttle.wait_seconds("jane", "10.0.0.1") == 0
    assert not throttle.is_busy("jane", "10.0.0.1")


def test_only_so_many_attempts_are_under_way_at_a_time() -> None:
    throttle = Throttle(Hand())
    with ExitStack() as trying:
        for number in range(TRYING_MAX):
            trying.enter_context(throttle.trying(f"name {number}", f"10.0.1.{number}"))
        assert throttle.is_busy("jane", "10.0.0.1")
    assert not throttle.is_busy("jane", "10.0.0.1")
