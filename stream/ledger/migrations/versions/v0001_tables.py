"""Creates the ledger's first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, _TEXT, nullable=null)


def _integer(name: str, *, null: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=null)


def _double(name: str, *, null: bool = False) -> "sa.Column[float]":
    return sa.Column(name, sa.Double, nullable=null)


def _bookkeeping() -> "list[sa.Column[int]]":
    return [_integer(name) for name in ("topic_partition", "topic_offset", "ingested_at_ms", "repeats")]


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "decisions",
        sa.Column("transaction_id", _TEXT, primary_key=True),
        _text("decision_id"),
        _text("card_id"),
        _integer("event_time_ms"),
        _double("score"),
        _double("threshold"),
        *map(_text, ("verdict", "model_name", "model_version", "bundle_sha256", "policy_version")),
        _integer("role_epoch"),
        _text("arm"),
        _double("propensity"),
        _text("reasons"),
        _text("source_topic"),
        *map(_integer, ("source_partition", "source_offset", "scored_at_ms")),
        _double("latency_ms"),
        _integer("amount_minor", null=True),
        _text("currency", null=True),
        *_bookkeeping(),
    )
    op.create_index("decisions_by_event_time", "decisions", ["event_time_ms"])
    op.create_index("decisions_by_ingest_time", "decisions", ["ingested_at_ms"])
    op.create_table(
        "shadow_scores",
        sa.Column("transaction_id", _TEXT, primary_key=True),
        sa.Column("bundle_sha256", _TEXT, primary_key=True),
        sa.Column("policy_version", _TEXT, primary_key=True),
        _text("decision_id"),
        _text("card_id"),
        _integer("event_time_ms"),
        _double("score", null=True),
        _double("threshold"),
        _text("verdict", null=True),
        _text("problem", null=True),
        _text("model_name"),
        _text("model_version"),
        _integer("role_epoch"),
        _text("source_topic"),
        *map(_integer, ("source_partition", "source_offset", "scored_at_ms")),
        *_bookkeeping(),
    )
    op.create_index("shadow_scores_by_ingest_time", "shadow_scores", ["ingested_at_ms"])
    op.create_table(
        "labels",
        sa.Column("label_id", _TEXT, primary_key=True),
        _text("transaction_id"),
        _text("source"),
        sa.Column("fraud", sa.Boolean, nullable=True),
        _integer("event_time_ms"),
        *_bookkeeping(),
    )
    op.create_index("labels_by_transaction", "labels", ["transaction_id"])
    op.create_index("labels_by_ingest_time", "labels", ["ingested_at_ms"])
    op.create_table(
        "role_changes",
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        *map(_text, ("champion_name", "champion_version", "champion_sha256", "author", "note")),
        _integer("written_at_ms"),
        _text("body"),
        *_bookkeeping(),
    )
    op.create_table(
        "offsets",
        sa.Column("topic", _TEXT, primary_key=True),
        sa.Column("topic_partition", sa.BigInteger, primary_key=True, autoincrement=False),
        _integer("next_offset"),
        _integer("owner_epoch"),
        _text("owner"),
        _integer("highest_event_ms", null=True),
        _integer("seen_ms"),
        _integer("ahead"),
    )
    op.create_table(
        "watermarks",
        sa.Column("topic", _TEXT, primary_key=True),
        _integer("event_time_ms"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("watermarks", "offsets", "role_changes", "labels", "shadow_scores", "decisions"):
        op.drop_table(table)
