"""Settings for Kafka: the connection and the topics."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from stream.settings.types import PositiveInt


class KafkaSettings(Struct, frozen=True):
    """Settings for the connection to Kafka that every program uses, and limits for reading."""

    #: Kafka's bootstrap servers, host:port, comma-separated.
    bootstrap: str = "127.0.0.1:9092"
    #: Consumer group of all scoring workers.
    group: str = "fraud-scorer"
    #: Name of this worker, unique in its group and the same after a restart: a restarted worker uses it to fence the
    #: transactions of its previous run.
    slot: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")] = "0"

    #: Security of both Kafka clients, librdkafka and aiokafka.
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str = ""
    sasl_password: str = ""
    #: Paths of PEM files. If empty, the system's CA certificates and no client certificate are used.
    ssl_ca: str = ""
    ssl_certificate: str = ""
    ssl_key: str = ""

    #: Maximum number of messages in one batch, and so in one Kafka transaction. Batches reach it only under a backlog.
    batch_max: PositiveInt = 5000
    #: Maximum size of one batch, in MiB.
    batch_max_mib: PositiveInt = 16
    #: Milliseconds without a heartbeat after which the group reassigns a process's partitions.
    session_timeout_ms: Annotated[int, Meta(ge=1000, le=300_000)] = 6_000
    #: Seconds within which a batch in flight must finish and waiting messages must be read; after that the watchdog
    #: ends the process. The value must exceed the 10 s after which a silent broker counts as unavailable.
    watchdog_s: Annotated[float, Meta(ge=15)] = 30.0

    def __repr__(self) -> str:
        """Return the bootstrap servers, group and slot, but never the password."""
        return f"KafkaSettings(bootstrap={self.bootstrap!r}, group={self.group!r}, slot={self.slot!r})"


class TopicSettings(Struct, frozen=True):
    """Settings for the topics: their names, partitions and replication."""

    #: Transactions that the workers score.
    transactions: str = "transactions"
    #: Transactions scored over HTTP; workers never read this topic.
    transactions_http: str = "transactions-http"
    #: The other topics.
    decisions: str = "decisions"
    alerts: str = "alerts"
    shadow_scores: str = "shadow-scores"
    labels: str = "labels"
    dead_letters: str = "dead-letters"
    dead_letter_replays: str = "dead-letter-replays"
    model_updates: str = "model-updates"
    worker_status: str = "worker-status"
    role_counts: str = "role-counts"
    drift_counts: str = "drift-counts"
    drift_reports: str = "drift-reports"
    retrain_requests: str = "retrain-requests"
    #: Number of partitions of each keyed topic that `fraud-stream topics` creates.
    partitions: PositiveInt = 4
    #: Replication factor of the topics that `fraud-stream topics` creates.
    replication: PositiveInt = 1

    @property
    def decided(self) -> tuple[str, str]:
        """The topics whose transactions get a decision: the workers' input, and the transactions scored over HTTP."""
        return self.transactions, self.transactions_http

    @property
    def names(self) -> dict[str, str]:
        """Topic names, by the name of the setting."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if isinstance(value, str)}
