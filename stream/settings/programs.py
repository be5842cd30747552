"""Settings for the programs: the worker, ledger, archive and HTTP edge, and the settings that they share."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stream.settings.types import Port, PositiveFloat, PositiveInt


class WorkerSettings(Struct, frozen=True):
    """Settings for the scoring worker."""

    #: Delivery of decisions: each exactly once, or at least once (faster, but decisions may be repeated).
    delivery: Literal["exactly_once", "at_least_once"] = "exactly_once"
    #: Number of transactional producers to use in turn. With one producer, each Kafka transaction waits for the markers
    #: of the previous transaction.
    producers: Annotated[int, Meta(ge=1, le=16)] = 3
    #: Milliseconds after which the broker aborts a dead worker's transaction. Readers of committed data wait that long.
    transaction_timeout_ms: Annotated[int, Meta(ge=1000, le=900_000)] = 10_000
    #: Number of unexpected (`unscorable`) dead letters per minute above which the worker stops.
    max_unscorable_per_minute: PositiveInt = 100
    #: Seconds between worker-status messages.
    status_interval_s: PositiveFloat = 5.0


class WebSettings(Struct, frozen=True):
    """Settings for the operators' web pages: /metrics, /healthz and /readyz."""

    #: Address on which worker, ledger and archive serve /metrics, /healthz and /readyz, and the worker's port for them.
    host: str = "127.0.0.1"
    port: Port = 6066


class WatermarkSettings(Struct, frozen=True):
    """Settings for the watermark, the event time up to which the ledger and drift windows are complete."""

    #: Seconds for which the watermark waits for decisions that arrive later than others with the same event time.
    lateness_s: Annotated[float, Meta(ge=0)] = 60.0
    #: Seconds without a decision after which a partition no longer holds the watermark back.
    idle_s: PositiveFloat = 300.0
    #: Seconds by which an event time may be ahead of the clock. Later event times do not move the watermark.
    max_clock_skew_s: Annotated[float, Meta(ge=0)] = 3600.0


class LedgerSettings(Struct, frozen=True):
    """Settings for the SQL ledger."""

    #: SQLAlchemy URL of the ledger's database: sqlite:///file, or postgresql+psycopg://user@host/name with the password
    #: in PGPASSWORD.
    url: str = "sqlite:///var/ledger.db"
    #: Prefix of the consumer groups of all ledgers, one group per topic. The groups only distribute the partitions;
    #: the offsets are kept in the database.
    group: str = "fraud-ledger"
    #: Port of the ledger's /metrics, /healthz and /readyz, on FRAUD_WEB_HOST.
    web_port: Port = 6068
    #: Days after which a decision is deleted with its shadow scores and labels, counted from the decision's ingest.
    retention_days: PositiveInt = 400
    #: Days of event time, up to the newest matured day, over which the ledger's metrics report each model's quality.
    #: More days give steadier metrics; fewer days show a change sooner.
    quality_days: PositiveInt = 30


class ArchiveSettings(Struct, frozen=True):
    """Settings for the archive of Parquet files."""

    #: fsspec URL of the archive: a local folder, or a URL with file://, s3://, gs:// or abfs://.
    url: str = "var/archive"
    #: Prefix of the consumer groups of all archives, one group per topic. The groups only distribute the
    #: partitions; the offsets are part of the file names.
    group: str = "fraud-archive"
    #: Port of the archive's /metrics, /healthz and /readyz, on FRAUD_WEB_HOST.
    web_port: Port = 6070
    #: Compressed size in MiB at which a file is closed: large enough that readers open few files, small enough to
    #: upload in seconds.
    file_mib: PositiveInt = 64
    #: Seconds after its first message at which a file is closed, however small. This limits the archive's delay and the
    #: amount read again after a crash or a rebalance. The default makes at most 288 files per partition and day.
    file_s: PositiveFloat = 300.0
    #: Memory in MiB for all open files; above this limit the largest file is closed early.
    memory_mib: PositiveInt = 256


class HttpSettings(Struct, frozen=True):
    """Settings for the HTTP edge."""

    #: Address and port on which the HTTP edge listens. Without API keys, the address must be a loopback address.
    host: str = "127.0.0.1"
    port: Port = 6072
    #: File of API keys, written by `fraud-stream http-key` and reloaded when it changes. Empty: no keys.
    keys: str = ""
    #: PEM files with the TLS certificate and key. Empty: no TLS.
    tls_certificate: str = ""
    tls_key: str = ""
    #: Maximum number of transactions in flight; further requests get a 429 response.
    max_in_flight: PositiveInt = 1000
    #: Milliseconds within which a transaction must be scored and recorded; otherwise the response is 503.
    deadline_ms: Annotated[int, Meta(ge=10, le=60_000)] = 1000
    #: Maximum number of transactions in one POST /predict/batch request, and the request's maximum size in MiB.
    batch_max: PositiveInt = 500
    body_mib: PositiveInt = 8
    #: Number of responses of all edges to keep for repeated requests (about 2 KB each), and seconds for which to keep
    #: them. An edge reads as many seconds of decisions before it is ready.
    idempotency_entries: PositiveInt = 100_000
    idempotency_s: PositiveFloat = 300.0


class LogSettings(Struct, frozen=True):
    """Settings for the log of every program."""

    #: Minimum level of lines to log.
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    #: Format of the log. auto: text on a terminal, JSON elsewhere.
    format: Literal["auto", "text", "json"] = "auto"


class TracingSettings(Struct, frozen=True):
    """Settings for OpenTelemetry traces."""

    #: Address of an OpenTelemetry collector, such as http://host:4318. Empty: no traces.
    otlp_endpoint: str = ""
