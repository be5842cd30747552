"""Creates views that show, by day of event time (UTC), how each challenger differs from the model that decided."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_DAY = {
    "sqlite": "date(d.event_time_ms / 1000, 'unixepoch')",
    "postgresql": "to_char(to_timestamp(d.event_time_ms / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
}

# An explored decision lets a would-be decline through, so its verdict is not the model's: leave out arm 'exploration'
# to compare models with each other.
_FLIPS = """
CREATE VIEW flips_by_day AS
SELECT {day} AS day,
       d.bundle_sha256 AS decided_by_sha256,
       d.policy_version AS decided_by_policy,
       s.bundle_sha256 AS challenger_sha256,
       s.policy_version AS challenger_policy,
       d.arm AS arm,
       d.verdict AS decided,
       s.verdict AS challenger_verdict,
       count(*) AS transactions,
       count(s.score) AS scored,
       avg(s.score - d.score) AS mean_score_difference
FROM decisions d
JOIN shadow_scores s ON s.transaction_id = d.transaction_id
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""

_CHALLENGERS = """
CREATE VIEW challengers_by_day AS
SELECT {day} AS day,
       d.bundle_sha256 AS decided_by_sha256,
       d.policy_version AS decided_by_policy,
       s.bundle_sha256 AS challenger_sha256,
       s.policy_version AS challenger_policy,
       count(*) AS transactions,
       count(s.score) AS scored,
       sum(CASE WHEN s.verdict <> d.verdict THEN 1 ELSE 0 END) AS flips,
       avg(s.score - d.score) AS mean_score_difference
FROM decisions d
JOIN shadow_scores s ON s.transaction_id = d.transaction_id
WHERE d.arm <> 'exploration'
GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    """Create the views."""
    day = _DAY[op.get_context().dialect.name]
    op.execute(_FLIPS.format(day=day))
    op.execute(_CHALLENGERS.format(day=day))


def downgrade() -> None:
    """Drop the views."""
    op.execute("DROP VIEW challengers_by_day")
    op.execute("DROP VIEW flips_by_day")
