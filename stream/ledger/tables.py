"""The ledger's tables. The newest migration makes exactly these; a test compares.

Columns `topic_partition` and `topic_offset` are a message's place on its own topic. `ingested_at_ms` is the ledger's
clock when it read the message, or the first of several that were made one; `repeats` counts those besides the one that
is kept.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, MetaData, Table, Text

metadata = MetaData()

#: Text in code point order on every database: which of two repeated rows is kept depends on it.
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
    # Both null in messages of before decisions carried them.
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
    # Null with a problem that says why.
    Column("score", Double),
    Column("threshold", Double, nullable=False),
    Column("verdict", PlainText),
    Column("problem", PlainText),
    Column("model_name", PlainText, nullable=False),
    Column("model_version", PlainText, nullable=False),
    Column("role_epoch", BigInteger, nullable=False),
    # Of the transaction: what its decision_id says.
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
    # Null: the source takes back what it said.
    Column("fraud", Boolean),
    Column("event_time_ms", BigInteger, nullable=False),
    *_bookkeeping(),
    Index("labels_by_transaction", "transaction_id"),
    Index("labels_by_ingest_time", "ingested_at_ms"),
    # For the newest one alone.
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
    # The whole assignment, as JSON.
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
    # Rises with each claim; a writer with an older one is refused.
    Column("owner_epoch", BigInteger, nullable=False),
    # Who claimed last, for people who look.
    Column("owner", PlainText, nullable=False),
    # What the watermark is made of; see stream.evaluation.watermark.
    Column("highest_event_ms", BigInteger),
    Column("seen_ms", BigInteger, nullable=False),
    # Event times too far ahead of the clock to conclude anything from.
    Column("ahead", BigInteger, nullable=False),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("topic", PlainText, primary_key=True),
    Column("event_time_ms", BigInteger, nullable=False),
)

#: One row a test, in the order in which plans were frozen: the order in which the chance of a mistake is spent.
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
    # promote or keep; null while the test goes on.
    Column("verdict", PlainText),
    # JSON of stream.evaluation.gate.Judgement, the newest.
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

#: One row for each time that an alert of Prometheus's rules fired; see stream.ledger.alert_history.
alert_history = Table(
    "alert_history",
    metadata,
    # Of its labels, as Alertmanager makes it.
    Column("fingerprint", PlainText, primary_key=True),
    Column("starts_at_ms", BigInteger, primary_key=True, autoincrement=False),
    # Empty where the labels name none.
    Column("alertname", PlainText, nullable=False),
    # firing or resolved.
    Column("status", PlainText, nullable=False),
    # Null while it fires.
    Column("ends_at_ms", BigInteger),
    # JSON, {name: text}, names in order; both.
    Column("labels", PlainText, nullable=False),
    Column("annotations", PlainText, nullable=False),
    # Of its first message; nothing of it stands on a topic, so it has no place there.
    Column("ingested_at_ms", BigInteger, nullable=False),
    Index("alert_history_by_ingest_time", "ingested_at_ms"),
)
