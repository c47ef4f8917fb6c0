"""What the gateway counts, as Prometheus reads it.

Counting is a dict and a list: an instrument of the client library costs some microseconds a call,
which is much of what a request may cost.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

BUCKETS: Final = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0,
)  # fmt: skip
"""Upper bounds, in seconds."""

Gauge = Callable[[], dict[tuple[str, ...], float]]
"""Label values → value."""


class Metrics(Collector):
    """Counts of one gateway, collected when they are asked for."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        """By method, route template and status."""
        self._outcomes = [0] * (len(BUCKETS) + 1)
        self._outcome_seconds = 0.0
        self._gauges: list[tuple[str, str, tuple[str, ...], Gauge]] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def outcome(self, seconds: float) -> None:
        """An outcome came so long after its command was published."""
        self._outcomes[bisect_left(BUCKETS, seconds)] += 1
        self._outcome_seconds += seconds

    def gauge(self, name: str, meaning: str, labels: tuple[str, ...], read: Gauge) -> None:
        """Show what ``read`` returns at every collection."""
        self._gauges.append((name, meaning, labels, read))

    def include(self, collector: Collector) -> None:
        """Show another part's numbers too: in one process the broker's."""
        self._registry.register(collector)

    def render(self) -> bytes:
        """Everything in the text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        requests = CounterMetricFamily(
            "signoff_gateway_requests",
            "Requests answered.",
            labels=("method", "route", "status"),
        )
        for (method, route, status), count in self.requests.items():
            requests.add_metric((method, route, str(status)), count)
        yield requests
        yield self._histogram()
        for name, meaning, labels, read in self._gauges:
            family = GaugeMetricFamily(name, meaning, labels=labels)
            for values, value in read().items():
                family.add_metric(values, value)
            yield family

    def _histogram(self) -> HistogramMetricFamily:
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._outcomes, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(
            "signoff_gateway_outcome_seconds",
            "Time from publishing a command to its outcome.",
            buckets=buckets,
            sum_value=self._outcome_seconds,
        )
