"""What the broker counts: plain numbers that the composition exports as it likes."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

SECONDS_BOUNDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
SIZE_BOUNDS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)


@dataclass(slots=True)
class Histogram:
    """Counts by upper bound (the last one is unbounded) and the sum of what was observed."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list[int])
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class PartitionMetrics:
    """One partition that this broker holds now: gauges."""

    position: int = 0
    relay_lag: int = 0
    """Steps that are committed and have not left."""
    backlog: dict[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])
    """Job type → waiting jobs, age of the oldest in seconds."""
    cached: int = 0
    """Instances in memory."""


@dataclass(slots=True)
class Metrics:
    """Counters of this broker since it started, and gauges of what it holds."""

    steps: int = 0
    batches: int = 0
    batch_size: Histogram = field(default_factory=lambda: Histogram(SIZE_BOUNDS))
    commit_seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS_BOUNDS))
    quarantined: int = 0
    rubbish: int = 0
    """Records that were no entries of ours."""
    takeovers: int = 0
    """Partitions that were taken from an owner that did not give them back."""
    dropped: int = 0
    """Partitions that were given up because something failed."""
    relay_retries: int = 0
    unsendable: int = 0
    """Messages that could not be put on the log."""
    partitions: dict[int, PartitionMetrics] = field(default_factory=dict[int, PartitionMetrics])
