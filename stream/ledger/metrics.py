"""The ledger's Prometheus metrics; counters of messages are updated once per batch."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from schemas.errors import DeadLetterReason
from stream.ledger.gate_runner import GateStatus
from stream.ledger.quality import ModelQuality
from stream.ledger.quality_metrics import QualityMetrics
from stream.ledger.store import WriteResult

#: Buckets in seconds, from a small batch to a batch that waits for another ledger's transaction.
BATCH_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
#: Buckets in seconds, from a quiet topic to an outage.
DELAY_BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)
#: Maximum number of alert names that are counted separately, and their maximum length in characters. Our rules have
#: fewer and shorter names, but any client of the webhook may send others.
ALERT_NAMES, ALERT_NAME_LENGTH = 100, 128


class LedgerMetrics:
    """Metrics of one ledger, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._rows = Counter("ledger_rows", "Rows inserted, by kind of message.", ["kind"], registry=registry)
        self._repeated = Counter(
            "ledger_repeated", "Messages merged into a row with the same key.", ["kind"], registry=registry
        )
        self._unknown = Counter(
            "ledger_labels_unknown", "Labels that arrived before any decision on their transaction.", registry=registry
        )
        self._ahead = Counter(
            "ledger_event_times_ahead",
            "Decisions whose event time was too far ahead of the clock to move the watermark.",
            registry=registry,
        )
        self._watermark = Gauge(
            "ledger_watermark_timestamp_seconds",
            "Event time up to which history is complete, Unix time in seconds.",
            registry=registry,
        )
        self._dead_letters = Counter(
            "dead_letters", "Rejected messages written to dead-letters, by reason.", ["reason"], registry=registry
        )
        self._batch = Histogram(
            "ledger_batch_seconds",
            "Seconds to process one batch, from decoding to commit.",
            ["kind"],
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self._delay = Histogram(
            "ledger_delay_seconds",
            "Seconds from sending a batch's newest message to committing the batch.",
            ["kind"],
            buckets=DELAY_BUCKETS,
            registry=registry,
        )
        self._dropped = Counter(
            "ledger_batches_dropped",
            "Batches dropped, to be read again, by cause: stale, claimed, database or dead_letters.",
            ["cause"],
            registry=registry,
        )
        self._deleted = Counter(
            "ledger_deleted", "Rows deleted because their retention period has ended.", ["kind"], registry=registry
        )
        self._lag = Gauge("consumer_lag_messages", "Messages left to read.", ["kind"], registry=registry)
        self._capital = Gauge(
            "gate_log_capital",
            "Natural logarithm of the test's capital against 'not better'; significant at -ln(alpha).",
            ["challenger", "policy", "measure"],
            registry=registry,
        )
        self._frauds = Gauge(
            "gate_frauds",
            "Matured frauds in the closed cohorts of the challenger's test.",
            ["challenger", "policy"],
            registry=registry,
        )
        self._verdict = Gauge(
            "gate_verdict",
            "1 for the current verdict on the challenger.",
            ["challenger", "policy", "verdict"],
            registry=registry,
        )
        self._alerts = Counter(
            "alert_history",
            "Alerts from Alertmanager that were new or newly resolved; names beyond the first 100 count as other.",
            ["alertname", "status"],
            registry=registry,
        )
        self._alert_names: set[str] = set()
        self._quality = QualityMetrics()
        registry.register(self._quality)
        self._up = Gauge(
            "ledger_database_up", "1 if the database answered the last query, 0 if not.", registry=registry
        )

    def show_gate(self, statuses: Sequence[GateStatus]) -> None:
        """Export the state of every challenger's test."""
        for gauge in (self._capital, self._frauds, self._verdict):
            gauge.clear()
        for status in statuses:
            if status.judgement is not None:
                challenger = (status.challenger.bundle_sha256, status.challenger.policy_version)
                self._capital.labels(*challenger, "cost").set(status.judgement.cost.log_capital)
                self._capital.labels(*challenger, "recall").set(status.judgement.recall.log_capital)
                self._frauds.labels(*challenger).set(status.judgement.frauds)
                self._verdict.labels(*challenger, status.judgement.verdict).set(1)

    def show_quality(self, quality: ModelQuality) -> None:
        """Export a new measurement of model quality."""
        self._quality.show(quality)

    def count_alert(self, alertname: str, status: str) -> None:
        """Count a new or newly resolved alert, under "other" if too many names are counted already."""
        has_slot = alertname in self._alert_names or len(self._alert_names) < ALERT_NAMES
        if has_slot and len(alertname) <= ALERT_NAME_LENGTH:
            self._alert_names.add(alertname)
        else:
            alertname = "other"
        self._alerts.labels(alertname, status).inc()

    def count_batch(
        self, kind: str, result: WriteResult, refused: Sequence[DeadLetterReason], *, batch_s: float, delay_s: float
    ) -> None:
        """Count a batch that was committed."""
        self._rows.labels(kind).inc(result.new)
        self._repeated.labels(kind).inc(result.repeated)
        self._unknown.inc(result.unknown)
        self._ahead.inc(result.ahead)
        if result.watermark_ms is not None:
            self._watermark.set(result.watermark_ms / 1000)
        for reason in refused:
            self._dead_letters.labels(reason.value).inc()
        self._batch.labels(kind).observe(batch_s)
        self._delay.labels(kind).observe(delay_s)

    def count_dropped_batch(self, cause: str) -> None:
        """Count a batch that was not committed."""
        self._dropped.labels(cause).inc()

    def count_deleted(self, kind: str, rows: int) -> None:
        """Count rows that were deleted because their retention period has ended."""
        self._deleted.labels(kind).inc(rows)

    def lag(self, kind: str, messages: int) -> None:
        """Export how many messages of one kind are left to read."""
        self._lag.labels(kind).set(messages)

    def store(self, *, up: bool) -> None:
        """Export whether the database is responding."""
        self._up.set(up)
