"""Drops the daily views: `fraud-stream compare` shows the same comparison, and includes labels and costs."""

from stream.ledger.migrations.versions import v0002_views

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the views."""
    v0002_views.downgrade()


def downgrade() -> None:
    """Create the views again."""
    v0002_views.upgrade()
