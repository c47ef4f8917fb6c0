"""A broker's numbers as Prometheus reads them, and the small application that shows them."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from signoff_broker.runtime.metrics import Histogram, Metrics

COUNTERS = (
    ("steps", "Commands, results and timers that were stepped."),
    ("batches", "Transactions."),
    ("quarantined", "Commands that could not be applied for no fault of their state."),
    ("rubbish", "Records that were no entries of ours."),
    ("takeovers", "Partitions that were taken from an owner that did not give them back."),
    ("dropped", "Partitions that were given up because something failed."),
    ("relay_retries", "Attempts to send messages again."),
    ("unsendable", "Messages that could not be put on the log."),
)


class BrokerCollector(Collector):
    """Reads a broker's counters when Prometheus asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """All counters, and the gauges of every partition held."""
        for name, meaning in COUNTERS:
            yield CounterMetricFamily(
                f"signoff_broker_{name}", meaning, value=getattr(self._metrics, name)
            )
        yield _histogram("batch_size", "Steps in a transaction.", self._metrics.batch_size)
        yield _histogram("commit_seconds", "Time of a commit.", self._metrics.commit_seconds)
        yield from self._gauges()

    def _gauges(self) -> Iterable[Metric]:
        position = GaugeMetricFamily("signoff_position", "Newest step.", labels=["partition"])
        lag = GaugeMetricFamily("signoff_relay_lag", "Steps still to leave.", labels=["partition"])
        labels = ["partition", "type"]
        waiting = GaugeMetricFamily("signoff_jobs_waiting", "Jobs without a worker.", labels=labels)
        age = GaugeMetricFamily(
            "signoff_jobs_oldest_seconds", "Age of the oldest waiting job.", labels=labels
        )
        for number, partition in self._metrics.partitions.items():
            position.add_metric([str(number)], partition.position)
            lag.add_metric([str(number)], partition.relay_lag)
            for job_type, (count, seconds) in partition.backlog.items():
                waiting.add_metric([str(number), job_type], count)
                age.add_metric([str(number), job_type], seconds)
        return (position, lag, waiting, age)


class BrokerPages:
    """ASGI: `/metrics`, and `/ready` (204 when all partitions are where they stay, else 503)."""

    def __init__(self, metrics: Metrics, is_ready: Callable[[], bool]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(BrokerCollector(metrics))
        self._is_ready = is_ready

    async def __call__(
        self,
        scope: dict[str, Any],
        _receive: Callable[[], Awaitable[Any]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        status, body = 404, b""
        if scope["path"] == "/metrics":
            status, body = 200, generate_latest(self._registry)
        elif scope["path"] == "/ready":
            status = 204 if self._is_ready() else 503
        headers = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _histogram(name: str, meaning: str, histogram: Histogram) -> HistogramMetricFamily:
    total = 0
    buckets: list[tuple[str, float]] = []
    bounds = [*map(str, histogram.bounds), "+Inf"]
    for bound, count in zip(bounds, histogram.counts, strict=True):
        total += count
        buckets.append((bound, total))
    return HistogramMetricFamily(
        f"signoff_broker_{name}", meaning, buckets=buckets, sum_value=histogram.total
    )
