"""Deletes rows whose retention period since ingest has ended, in chunks small enough not to block writers.

A decision is deleted with its shadow scores and all its labels. Shadow scores and labels without a decision are deleted
according to their own ingest time, and so are alerts.
"""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Delete, Engine, Table, delete, select, tuple_

from stream.ledger.database import writing
from stream.ledger.tables import alert_history, decisions, labels, shadow_scores

#: Rows to delete per transaction, not counting rows deleted along with a decision; takes about ten milliseconds.
CHUNK = 1000


def delete_chunk(engine: Engine, before_ms: int, chunk: int = CHUNK) -> Mapping[str, int]:
    """Delete up to `chunk` of the oldest expired rows of each table, and the rows that belong to them.

    Args:
        engine: Ledger database.
        before_ms: Rows ingested before this time are expired; UTC milliseconds.
        chunk: Maximum number of rows to delete from each table in this transaction, not counting rows that belong to a
            decision.

    Returns:
        Number of deleted rows by table; all zeros when no expired rows are left.

    Raises:
        LedgerUnavailableError: If the database is not responding.
    """
    deleted = dict.fromkeys((decisions.name, shadow_scores.name, labels.name, alert_history.name), 0)
    with writing(engine) as connection:
        expired = select(decisions.c.transaction_id).where(decisions.c.ingested_at_ms < before_ms)
        transaction_ids = list(connection.scalars(expired.order_by(decisions.c.ingested_at_ms).limit(chunk)))
        if transaction_ids:
            for table in (shadow_scores, labels, decisions):
                belonging = delete(table).where(table.c.transaction_id.in_(transaction_ids))
                deleted[table.name] = connection.execute(belonging).rowcount
        else:  # only then: while expired decisions are left, most expired rows belong to one of them
            for table in (shadow_scores, labels):
                deleted[table.name] = connection.execute(_delete_orphans(table, before_ms, chunk)).rowcount
        alerts = _delete_oldest(alert_history, before_ms, chunk)
        deleted[alert_history.name] = connection.execute(alerts).rowcount
    return deleted


def _delete_orphans(table: Table, before_ms: int, chunk: int) -> Delete:
    decided = select(decisions.c.transaction_id).where(decisions.c.transaction_id == table.c.transaction_id).exists()
    return _delete_oldest(table, before_ms, chunk, ~decided)


def _delete_oldest(table: Table, before_ms: int, chunk: int, *conditions: ColumnElement[bool]) -> Delete:
    key = tuple_(*table.primary_key.columns)
    expired = select(*table.primary_key.columns).where(table.c.ingested_at_ms < before_ms, *conditions).limit(chunk)
    return delete(table).where(key.in_(expired))
