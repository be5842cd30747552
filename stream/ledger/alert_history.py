"""Records which Prometheus alerts fired and when, one row per alert; order and repetition of messages do not matter.

Alertmanager repeats messages, and a message that it had to resend may arrive after a later message. Messages carry no
timestamp of their own, so their content decides which of two messages about the same alert is kept: a resolved message
rather than a firing one; of two resolved messages, the one with the later end; if the ends are equal, the message whose
annotations (then labels) sort last as text. An alert that fires again has a new start, and therefore a new row.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from stream.ledger.tables import alert_history
from stream.ledger.upsert import Row

_KEY = ("fingerprint", "starts_at_ms")
_c = alert_history.c


def record_alerts(connection: Connection, rows: Sequence[Row], now_ms: int) -> list[Row]:
    """Record the alerts in a message.

    Args:
        connection: Connection with an open write transaction.
        rows: Rows of the alerts, as `stream.ledger.alertmanager.FiredAlert.row` returns them.
        now_ms: Ingest time, UTC milliseconds; a row keeps the ingest time of the alert's first message.

    Returns:
        The rows that contain news: from the first message about an alert, or the first message that resolves it.
    """
    # Rows are always written in the same order; otherwise, two messages with the same alerts could deadlock.
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in _KEY))
    return [row for row in ordered if _record(connection, row, now_ms)]


def _record(connection: Connection, row: Row, now_ms: int) -> bool:
    """Insert a row, or keep the later of the row and the stored row; return whether the new row contains news."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    first = insert(alert_history).on_conflict_do_nothing(index_elements=_KEY)
    new = row | {"ingested_at_ms": now_ms}
    if connection.execute(first, new, execution_options={"preserve_rowcount": True}).rowcount:
        return True
    same_alert = (_c.fingerprint == row["fingerprint"]) & (_c.starts_at_ms == row["starts_at_ms"])
    stored = dict(connection.execute(select(alert_history).where(same_alert).with_for_update()).mappings().one())
    if _rank(row) > _rank(stored):
        connection.execute(update(alert_history).where(same_alert).values(row))
    return (stored["status"], row["status"]) == ("firing", "resolved")


def _rank(row: Row) -> tuple[int, str, str]:
    ended_ms = row["ends_at_ms"]
    return (-1 if ended_ms is None else ended_ms, row["annotations"], row["labels"])
