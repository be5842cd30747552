"""Measures each model's quality on matured transactions from the labels received so far, counting in the database."""

from typing import Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Engine, Subquery, and_, func, select

from stream.evaluation.confusion import Confusion
from stream.ledger.database import reading
from stream.ledger.outcome_sql import decision_outcomes
from stream.ledger.repository import read_watermark
from stream.ledger.tables import decisions, labels, shadow_scores

Role = Literal["champion", "challenger"]


class MeasuredModel(Struct, frozen=True):
    """A model with its policy and role. The fields are the labels of the quality metrics, in the same order."""

    bundle_sha256: str
    version: str
    #: Version of the policy; the same bundle under another policy is measured separately.
    policy: str
    #: Role that is measured: champion where the model decided, challenger where it shadowed.
    role: Role


class ModelQuality(Struct, frozen=True):
    """Quality of every model, as measured at one time."""

    #: Counts of matured transactions with a known outcome.
    matured: dict[MeasuredModel, Confusion] = {}
    #: Number of decisions that have not matured; deciding models only.
    waiting: dict[MeasuredModel, int] = {}
    #: Event time of the newest label, UTC milliseconds; None if there are no labels.
    newest_label_ms: int | None = None


def measure_quality(engine: Engine, *, window_ms: int, maturity_ms: int, latest_ms: int) -> ModelQuality:
    """Count every model's right and wrong verdicts over the newest matured transactions.

    More recent transactions are left out even if they have labels, because frauds are reported first.
    Transactions whose outcome can never be known (declined or reviewed, without an answer from an analyst) are left
    out; for a challenger, so are the transactions that it could not score.

    Args:
        engine: Ledger database.
        window_ms: Length of the window of matured event time, milliseconds.
        maturity_ms: Label delay in milliseconds.
        latest_ms: Latest plausible event time of a label, UTC milliseconds; later labels do not count as the newest.

    Returns:
        The quality; it contains no models if there is no watermark yet.

    Raises:
        LedgerUnavailableError: If the database is not responding.
    """
    label_time = labels.c.event_time_ms
    with reading(engine) as connection:
        newest: int | None = connection.execute(select(func.max(label_time)).where(label_time <= latest_ms)).scalar()
        watermark_ms = read_watermark(connection)
        if watermark_ms is None:
            return ModelQuality(newest_label_ms=newest)
        until, time = watermark_ms - maturity_ms, decisions.c.event_time_ms
        window = and_(time >= until - window_ms, time < until)
        return ModelQuality(_count_matured(connection, window), _count_waiting(connection, time >= until), newest)


def _count_matured(connection: Connection, window: ColumnElement[bool]) -> dict[MeasuredModel, Confusion]:
    decided, s = decision_outcomes(window), shadow_scores.c
    shadowed = (
        select(
            s.bundle_sha256,
            s.model_version,
            s.policy_version,
            (s.verdict != "approve").label("alerted"),
            decided.c.fraud,
        )
        .select_from(decided.join(shadow_scores, s.transaction_id == decided.c.transaction_id))
        .where(s.verdict.is_not(None))
        .subquery()
    )
    return _count(connection, "champion", decided) | _count(connection, "challenger", shadowed)


def _count(connection: Connection, role: Role, rows: Subquery) -> dict[MeasuredModel, Confusion]:
    """Count rows with the columns of `decision_outcomes` by model."""
    c = rows.c
    model = (c.bundle_sha256, c.model_version, c.policy_version)
    # Conditions in the order of Confusion's fields.
    cells = ((1, c.alerted), (0, c.alerted), (0, ~c.alerted), (1, ~c.alerted))
    counts = (func.count().filter(c.fraud == fraud, alerted) for fraud, alerted in cells)
    query = select(*model, *counts).where(c.fraud.is_not(None)).group_by(*model)
    return {
        MeasuredModel(sha256, version, policy, role): Confusion(*counts)
        for sha256, version, policy, *counts in connection.execute(query).all()
    }


def _count_waiting(connection: Connection, not_matured: ColumnElement[bool]) -> dict[MeasuredModel, int]:
    d = decisions.c
    model = (d.bundle_sha256, d.model_version, d.policy_version)
    query = select(*model, func.count()).where(not_matured).group_by(*model)
    return {
        MeasuredModel(sha256, version, policy, "champion"): count
        for sha256, version, policy, count in connection.execute(query).all()
    }
