"""Prometheus metrics of the HTTP edge."""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from schemas.errors import BrokerUnavailableError, NotDecidedError, RefusedMessageError, TransactionIdReusedError
from schemas.messages import Decision, Verdict
from stream.scoring.scorer import ScoredBatch
from stream.serving.role_metrics import RoleMetrics
from stream.serving.score_metrics import ScoreMetrics

#: Upper bounds of the histogram buckets in seconds, from the time of a cached response to beyond the default deadline.
LATENCY_BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 250)


class HttpMetrics:
    """All metrics of one HTTP edge, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.roles = RoleMetrics(registry)
        self._scores = ScoreMetrics(registry)
        self._outcomes = Counter(
            "prediction_requests",
            "Transactions completed, by outcome: decided, refused or unanswered.",
            ["outcome"],
            registry=registry,
        )
        self._latency = Histogram(
            "prediction_latency_seconds",
            "Time from receiving a transaction until its decision is committed in Kafka.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._predictions = Counter("fraud_predictions", "Decisions, by verdict.", ["verdict"], registry=registry)
        self._refusals = Counter("http_refusals", "Transactions rejected, by reason.", ["reason"], registry=registry)
        self._replays = Counter(
            "http_idempotent_replays", "Requests that got the response to an earlier request.", registry=registry
        )
        self.kept_responses = Gauge(
            "http_kept_responses", "Responses of all edges that are kept for repeated requests.", registry=registry
        )
        self._batch_size = Histogram(
            "batch_size_transactions", "Number of transactions per model run.", buckets=BATCH_BUCKETS, registry=registry
        )
        self._in_flight = Gauge(
            "http_in_flight_transactions", "Transactions admitted that have no outcome yet.", registry=registry
        )
        self._unrecorded = Counter(
            "http_unrecorded_decisions",
            "Decisions sent with ack=none that Kafka did not acknowledge.",
            registry=registry,
        )
        self._responses = Counter(
            "http_requests", "HTTP requests, by route and status.", ["route", "status"], registry=registry
        )
        self._response_time = Histogram(
            "http_request_duration_seconds",
            "Time from a request's headers to the end of its response.",
            ["route"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        # Export every series from the start: rate() misses the first increase in a series that begins with it.
        for outcome in ("decided", "refused", "unanswered"):
            self._outcomes.labels(outcome)
        for verdict in get_args(Verdict):
            self._predictions.labels(verdict)

    def decided(self, latency_s: float) -> None:
        """Count a transaction whose decision Kafka has acknowledged."""
        self._outcomes.labels("decided").inc()
        self._latency.observe(latency_s)

    def failed(self, error: BaseException) -> None:
        """Count a transaction that was rejected, or not decided because of a temporary problem. Ignore other errors."""
        if isinstance(error, RefusedMessageError):
            self._refused(error.reason.value)
        elif isinstance(error, TransactionIdReusedError):
            self._refused("repeated_id")
        elif isinstance(error, NotDecidedError | BrokerUnavailableError):
            self._outcomes.labels("unanswered").inc()

    def replayed(self) -> None:
        """Count a request that gets the response to an earlier request."""
        self._replays.inc()

    def scored(self, scored: ScoredBatch, unknown_features: dict[str, int]) -> None:
        """Count one model run and its transactions."""
        self._batch_size.observe(len(scored.decisions) + len(scored.refusals))
        self._count_verdicts(scored.decisions)
        if scored.score_counts is not None:
            self._scores.add(scored.score_counts)
        self.roles.unknown_features(unknown_features)

    def in_flight(self, transactions: int) -> None:
        """Set the number of transactions in flight."""
        self._in_flight.set(transactions)

    def unrecorded(self) -> None:
        """Count a decision that was sent with ack=none and that Kafka did not acknowledge."""
        self._unrecorded.inc()

    def responded(self, route: str, status: int, duration_s: float) -> None:
        """Count an HTTP response."""
        self._responses.labels(route, str(status)).inc()
        self._response_time.labels(route).observe(duration_s)

    def _refused(self, reason: str) -> None:
        self._outcomes.labels("refused").inc()
        self._refusals.labels(reason).inc()

    def _count_verdicts(self, decisions: list[Decision]) -> None:
        alerts = [decision.verdict for decision in decisions if decision.verdict != "approve"]
        self._predictions.labels("approve").inc(len(decisions) - len(alerts))
        for verdict in alerts:
            self._predictions.labels(verdict).inc()
