"""What `stream.evaluation.outcome` decides, said in SQL, so that counting it brings no row out of the database.

A test holds the two together, on any labels in any order.
"""

from sqlalchemy import ColumnElement, Subquery, and_, case, func, or_, select

from stream.evaluation.outcome import SOURCES
from stream.ledger.tables import decisions, labels


def judged(window: ColumnElement[bool]) -> Subquery:
    """Return the matured decisions of a window, and what became of them.

    Args:
        window: Of `decisions`; what it selects must be old enough to be judged.

    Returns:
        Columns transaction_id, bundle_sha256, model_version and policy_version of the model that decided; alerted,
        whether that model reviewed or declined it, before exploration; fraud, 1 or 0, null where it can never be known.
    """
    d, said = decisions.c, _said(window)
    standing = func.coalesce(*(said.c[source] for source in SOURCES))
    through = or_(d.verdict == "approve", said.c.released == 1)
    return (
        select(
            d.transaction_id,
            d.bundle_sha256,
            d.model_version,
            d.policy_version,
            # An explored transaction is one that its model would have declined.
            or_(d.verdict != "approve", d.arm == "exploration").label("alerted"),
            case((standing.is_not(None), standing), (through, 0)).label("fraud"),
        )
        .select_from(decisions.outerjoin(said, said.c.transaction_id == d.transaction_id))
        .where(window)
        .subquery()
    )


def _said(window: ColumnElement[bool]) -> Subquery:
    """Return, by labelled transaction: what each source says now (1, 0, null), and whether an analyst ever released."""
    c = labels.c
    latest = func.row_number().over(
        partition_by=(c.transaction_id, c.source), order_by=(c.event_time_ms.desc(), c.label_id.desc())
    )
    fraud = case((c.fraud.is_(True), 1), (c.fraud.is_(False), 0)).label("fraud")
    each = (
        select(c.transaction_id, c.source, fraud, latest.label("place"))
        .select_from(decisions.join(labels, c.transaction_id == decisions.c.transaction_id))
        .where(window)
        .subquery()
    )
    now = (func.max(case((and_(each.c.source == s, each.c.place == 1), each.c.fraud))).label(s) for s in SOURCES)
    released = func.max(case((and_(each.c.source == "analyst", each.c.fraud == 0), 1), else_=0)).label("released")
    return select(each.c.transaction_id, *now, released).group_by(each.c.transaction_id).subquery()
