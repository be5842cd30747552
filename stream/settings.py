"""Settings: environment variables with the prefix FRAUD_, read once, frozen, passed down.

Each field's environment name is its own in capitals: `bootstrap` is FRAUD_BOOTSTRAP. `.env.example` lists all of
them with unit and default; a test keeps it in step.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.errors import SettingsError

PREFIX = "FRAUD_"
PositiveInt = Annotated[int, Meta(ge=1)]
PositiveFloat = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=1, le=65535)]


class Settings(Struct, frozen=True):
    """All settings of the stream.

    Raises:
        SettingsError: From `read_settings`, naming the variable and what it takes.
    """

    #: Kafka's bootstrap addresses, host:port, comma-separated.
    bootstrap: str = "127.0.0.1:9092"
    #: Consumer group of all scoring workers.
    group: str = "fraud-scorer"
    #: Name of this worker among its siblings; stable over restarts, so that a restart fences its own past.
    slot: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")] = "0"
    #: Delivery of decisions: each once, or at least once (sooner, may repeat).
    delivery: Literal["exactly_once", "at_least_once"] = "exactly_once"

    #: Security for both Kafka clients, librdkafka and aiokafka.
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str = ""
    sasl_password: str = ""
    #: Paths of PEM files; empty means the system's certificates, or no client certificate.
    ssl_ca: str = ""
    ssl_certificate: str = ""
    ssl_key: str = ""

    #: fsspec URL under which bundles lie.
    bundle_store: str = "var/bundles"

    #: Most transactions in one batch, and so in one Kafka transaction. Batches grow this large only under a backlog.
    batch_max: PositiveInt = 5000
    #: Most bytes in one batch, in MiB.
    batch_max_mib: PositiveInt = 16
    #: A larger transaction becomes a dead letter, in bytes.
    max_transaction_bytes: PositiveInt = 65536
    #: Transactional producers used in turn; with one, each transaction waits for the last one's markers.
    producers: Annotated[int, Meta(ge=1, le=16)] = 3
    #: Milliseconds after which the broker aborts a dead worker's transaction; readers of committed data wait for it.
    transaction_timeout_ms: Annotated[int, Meta(ge=1000, le=900_000)] = 10_000
    #: Milliseconds without a heartbeat after which the group gives a dead worker's partitions away.
    session_timeout_ms: Annotated[int, Meta(ge=1000, le=300_000)] = 6_000
    #: Seconds in which the watchdog wants a batch in hand to finish and waiting transactions to be read; more than
    #: the 10 s after which a silent broker counts as away.
    watchdog_s: Annotated[float, Meta(ge=15)] = 30.0
    #: Unforeseen (`unscorable`) dead letters a minute above which the worker stops.
    max_unscorable_per_minute: PositiveInt = 100
    #: Reasons named on an alert.
    max_reasons: Annotated[int, Meta(ge=0, le=20)] = 5

    #: Whether this worker stands for election as the guard: the one process that, after a promotion, brings the
    #: previous champion back when the new one leaves the bounds of its own shadow period. Counts are published anyway.
    guard: Literal["on", "off"] = "on"
    #: Seconds between role-counts messages.
    guard_interval_s: PositiveFloat = 1.0
    #: Transactions in one block, at least: what the guard compares. 20,000 blocks are kept of each model and policy,
    #: so a busy stream takes larger ones.
    guard_block: Annotated[int, Meta(ge=1000)] = 1000
    #: Blocks of the shadow period without which the bounds come from the previous champion's time. They should make up
    #: the stream's whole cycle, a day mostly: an hour unlike all that were seen looks like a fault.
    guard_min_blocks: Annotated[int, Meta(ge=8)] = 100
    #: Blocks that are watched after a promotion.
    guard_watched_blocks: Annotated[int, Meta(ge=8)] = 1000
    #: Probability, at most, that a healthy promotion is rolled back.
    guard_error: Annotated[float, Meta(ge=1e-6, le=0.1)] = 0.001
    #: An alert rate above so many times the previous champion's highest is too much, whatever the shadow period said.
    guard_alert_multiple: Annotated[float, Meta(gt=1)] = 3.0
    #: Milliseconds for scoring up to 250 transactions above which it counts as slow; taken as the next power of two.
    guard_slow_ms: Annotated[int, Meta(ge=1, le=1024)] = 64

    #: Whether this worker counts what comes in for the drift watch, and stands for election to keep it.
    drift: Literal["on", "off"] = "on"
    #: Transactions of one model in a window, at least. Of 5,000 a tenth of a percent is five, and PSI's own chance (χ²)
    #: is below 0.01. Bundles know the natural movement for some sizes; that of the next smaller one counts.
    drift_window_rows: Annotated[int, Meta(ge=100)] = 5000
    #: Seconds of event time that a window must span besides; 0: rows alone. A day (86400) where day differs from night.
    drift_window_s: Annotated[float, Meta(ge=0)] = 0.0
    #: Seconds of event time that are counted together: what the rolling display moves by.
    drift_pane_s: PositiveInt = 600
    #: Seconds of event time in the rolling display.
    drift_rolling_s: PositiveInt = 86_400
    #: Seconds between drift-counts messages of one model: about what a killed worker may lose.
    drift_interval_s: PositiveFloat = 1.0
    #: PSI that a window must exceed to count as moved: 0.1 is "some change" in credit scoring, where PSI comes from.
    drift_psi: PositiveFloat = 0.1
    #: KS statistic likewise, besides its p-value: of 5,000 transactions 0.03 is significant, and means nothing.
    drift_ks: Annotated[float, Meta(ge=0.001, le=1)] = 0.1
    #: Chance that any column of an unmoved window is significant, for KS (Holm) and for the χ² of PSI (Bonferroni).
    drift_level: Annotated[float, Meta(ge=1e-6, le=0.2)] = 0.01
    #: PSI above a column's natural movement that calls somebody: 0.25 is "a different population" in credit scoring.
    drift_page_psi: PositiveFloat = 0.25
    #: Windows in a row that make an alarm: one odd window is an odd hour.
    drift_windows_in_a_row: Annotated[int, Meta(ge=1, le=100)] = 2
    #: Two-sided p-value of the alert rate below which it is an alarm: it is looked at after every window.
    drift_alert_level: Annotated[float, Meta(ge=1e-6, le=0.2)] = 0.001
    #: Expected alerts that are tested together at most, of as many windows as it takes: with 40 a doubling is found.
    drift_alert_expected: PositiveFloat = 40.0

    #: Where /metrics, /healthz and /readyz are served.
    web_host: str = "127.0.0.1"
    web_port: Port = 6066
    #: Seconds between worker-status messages.
    status_interval_s: PositiveFloat = 5.0

    #: SQL database of the ledger, as SQLAlchemy names it: sqlite:///file, or postgresql+psycopg://user@host/name with
    #: the password in PGPASSWORD.
    ledger_url: str = "sqlite:///var/ledger.db"
    #: How the consumer groups of all ledgers begin, one for each topic. They only share partitions out: what is read
    #: stands in the database.
    ledger_group: str = "fraud-ledger"
    #: Where the ledger serves /metrics, /healthz and /readyz, on FRAUD_WEB_HOST.
    ledger_web_port: Port = 6068
    #: Days after which a decision is deleted with its shadow scores and labels, counted from when the ledger read it.
    ledger_retention_days: PositiveInt = 400
    #: Seconds by which a decision may be later than its neighbours before history counts as complete without it.
    ledger_lateness_s: Annotated[float, Meta(ge=0)] = 60.0
    #: Seconds without a decision after which a partition no longer holds history's completeness back.
    ledger_idle_s: PositiveFloat = 300.0
    #: Seconds by which an event time may be ahead of the clock; of a later one nothing is concluded.
    ledger_ahead_s: Annotated[float, Meta(ge=0)] = 3600.0
    #: Days of event time, up to the newest that has matured, over which the ledger's metrics say how good each model
    #: was. More days steady the figures, fewer show a change sooner.
    ledger_quality_days: PositiveInt = 30

    #: fsspec URL of the archive: a folder, or file://, s3://, gs://, abfs://.
    archive_url: str = "var/archive"
    #: How the consumer groups of all archives begin, one for each topic. They only share partitions out: what was read
    #: stands in the names of the files.
    archive_group: str = "fraud-archive"
    #: Where the archive serves /metrics, /healthz and /readyz, on FRAUD_WEB_HOST.
    archive_web_port: Port = 6070
    #: MiB, compressed, at which a file is closed: large enough that readers are not held up by their number, small
    #: enough to be sent in seconds.
    archive_file_mib: PositiveInt = 64
    #: Seconds after its first message at which a file is closed, however small: how far the archive may be behind, and
    #: how much is read again after a crash or when partitions move. A day of one partition is 288 files at most.
    archive_file_s: PositiveFloat = 300.0
    #: MiB that open files may take in memory, all together; above it the largest is closed before its time.
    archive_memory_mib: PositiveInt = 256

    #: Where the HTTP edge answers. Other machines are let in only with keys.
    http_host: str = "127.0.0.1"
    http_port: Port = 6072
    #: File of API keys, as `fraud-stream http-key` writes it; it may change while the edge runs. Empty: no keys.
    http_keys: str = ""
    #: PEM files; empty: no TLS.
    http_tls_certificate: str = ""
    http_tls_key: str = ""
    #: Transactions that may be under way at once, asked about and not replied to; further ones get 429.
    http_queue: PositiveInt = 1000
    #: Milliseconds in which a transaction must be scored and recorded; after it 503.
    http_deadline_ms: Annotated[int, Meta(ge=10, le=60_000)] = 1000
    #: Transactions in one POST /predict/batch, and MiB.
    http_batch: PositiveInt = 500
    http_body_mib: PositiveInt = 8
    #: Replies kept for transactions that are asked about again, about 2 KB each, and for how many seconds.
    http_repeats: PositiveInt = 100_000
    http_repeats_s: PositiveFloat = 300.0

    #: Log lines less severe than this are left out.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    #: auto: text on a terminal, JSON elsewhere.
    log_format: Literal["auto", "text", "json"] = "auto"

    #: Address of an OpenTelemetry collector, http://host:4318; empty: no traces.
    otlp_endpoint: str = ""

    #: Days after which silence means that a transaction was legitimate; how long chargebacks may take.
    gate_maturity_days: PositiveInt = 45
    #: Hours of event time that the gate judges at once; some ten frauds each are best.
    gate_cohort_hours: PositiveInt = 24
    #: Hours within which frauds on one card count as one spell.
    gate_spell_hours: Annotated[int, Meta(ge=0)] = 72
    #: Seconds between two looks for cohorts that have closed.
    gate_interval_s: PositiveFloat = 60.0
    #: Of one fraud's amount, the minor units that count in the gate; 0 takes what earlier frauds suggest.
    gate_cap_minor: Annotated[int, Meta(ge=0)] = 0
    #: Minor units that an analyst's review costs, and a customer who was turned away wrongly.
    gate_review_cost_minor: Annotated[int, Meta(ge=0)] = 500
    gate_false_decline_cost_minor: Annotated[int, Meta(ge=0)] = 2000

    #: Days in which drift, performance and schedule each ask for a new model once at most: what moved stays moved, and
    #: asking again is no use before labels of new days have come.
    retrain_cooldown_days: Annotated[float, Meta(ge=0)] = 7.0
    #: Matured frauds without which no model is trained: below, the interval of its PR-AUC is wider than any gain.
    retrain_min_frauds: PositiveInt = 200
    #: Days of event time, up to the newest that has matured, of which a new model is made; older fraud is of another
    #: kind.
    retrain_days: PositiveInt = 400

    #: Topic names.
    topic_transactions: str = "transactions"
    #: What was scored over HTTP; never read for deciding.
    topic_transactions_http: str = "transactions-http"
    topic_decisions: str = "decisions"
    topic_alerts: str = "alerts"
    topic_shadow_scores: str = "shadow-scores"
    topic_labels: str = "labels"
    topic_dead_letters: str = "dead-letters"
    topic_model_updates: str = "model-updates"
    topic_worker_status: str = "worker-status"
    topic_role_counts: str = "role-counts"
    topic_drift_counts: str = "drift-counts"
    topic_drift_reports: str = "drift-reports"
    topic_retrain_requests: str = "retrain-requests"
    #: Partitions of each keyed topic that `fraud-stream topics` creates.
    partitions: PositiveInt = 4
    #: Replication factor of topics that `fraud-stream topics` creates.
    replication: PositiveInt = 1

    @property
    def decided_topics(self) -> tuple[str, str]:
        """Where transactions that were decided stand: sent to us, and asked about."""
        return self.topic_transactions, self.topic_transactions_http

    def __repr__(self) -> str:
        """Show what tells one worker from another; never the password."""
        return f"Settings(bootstrap={self.bootstrap!r}, group={self.group!r}, slot={self.slot!r})"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read settings from environment variables.

    Raises:
        SettingsError: A variable with our prefix that is unknown, or a value out of range.
    """
    environment = os.environ if environment is None else environment
    given = {key[len(PREFIX) :].lower(): value for key, value in environment.items() if key.startswith(PREFIX)}
    unknown = sorted(given.keys() - set(Settings.__struct_fields__))
    if unknown:
        raise SettingsError(f"{PREFIX}{unknown[0].upper()} is no setting; .env.example names them all")
    for name, value in given.items():
        # One at a time, so that the message can name the variable.
        try:
            msgspec.convert({name: value}, Settings, strict=False)
        except msgspec.ValidationError as error:
            text = str(error).partition(" - at ")[0]
            shown = "(hidden)" if "password" in name else repr(value)
            raise SettingsError(f"{PREFIX}{name.upper()}={shown}: {text}; see .env.example") from None
    return msgspec.convert(given, Settings, strict=False)
