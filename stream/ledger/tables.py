"""The ledger's tables. A test checks that the migrations together create exactly these tables.

docs/ledger-tables.md is generated from each table's summary and each column's `doc`.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, MetaData, Table, Text

metadata = MetaData()

#: Text that sorts by code point on every database: the sort order decides which of two repeated rows is kept.
PlainText = Text().with_variant(Text(collation="C"), "postgresql")


def _bookkeeping() -> tuple[Column[int], ...]:
    return (
        Column("topic_partition", BigInteger, nullable=False, doc="Position of the message on its own topic."),
        Column("topic_offset", BigInteger, nullable=False),
        Column(
            "ingested_at_ms",
            BigInteger,
            nullable=False,
            doc="When the ledger read the earliest of the messages in this row.",
        ),
        Column("repeats", BigInteger, nullable=False, doc="Merged messages, not including the one that is kept."),
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
    Column("reasons", PlainText, nullable=False, doc='JSON: [{"feature": …, "contribution": …}]'),
    Column("source_topic", PlainText, nullable=False),
    Column("source_partition", BigInteger, nullable=False),
    Column("source_offset", BigInteger, nullable=False),
    Column("scored_at_ms", BigInteger, nullable=False),
    Column("latency_ms", Double, nullable=False),
    Column("amount_minor", BigInteger, doc="Amount and currency are null for old messages without them."),
    Column("currency", PlainText),
    *_bookkeeping(),
    Index("decisions_by_event_time", "event_time_ms"),
    Index("decisions_by_ingest_time", "ingested_at_ms"),
    info={"summary": "One row for each decided transaction."},
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
    Column("score", Double, doc="Null if the transaction was not scored; `problem` gives the reason."),
    Column("threshold", Double, nullable=False),
    Column("verdict", PlainText),
    Column("problem", PlainText),
    Column("model_name", PlainText, nullable=False),
    Column("model_version", PlainText, nullable=False),
    Column("role_epoch", BigInteger, nullable=False),
    Column("source_topic", PlainText, nullable=False, doc="The transaction's position, parsed from decision_id."),
    Column("source_partition", BigInteger, nullable=False),
    Column("source_offset", BigInteger, nullable=False),
    Column("scored_at_ms", BigInteger, nullable=False),
    *_bookkeeping(),
    Index("shadow_scores_by_ingest_time", "ingested_at_ms"),
    info={"summary": "One row for each transaction and each model and policy that did not decide it."},
)

labels = Table(
    "labels",
    metadata,
    Column("label_id", PlainText, primary_key=True),
    Column("transaction_id", PlainText, nullable=False),
    Column("source", PlainText, nullable=False),
    Column("fraud", Boolean, doc="Null if the source retracts its earlier label."),
    Column("event_time_ms", BigInteger, nullable=False),
    *_bookkeeping(),
    Index("labels_by_transaction", "transaction_id"),
    Index("labels_by_ingest_time", "ingested_at_ms"),
    # For finding the newest label.
    Index("labels_by_event_time", "event_time_ms"),
    info={"summary": "One row for each label; a transaction may have several."},
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
    Column("body", PlainText, nullable=False, doc="The complete assignment of roles, as JSON."),
    *_bookkeeping(),
    info={"summary": "One row for each assignment of roles."},
)

offsets = Table(
    "offsets",
    metadata,
    Column("topic", PlainText, primary_key=True),
    Column("topic_partition", BigInteger, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False, doc="The offset to read next."),
    Column(
        "owner_epoch",
        BigInteger,
        nullable=False,
        doc="Increases with each claim; a writer with an older epoch is rejected.",
    ),
    Column("owner", PlainText, nullable=False, doc="The process that claimed last, as host:pid; shown in errors."),
    Column(
        "highest_event_ms",
        BigInteger,
        doc="Highest event time read so far, apart from those too far ahead of the clock, UTC milliseconds.",
    ),
    Column(
        "seen_ms",
        BigInteger,
        nullable=False,
        doc="When the partition's newest message was read, or when the partition was claimed, UTC milliseconds.",
    ),
    Column("ahead", BigInteger, nullable=False, doc="Messages too far ahead of the clock to move the watermark."),
    info={"summary": "One row for each partition that was ever read."},
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("topic", PlainText, primary_key=True),
    Column("event_time_ms", BigInteger, nullable=False),
    info={"summary": "The watermark of each topic: the event time up to which history is complete."},
)

schema_compatibility = Table(
    "schema_compatibility",
    metadata,
    Column(
        "oldest_revision",
        PlainText,
        primary_key=True,
        doc="Programs whose newest migration is this one or a later one can work with the database.",
    ),
    info={"summary": "One row: which older programs can work with the database after its newest migration."},
)

gate_tests = Table(
    "gate_tests",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("champion_sha256", PlainText, nullable=False),
    Column("champion_policy", PlainText, nullable=False),
    Column("challenger_sha256", PlainText, nullable=False),
    Column("challenger_policy", PlainText, nullable=False),
    Column("plan", PlainText, nullable=False, doc="JSON of stream.evaluation.plan.Plan."),
    Column("frozen_at_ms", BigInteger, nullable=False),
    Column("verdict", PlainText, doc="promote or keep; null while the test continues."),
    Column("judgement", PlainText, doc="JSON of the newest stream.evaluation.gate.Judgement."),
    Column("judged_at_ms", BigInteger),
    Index(
        "gate_tests_by_models",
        "champion_sha256",
        "champion_policy",
        "challenger_sha256",
        "challenger_policy",
        unique=True,
    ),
    info={"summary": "One row for each gate test, numbered in the order in which the plans were frozen."},
)

gate_evidence = Table(
    "gate_evidence",
    metadata,
    Column("test_number", BigInteger, primary_key=True, autoincrement=False),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("evidence", PlainText, nullable=False, doc="JSON of stream.evaluation.evidence.Evidence."),
    Column("taken_at_ms", BigInteger, nullable=False),
    info={"summary": "One row for each cohort of a gate test; rows never change."},
)

alert_history = Table(
    "alert_history",
    metadata,
    Column("fingerprint", PlainText, primary_key=True, doc="Alertmanager's hash of the alert's labels."),
    Column("starts_at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("alertname", PlainText, nullable=False, doc="Empty if the labels contain no alertname."),
    Column("status", PlainText, nullable=False, doc="firing or resolved."),
    Column("ends_at_ms", BigInteger, doc="Null while the alert is firing."),
    Column("labels", PlainText, nullable=False, doc="JSON objects {name: text} with sorted names."),
    Column("annotations", PlainText, nullable=False),
    Column("ingested_at_ms", BigInteger, nullable=False, doc="Ingest time of the alert's first message."),
    Index("alert_history_by_ingest_time", "ingested_at_ms"),
    info={
        "summary": "One row for each time an alert of the Prometheus rules fired; `ledger.md` describes the webhook."
    },
)
