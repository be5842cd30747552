"""Deletes what is older than the retention, by ingest time, in chunks small enough not to hold writers up.

A decision goes with its shadow scores and all its labels. Shadow scores and labels whose decision never came go by
their own age, and so do alerts.
"""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Delete, Engine, Table, delete, select, tuple_

from stream.ledger.database import writing
from stream.ledger.tables import alert_history, decisions, labels, shadow_scores

#: Rows of one transaction, besides what goes with them: some ten milliseconds.
CHUNK = 1000


def delete_chunk(engine: Engine, before_ms: int, chunk: int = CHUNK) -> Mapping[str, int]:
    """Delete the oldest rows that are too old, `chunk` of each table at most, and what belongs to them.

    Args:
        engine: The ledger's database.
        before_ms: Rows ingested before this are too old; UTC milliseconds.
        chunk: Most rows of each table in this transaction, besides those that go with a decision.

    Returns:
        By table, how many rows were deleted; all zeros when nothing is left to delete.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    deleted = dict.fromkeys((decisions.name, shadow_scores.name, labels.name, alert_history.name), 0)
    with writing(engine) as connection:
        old = select(decisions.c.transaction_id).where(decisions.c.ingested_at_ms < before_ms)
        gone = list(connection.scalars(old.order_by(decisions.c.ingested_at_ms).limit(chunk)))
        if gone:
            for table in (shadow_scores, labels, decisions):
                belonging = delete(table).where(table.c.transaction_id.in_(gone))
                deleted[table.name] = connection.execute(belonging).rowcount
        else:  # only now: while old decisions are left, most old rows belong to one and would be looked at in vain
            for table in (shadow_scores, labels):
                deleted[table.name] = connection.execute(_orphans(table, before_ms, chunk)).rowcount
        alerts = _oldest(alert_history, before_ms, chunk)
        deleted[alert_history.name] = connection.execute(alerts).rowcount
    return deleted


def _orphans(table: Table, before_ms: int, chunk: int) -> Delete:
    decided = select(decisions.c.transaction_id).where(decisions.c.transaction_id == table.c.transaction_id).exists()
    return _oldest(table, before_ms, chunk, ~decided)


def _oldest(table: Table, before_ms: int, chunk: int, *besides: ColumnElement[bool]) -> Delete:
    key = tuple_(*table.primary_key.columns)
    old = select(*table.primary_key.columns).where(table.c.ingested_at_ms < before_ms, *besides).limit(chunk)
    return delete(table).where(key.in_(old))
