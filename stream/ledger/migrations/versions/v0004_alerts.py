"""Creates the alert history, and an index for finding the newest label, whose age can raise an alert."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table and the index."""
    op.create_table(
        "alert_history",
        sa.Column("fingerprint", _TEXT, primary_key=True),
        sa.Column("starts_at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("alertname", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("ends_at_ms", sa.BigInteger),
        sa.Column("labels", _TEXT, nullable=False),
        sa.Column("annotations", _TEXT, nullable=False),
        sa.Column("ingested_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("alert_history_by_ingest_time", "alert_history", ["ingested_at_ms"])
    op.create_index("labels_by_event_time", "labels", ["event_time_ms"])


def downgrade() -> None:
    """Drop the table and the index."""
    op.drop_index("labels_by_event_time", "labels")
    op.drop_table("alert_history")
