"""Which alerts fired, from when to when: one row for each, whatever order its messages come in and however often.

Alertmanager repeats what it said, and a message that it had to send again may come after a later one. Messages carry no
time of their own, so what they say decides: of two about one alert the resolved one is kept, of these the one that was
resolved last, and of equal ones the one whose annotations, then labels, are the greater text. An alert that begins anew
has another start, and so another row.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from stream.ledger.tables import alert_history
from stream.ledger.upsert import Row

_KEY = ("fingerprint", "starts_at_ms")
_c = alert_history.c


def record_alerts(connection: Connection, rows: Sequence[Row], now_ms: int) -> list[Row]:
    """Write what a message says.

    Args:
        connection: In a transaction that writes.
        rows: Of its alerts, as `stream.ledger.alertmanager.Alert.row` makes them.
        now_ms: Ingest time, UTC milliseconds; that of an alert's first message stays.

    Returns:
        Those that were news: the first of an alert, and the first that says it is resolved.
    """
    # Always in one order: two messages with the same alerts must not wait for each other in a circle.
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in _KEY))
    return [row for row in ordered if _record(connection, row, now_ms)]


def recent_alerts(connection: Connection, limit: int) -> list[Row]:
    """Return the alerts that were first heard of last, newest first, with every column."""
    newest = select(alert_history).order_by(_c.ingested_at_ms.desc(), _c.starts_at_ms.desc(), _c.fingerprint)
    return [dict(row) for row in connection.execute(newest.limit(limit)).mappings()]


def _record(connection: Connection, row: Row, now_ms: int) -> bool:
    """Write a row or keep the later of it and the one that is there; return whether it was news."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    first = insert(alert_history).on_conflict_do_nothing(index_elements=_KEY)
    given = row | {"ingested_at_ms": now_ms}
    if connection.execute(first, given, execution_options={"preserve_rowcount": True}).rowcount:
        return True
    here = (_c.fingerprint == row["fingerprint"]) & (_c.starts_at_ms == row["starts_at_ms"])
    there = dict(connection.execute(select(alert_history).where(here).with_for_update()).mappings().one())
    if _place(row) > _place(there):
        connection.execute(update(alert_history).where(here).values(row))
    return (there["status"], row["status"]) == ("firing", "resolved")


def _place(row: Row) -> tuple[int, str, str]:
    ended_ms = row["ends_at_ms"]
    return (-1 if ended_ms is None else ended_ms, row["annotations"], row["labels"])
