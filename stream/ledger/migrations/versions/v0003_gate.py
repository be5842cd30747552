"""Creates the gate's tables."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MODELS = ("champion_sha256", "champion_policy", "challenger_sha256", "challenger_policy")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "gate_tests",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in (*_MODELS, "plan")),
        sa.Column("frozen_at_ms", sa.BigInteger, nullable=False),
        sa.Column("verdict", _TEXT),
        sa.Column("judgement", _TEXT),
        sa.Column("judged_at_ms", sa.BigInteger),
    )
    op.create_index("gate_tests_by_models", "gate_tests", list(_MODELS), unique=True)
    op.create_table(
        "gate_evidence",
        sa.Column("test_number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("start_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("evidence", _TEXT, nullable=False),
        sa.Column("taken_at_ms", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("gate_evidence")
    op.drop_table("gate_tests")
