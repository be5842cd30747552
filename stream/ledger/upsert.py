"""Inserts that commute: whatever order rows come in, and however often, the table ends up the same.

Of rows with one key the smallest in `order` is kept, a total order made of places in Kafka. The others are counted.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, case, tuple_
from sqlalchemy.dialects import postgresql, sqlite


def insert_rows(connection: Connection, table: Table, order: Sequence[str], rows: Sequence[dict[str, Any]]) -> int:
    """Insert rows, making repeated ones one.

    Args:
        connection: In a transaction.
        table: With columns `ingested_at_ms` and `repeats` beside its content.
        order: Columns; of two rows with one key the smaller in them is kept.
        rows: With every column.

    Returns:
        How many were repeated.
    """
    if not rows:
        return 0
    key = [column.name for column in table.primary_key]
    # Always in one order: two ledgers that write the same keys must not wait for each other in a circle.
    ordered = sorted(rows, key=itemgetter(*key))
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Nearly always all are new, and this costs least.
    attempt = connection.begin_nested()
    plain = insert(table).on_conflict_do_nothing(index_elements=key)
    new = connection.execute(plain, ordered, execution_options={"preserve_rowcount": True}).rowcount
    if new == len(ordered):
        attempt.commit()
        return 0
    attempt.rollback()
    connection.execute(_merging(insert(table), table, key, order), ordered)
    return len(ordered) - new


def _merging(insert: Any, table: Table, key: Sequence[str], order: Sequence[str]) -> Any:
    met, kept = insert.excluded, table.c
    smaller = tuple_(*(met[name] for name in order)) < tuple_(*(kept[name] for name in order))
    content = [column.name for column in table.c if column.name not in {*key, "ingested_at_ms", "repeats"}]
    merged: dict[str, Any] = {name: case((smaller, met[name]), else_=kept[name]) for name in content}
    earlier = met.ingested_at_ms < kept.ingested_at_ms
    merged["ingested_at_ms"] = case((earlier, met.ingested_at_ms), else_=kept.ingested_at_ms)
    merged["repeats"] = kept.repeats + 1
    return insert.on_conflict_do_update(index_elements=key, set_=merged)
