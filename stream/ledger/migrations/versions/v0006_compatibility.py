"""Creates the table that says which older programs can work with the database."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table; `stream.ledger.migrate` fills it."""
    op.create_table("schema_compatibility", sa.Column("oldest_revision", _TEXT, primary_key=True))


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("schema_compatibility")
