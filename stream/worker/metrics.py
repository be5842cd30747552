"""Prometheus metrics of the worker. They are updated once per batch, so their cost per transaction is negligible."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from schemas.messages import Verdict
from stream.control.drift_metrics import DriftMetrics
from stream.control.rollback_metrics import RollbackMetrics
from stream.serving.role_metrics import RoleMetrics
from stream.serving.score_metrics import ScoreMetrics
from stream.worker.outputs import BatchOutputs

#: Upper bounds in seconds, from a few milliseconds on a quiet topic to the length of an outage.
LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


class BatchHistogram(Collector):
    """A histogram that observes one value many times at once, because all transactions in a batch share one latency.

    Args:
        name: Name of the metric.
        documentation: Help text of the metric.
        buckets: Upper bounds, ascending.
        registry: Registry to register with.
    """

    def __init__(self, name: str, documentation: str, buckets: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._documentation, self._bounds = name, documentation, buckets
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float, times: int) -> None:
        """Observe a value `times` times."""
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times

    def collect(self) -> Iterable[Metric]:
        """Return cumulative buckets as Prometheus expects them."""
        total, buckets = 0, []
        for bound, count in zip((*map(floatToGoString, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)


class WorkerMetrics:
    """All metrics of a worker, in a separate registry."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "prediction_requests", "Transactions decided or dead-lettered, by outcome.", ["outcome"], registry=registry
        )
        self._latency = BatchHistogram(
            "prediction_latency_seconds",
            "Seconds from receiving a transaction until its decision is committed in Kafka.",
            LATENCY_BUCKETS,
            registry,
        )
        self._predictions = Counter(
            "fraud_predictions", "Committed decisions by verdict.", ["verdict"], registry=registry
        )
        self._batch_size = Histogram(
            "batch_size_transactions",
            "Number of transactions in each committed batch.",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self._dead_letters = Counter(
            "dead_letters", "Rejected messages that became dead letters, by reason.", ["reason"], registry=registry
        )
        self.roles = RoleMetrics(registry)
        self._scores = ScoreMetrics(registry)
        self._aborts = Counter("transaction_aborts", "Kafka transactions that were aborted.", registry=registry)
        self.rollback = RollbackMetrics(registry)
        self.drift = DriftMetrics(registry)
        self._lag = Gauge(
            "consumer_lag_transactions",
            "Transactions in the assigned partitions that have not been read yet.",
            registry=registry,
        )
        # Create the series at 0, because a rate misses the first count of a series that starts with that count.
        for outcome in ("decided", "dead_letter"):
            self._requests.labels(outcome)
        for verdict in get_args(Verdict):
            self._predictions.labels(verdict)

    def committed(self, outputs: BatchOutputs, latency_s: float) -> None:
        """Count a committed batch.

        Args:
            outputs: Encoded outputs of the batch.
            latency_s: Seconds from reading the batch to its commit.
        """
        settled = outputs.decided + len(outputs.refusals)
        self._requests.labels("decided").inc(outputs.decided)
        self._requests.labels("dead_letter").inc(len(outputs.refusals))
        self._predictions.labels("approve").inc(outputs.decided - len(outputs.alerts))
        for verdict in outputs.alerts:
            self._predictions.labels(verdict).inc()
        for reason in outputs.refusals:
            self._dead_letters.labels(reason.value).inc()
        if outputs.score_counts is not None:
            self._scores.add(outputs.score_counts)
        self._latency.observe(latency_s, settled)
        self._batch_size.observe(settled)

    def aborted(self) -> None:
        """Count an aborted Kafka transaction."""
        self._aborts.inc()

    def lag(self, transactions: int) -> None:
        """Show the number of transactions left to read."""
        self._lag.set(transactions)
