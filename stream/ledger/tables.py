"""The ledger's tables. A test checks that the migrations together create exactly these tables.

Columns `topic_partition` and `topic_offset` are a message's position on its own topic. `ingested_at_ms` is the time at
which the ledger read the message, by the ledger's clock; where several messages were merged into a row, the earliest of
these times. `repeats` counts the merged messages, not including the message that is kept.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, MetaData, Table, Text

metadata = MetaData()

#: Text that sorts by code point on every database: the sort order decides which of two repeated rows is kept.
PlainText = Text().with_variant(Text(collation="C"), "postgresql")


def _bookkeeping() -> tuple[Column[int], ...]:
    return (
        Column("topic_partition", BigInteger, nullable=False),
        Column("topic_offset", BigInteger, nullable=False),
        Column("ingested_at_ms", BigInteger, nullable=False),
        Column("repeats", BigInteger, nullable=False),
    )


decisions = Table(
    "decisions",
    metadata,
    Column("transaction_id", PlainText, primary_key=True),
    Column("decision_id", PlainText, nullable=False),
    Column("card_id", PlainText, nullable=False),
    Column("event_time_ms", BigInteger, nullable=False),
    Column("score", Double, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("verdict", PlainText, nullable=False),
    Column("model_name", PlainText, nullable=False),
    Column("model_version", PlainText, nullable=False),
    Column("bundle_sha256", PlainText, nullable=False),
    Column("policy_version", PlainText, nullable=False),
    Column("role_epoch", BigInteger, nullable=False),
    Column("arm", PlainText, nullable=False),
    Column("propensity", Double, nullable=False),
    # JSON: [{"feature": …, "contribution": …}]
    Column("reasons", PlainText, nullable=False),
    Column("source_topic", PlainText, nullable=False),
    Column("source_partition", BigInteger, nullable=False),
    Column("source_offset", BigInteger, nullable=False),
    Column("scored_at_ms", BigInteger, nullable=False),
    Column("latency_ms", Double, nullable=False),
    # Amount and currency are null for messages written before decisions contained them.
    Column("amount_minor", BigInteger),
    Column("currency", PlainText),
    *_bookkeeping(),
    Index("decisions_by_event_time", "event_time_ms"),
    Index("decisions_by_ingest_time", "ingested_at_ms"),
)

shadow_scores = Table(
    "shadow_scores",
    metadata,
    Column("transaction_id", PlainText, primary_key=True),
    Column("bundle_sha256", PlainText, primary_key=True),
    Column("policy_version", PlainText, primary_key=True),
    Column("decision_id", PlainText, nullable=False),
    Column("card_id", PlainText, nullable=False),
    Column("event_time_ms", BigInteger, nullable=False),
    # Null if the transaction was not scored; `problem` gives the reason.
    Column("score", Double),
    Column("threshold", Double, nullable=False),
    Column("verdict", PlainText),
    Column("problem", PlainText),
    Column("model_name", PlainText, nullable=False),
    Column("model_version", PlainText, nullable=False),
    Column("role_epoch", BigInteger, nullable=False),
    # The transaction's position, parsed from decision_id.
    Column("source_topic", PlainText, nullable=False),
    Column("source_partition", BigInteger, nullable=False),
    Column("source_offset", BigInteger, nullable=False),
    Column("scored_at_ms", BigInteger, nullable=False),
    *_bookkeeping(),
    Index("shadow_scores_by_ingest_time", "ingested_at_ms"),
)

labels = Table(
    "labels",
    metadata,
    Column("label_id", PlainText, primary_key=True),
    Column("transaction_id", PlainText, nullable=False),
    Column("source", PlainText, nullable=False),
    # Null if the source retracts its earlier label.
    Column("fraud", Boolean),
    Column("event_time_ms", BigInteger, nullable=False),
    *_bookkeeping(),
    Index("labels_by_transaction", "transaction_id"),
    Index("labels_by_ingest_time", "ingested_at_ms"),
    # For finding the newest label.
    Index("labels_by_event_time", "event_time_ms"),
)

role_changes = Table(
    "role_changes",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("champion_name", PlainText, nullable=False),
    Column("champion_version", PlainText, nullable=False),
    Column("champion_sha256", PlainText, nullable=False),
    Column("author", PlainText, nullable=False),
    Column("note", PlainText, nullable=False),
    Column("written_at_ms", BigInteger, nullable=False),
    # The complete assignment of roles, as JSON.
    Column("body", PlainText, nullable=False),
    *_bookkeeping(),
)

#: One row for each partition that was ever read.
offsets = Table(
    "offsets",
    metadata,
    Column("topic", PlainText, primary_key=True),
    Column("topic_partition", BigInteger, primary_key=True, autoincrement=False),
    # The offset to read next.
    Column("next_offset", BigInteger, nullable=False),
    # Increases with each claim; a writer with an older epoch is rejected.
    Column("owner_epoch", BigInteger, nullable=False),
    # The process that claimed last, as host:pid; shown in errors.
    Column("owner", PlainText, nullable=False),
    # Inputs of the watermark; see stream.evaluation.watermark.
    Column("highest_event_ms", BigInteger),
    Column("seen_ms", BigInteger, nullable=False),
    # Messages whose event time was too far ahead of the clock to move the watermark.
    Column("ahead", BigInteger, nullable=False),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("topic", PlainText, primary_key=True),
    Column("event_time_ms", BigInteger, nullable=False),
)

#: One row for each gate test, numbered in the order in which plans were frozen: alpha is spent in that order.
gate_tests = Table(
    "gate_tests",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("champion_sha256", PlainText, nullable=False),
    Column("champion_policy", PlainText, nullable=False),
    Column("challenger_sha256", PlainText, nullable=False),
    Column("challenger_policy", PlainText, nullable=False),
    # JSON of stream.evaluation.plan.Plan.
    Column("plan", PlainText, nullable=False),
    Column("frozen_at_ms", BigInteger, nullable=False),
    # promote or keep; null while the test continues.
    Column("verdict", PlainText),
    # JSON of the newest stream.evaluation.gate.Judgement.
    Column("judgement", PlainText),
    Column("judged_at_ms", BigInteger),
    Index(
        "gate_tests_by_models",
        "champion_sha256",
        "champion_policy",
        "challenger_sha256",
        "challenger_policy",
        unique=True,
    ),
)

gate_evidence = Table(
    "gate_evidence",
    metadata,
    Column("test_number", BigInteger, primary_key=True, autoincrement=False),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    # JSON of stream.evaluation.evidence.Evidence.
    Column("evidence", PlainText, nullable=False),
    Column("taken_at_ms", BigInteger, nullable=False),
)

#: One row for each time an alert of the Prometheus rules fired; see stream.ledger.alert_history.
alert_history = Table(
    "alert_history",
    metadata,
    # Alertmanager's hash of the alert's labels.
    Column("fingerprint", PlainText, primary_key=True),
    Column("starts_at_ms", BigInteger, primary_key=True, autoincrement=False),
    # Empty if the labels contain no alertname.
    Column("alertname", PlainText, nullable=False),
    # firing or resolved.
    Column("status", PlainText, nullable=False),
    # Null while the alert is firing.
    Column("ends_at_ms", BigInteger),
    # JSON objects {name: text} with sorted names.
    Column("labels", PlainText, nullable=False),
    Column("annotations", PlainText, nullable=False),
    # Ingest time of the alert's first message. Alerts come over HTTP, so they have no position on a topic.
    Column("ingested_at_ms", BigInteger, nullable=False),
    Index("alert_history_by_ingest_time", "ingested_at_ms"),
)
