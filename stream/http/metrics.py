"""What the HTTP edge shows to Prometheus."""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from schemas.messages import Decision, Verdict
from stream.scoring.scorer import ScoredBatch
from stream.serving.role_metrics import RoleMetrics
from stream.serving.score_metrics import ScoreMetrics

#: Seconds: from a reply out of memory to the deadline.
LATENCY_BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 250)


class HttpMetrics:
    """Everything the edge counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.roles = RoleMetrics(registry)
        self._scores = ScoreMetrics(registry)
        self._predictions_asked = Counter(
            "prediction_requests",
            "Transactions settled: decided, refused or unanswered.",
            ["outcome"],
            registry=registry,
        )
        self._repeats = Counter("http_repeats", "Of these, asked about before.", registry=registry)
        self._latency = Histogram(
            "prediction_latency_seconds",
            "From a transaction's body being read to its reply.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._predictions = Counter("fraud_predictions", "Decisions by verdict.", ["verdict"], registry=registry)
        self._refused = Counter("http_refusals", "Transactions refused, by reason.", ["reason"], registry=registry)
        self._batch_size = Histogram(
            "batch_size_transactions", "Transactions in a model run.", buckets=BATCH_BUCKETS, registry=registry
        )
        self._under_way = Gauge("http_under_way_transactions", "Asked about and not replied to.", registry=registry)
        self._unrecorded = Counter(
            "http_unrecorded", "Replied to with ack=none, and then not acknowledged by Kafka.", registry=registry
        )
        self._requests = Counter("http_requests", "By route and status.", ["route", "status"], registry=registry)
        self._request_seconds = Histogram(
            "http_request_seconds",
            "From a request's head to the end of its response.",
            ["route"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        # Shown from the start: a rate sees no increase in a series that begins with its first count.
        for outcome in ("decided", "refused", "unanswered"):
            self._predictions_asked.labels(outcome)
        for verdict in get_args(Verdict):
            self._predictions.labels(verdict)

    def decided(self, seconds: float) -> None:
        """Count a transaction that was replied to with a decision."""
        self._predictions_asked.labels("decided").inc()
        self._latency.observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a transaction that cannot be scored."""
        self._predictions_asked.labels("refused").inc()
        self._refused.labels(reason).inc()

    def repeated(self) -> None:
        """Count a transaction that was asked about before."""
        self._repeats.inc()

    def unanswered(self) -> None:
        """Count a transaction that was not decided now."""
        self._predictions_asked.labels("unanswered").inc()

    def scored(self, scored: ScoredBatch, unknown_features: dict[str, int]) -> None:
        """Count a model run."""
        self._batch_size.observe(len(scored.decisions) + len(scored.refusals))
        self._verdicts(scored.decisions)
        if scored.tally is not None:
            self._scores.said(scored.tally)
        self.roles.unknown_features(unknown_features)

    def under_way(self, transactions: int) -> None:
        """Show how many are."""
        self._under_way.set(transactions)

    def unrecorded(self) -> None:
        """Count a transaction whose reply did not wait for Kafka, which has failed since."""
        self._unrecorded.inc()

    def responded(self, route: str, status: int, seconds: float) -> None:
        """Count a response."""
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def _verdicts(self, decisions: list[Decision]) -> None:
        alerts = [decision.verdict for decision in decisions if decision.verdict != "approve"]
        self._predictions.labels("approve").inc(len(decisions) - len(alerts))
        for verdict in alerts:
            self._predictions.labels(verdict).inc()
