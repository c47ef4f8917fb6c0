"""When a failed job comes again: pure arithmetic."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Pauses that grow by `factor` from `first` to `longest`.

    `retries` is what jobs start with (the model's default is 3): the pause is chosen by how many
    of them are used up.
    """

    first: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    longest: timedelta = timedelta(minutes=1)
    retries: int = 3

    def __post_init__(self) -> None:
        """Raises: ValueError for pauses that shrink or are negative."""
        if self.first < timedelta() or self.factor < 1 or self.longest < self.first:
            raise ValueError(f"pauses must not shrink: {self}")

    def pause(self, retries_left: int) -> timedelta:
        """The pause before the try that `retries_left` still allows."""
        failed = max(0, min(self.retries - retries_left - 1, 64))
        return min(self.longest, self.first * self.factor**failed)
