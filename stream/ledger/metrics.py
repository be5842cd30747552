"""The ledger's Prometheus metrics, counted once a batch."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from schemas.errors import DeadLetterReason
from stream.ledger.gate_runner import Ruling
from stream.ledger.quality import Quality
from stream.ledger.quality_metrics import QualityMetrics
from stream.ledger.store import Written

#: Seconds: from a small batch to one that waits for another ledger's.
BATCH_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
#: Seconds: from a quiet topic to an outage.
DELAY_BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)
#: Names of alerts that are counted under their own, and characters of one: our rules have fewer and shorter ones, but
#: whoever reaches the page may make some up.
ALERT_NAMES, ALERT_NAME_LENGTH = 100, 128


class LedgerMetrics:
    """Everything a ledger counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._rows = Counter("ledger_rows", "Rows written that were new.", ["kind"], registry=registry)
        self._repeated = Counter(
            "ledger_repeated", "Messages made one with an earlier one of their key.", ["kind"], registry=registry
        )
        self._unknown = Counter(
            "ledger_labels_unknown", "Labels whose transaction had no decision when they came.", registry=registry
        )
        self._ahead = Counter(
            "ledger_event_times_ahead", "Event times too far ahead of the clock to be believed.", registry=registry
        )
        self._watermark = Gauge(
            "ledger_watermark_timestamp_seconds",
            "Event time up to which history counts as complete.",
            registry=registry,
        )
        self._dead_letters = Counter("dead_letters", "Refused messages by reason.", ["reason"], registry=registry)
        self._batch = Histogram(
            "ledger_batch_seconds",
            "From taking a batch up to its commit.",
            ["kind"],
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self._delay = Histogram(
            "ledger_delay_seconds",
            "From a batch's newest message being sent to its commit.",
            ["kind"],
            buckets=DELAY_BUCKETS,
            registry=registry,
        )
        self._dropped = Counter(
            "ledger_batches_dropped", "Batches not committed, to be read again.", ["cause"], registry=registry
        )
        self._deleted = Counter("ledger_deleted", "Rows deleted for their age.", ["kind"], registry=registry)
        self._lag = Gauge("consumer_lag_messages", "Messages left to read.", ["kind"], registry=registry)
        self._capital = Gauge(
            "gate_log_capital",
            "Logarithm of the capital against 'the challenger is no better'; the test is won at -log(alpha).",
            ["challenger", "policy", "measure"],
            registry=registry,
        )
        self._frauds = Gauge(
            "gate_frauds", "Matured frauds that the test has seen.", ["challenger", "policy"], registry=registry
        )
        self._verdict = Gauge(
            "gate_verdict", "1 for the verdict that stands.", ["challenger", "policy", "verdict"], registry=registry
        )
        self._alerts = Counter(
            "alert_history", "Alerts that began, and that were resolved.", ["alertname", "status"], registry=registry
        )
        self._alert_names: set[str] = set()
        self._quality = QualityMetrics()
        registry.register(self._quality)
        self._up = Gauge("ledger_database_up", "Whether the database answered last time.", registry=registry)

    def ruled(self, rulings: Sequence[Ruling]) -> None:
        """Show what every challenger's test has come to."""
        for gauge in (self._capital, self._frauds, self._verdict):
            gauge.clear()
        for ruling in rulings:
            if ruling.judgement is not None:
                who = (ruling.challenger.bundle_sha256, ruling.challenger.policy_version)
                self._capital.labels(*who, "cost").set(ruling.judgement.cost.log_capital)
                self._capital.labels(*who, "recall").set(ruling.judgement.recall.log_capital)
                self._frauds.labels(*who).set(ruling.judgement.frauds)
                self._verdict.labels(*who, ruling.judgement.verdict).set(1)

    def measured(self, quality: Quality) -> None:
        """Show how good every model has been."""
        self._quality.show(quality)

    def alert(self, alertname: str, status: str) -> None:
        """Count an alert that was new in its status; under "other" where there are too many names already."""
        fits = alertname in self._alert_names or len(self._alert_names) < ALERT_NAMES
        if fits and len(alertname) <= ALERT_NAME_LENGTH:
            self._alert_names.add(alertname)
        else:
            alertname = "other"
        self._alerts.labels(alertname, status).inc()

    def written(
        self, kind: str, written: Written, refused: Sequence[DeadLetterReason], *, batch_s: float, delay_s: float
    ) -> None:
        """Count a batch once it is committed."""
        self._rows.labels(kind).inc(written.new)
        self._repeated.labels(kind).inc(written.repeated)
        self._unknown.inc(written.unknown)
        self._ahead.inc(written.ahead)
        if written.watermark_ms is not None:
            self._watermark.set(written.watermark_ms / 1000)
        for reason in refused:
            self._dead_letters.labels(reason.value).inc()
        self._batch.labels(kind).observe(batch_s)
        self._delay.labels(kind).observe(delay_s)

    def dropped(self, cause: str) -> None:
        """Count a batch that was not committed."""
        self._dropped.labels(cause).inc()

    def deleted(self, kind: str, rows: int) -> None:
        """Count rows deleted for their age."""
        self._deleted.labels(kind).inc(rows)

    def lag(self, kind: str, messages: int) -> None:
        """Show what is left to read of one kind."""
        self._lag.labels(kind).set(messages)

    def store(self, *, up: bool) -> None:
        """Show whether the database answers."""
        self._up.set(up)
