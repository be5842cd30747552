"""Inserts that commute: the order and the repetition of rows do not change the resulting table.

Of rows with the same key, the smallest by `order` is kept; `order` is a total order over positions in Kafka. The other
rows are counted in `repeats`.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, bindparam, case, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY

Row = dict[str, Any]


def insert_rows(connection: Connection, table: Table, order: Sequence[str], rows: Sequence[Row]) -> int:
    """Insert rows, merging those that have the same key.

    Args:
        connection: Connection with an open transaction.
        table: Table with columns `ingested_at_ms` and `repeats` besides its content.
        order: Columns to compare; of two rows with the same key, the smaller row is kept.
        rows: Rows with a value for every column.

    Returns:
        Number of rows that were merged into another row.
    """
    if not rows:
        return 0
    key = [column.name for column in table.primary_key]
    # Rows are always written in the same order; otherwise, two ledgers that write the same keys could deadlock.
    ordered = sorted(rows, key=itemgetter(*key))
    insert = _insert(connection, table)
    # Nearly always, every row is new, and this is the cheapest way to insert new rows.
    attempt = connection.begin_nested()
    new = _execute(connection, insert.on_conflict_do_nothing(index_elements=key), table, ordered)
    if new == len(ordered):
        attempt.commit()
        return 0
    attempt.rollback()
    _execute(connection, _merging(insert, table, key, order), table, _merge_repeats(ordered, key, order))
    return len(ordered) - new


def _insert(connection: Connection, table: Table) -> Any:
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table)
    # One statement with an array per column. One statement per row would cost a round trip each, and a ledger that
    # freezes with many statements in flight leaves a session whose locks no timeout releases.
    arrays = (bindparam(column.name, type_=ARRAY(type(column.type)())) for column in table.c)
    names = [column.name for column in table.c]
    unnested = func.unnest(*arrays).table_valued(*names).render_derived()
    return postgresql.insert(table).from_select(names, select(*(unnested.c[name] for name in names)))


def _execute(connection: Connection, statement: Any, table: Table, rows: Sequence[Row]) -> int:
    parameters: Any = rows
    if connection.dialect.name == "postgresql":
        parameters = {column.name: [row[column.name] for row in rows] for column in table.c}
    return int(connection.execute(statement, parameters, execution_options={"preserve_rowcount": True}).rowcount)


def _merge_repeats(ordered: Sequence[Row], key: Sequence[str], order: Sequence[str]) -> list[Row]:
    """Merge rows with the same key, by the rule that `_merging` applies to stored rows."""
    key_of, order_of = itemgetter(*key), itemgetter(*order)
    merged: dict[Any, Row] = {}
    for row in ordered:
        kept = merged.get(key_of(row))
        if kept is None:
            merged[key_of(row)] = row
            continue
        first = min(kept, row, key=order_of)
        ingested_at_ms = min(kept["ingested_at_ms"], row["ingested_at_ms"])
        merged[key_of(row)] = first | {"repeats": kept["repeats"] + 1, "ingested_at_ms": ingested_at_ms}
    return list(merged.values())


def _merging(insert: Any, table: Table, key: Sequence[str], order: Sequence[str]) -> Any:
    new, stored = insert.excluded, table.c
    smaller = tuple_(*(new[name] for name in order)) < tuple_(*(stored[name] for name in order))
    content = [column.name for column in table.c if column.name not in {*key, "ingested_at_ms", "repeats"}]
    merged: dict[str, Any] = {name: case((smaller, new[name]), else_=stored[name]) for name in content}
    earlier = new.ingested_at_ms < stored.ingested_at_ms
    merged["ingested_at_ms"] = case((earlier, new.ingested_at_ms), else_=stored.ingested_at_ms)
    merged["repeats"] = stored.repeats + new.repeats + 1
    return insert.on_conflict_do_update(index_elements=key, set_=merged)
