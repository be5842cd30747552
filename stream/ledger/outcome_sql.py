"""The rules of `stream.evaluation.outcome` in SQL, so that outcomes can be counted without fetching rows.

A test checks that the SQL and the Python rules agree, whatever the labels and their order.
"""

from sqlalchemy import ColumnElement, Subquery, and_, case, func, or_, select

from stream.evaluation.outcome import SOURCES
from stream.ledger.tables import decisions, labels


def decision_outcomes(window: ColumnElement[bool]) -> Subquery:
    """Return the decisions in a window with their outcomes.

    Args:
        window: Condition on `decisions`; all decisions that it selects must have matured.

    Returns:
        Columns transaction_id; bundle_sha256, model_version and policy_version of the deciding model; alerted, whether
        that model reviewed or declined it, before exploration; fraud, 1 or 0, null if it can never be known.
    """
    d, by_source = decisions.c, _labels_by_source(window)
    current = func.coalesce(*(by_source.c[source] for source in SOURCES))
    went_through = or_(d.verdict == "approve", by_source.c.released == 1)
    return (
        select(
            d.transaction_id,
            d.bundle_sha256,
            d.model_version,
            d.policy_version,
            # Exploration only lets through transactions that the deciding model would have declined.
            or_(d.verdict != "approve", d.arm == "exploration").label("alerted"),
            case((current.is_not(None), current), (went_through, 0)).label("fraud"),
        )
        .select_from(decisions.outerjoin(by_source, by_source.c.transaction_id == d.transaction_id))
        .where(window)
        .subquery()
    )


def _labels_by_source(window: ColumnElement[bool]) -> Subquery:
    """Return each transaction's newest label from each source (1, 0 or null), and whether an analyst released it."""
    c = labels.c
    recency = func.row_number().over(
        partition_by=(c.transaction_id, c.source), order_by=(c.event_time_ms.desc(), c.label_id.desc())
    )
    fraud = case((c.fraud.is_(True), 1), (c.fraud.is_(False), 0)).label("fraud")
    ranked = (
        select(c.transaction_id, c.source, fraud, recency.label("recency"))
        .select_from(decisions.join(labels, c.transaction_id == decisions.c.transaction_id))
        .where(window)
        .subquery()
    )
    r = ranked.c
    newest = (func.max(case((and_(r.source == s, r.recency == 1), r.fraud))).label(s) for s in SOURCES)
    released = func.max(case((and_(r.source == "analyst", r.fraud == 0), 1), else_=0)).label("released")
    return select(r.transaction_id, *newest, released).group_by(r.transaction_id).subquery()
