"""Inserts that commute: whatever order rows come in, and however often, the table ends up the same.

Of rows with one key the smallest in `order` is kept, a total order made of places in Kafka. The others are counted.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, bindparam, case, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY

Row = dict[str, Any]


def insert_rows(connection: Connection, table: Table, order: Sequence[str], rows: Sequence[Row]) -> int:
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
    insert = _insert(connection, table)
    # Nearly always all are new, and this costs least.
    attempt = connection.begin_nested()
    new = _execute(connection, insert.on_conflict_do_nothing(index_elements=key), table, ordered)
    if new == len(ordered):
        attempt.commit()
        return 0
    attempt.rollback()
    _execute(connection, _merging(insert, table, key, order), table, _made_one(ordered, key, order))
    return len(ordered) - new


def _insert(connection: Connection, table: Table) -> Any:
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table)
    # One statement with an array for each column: a statement for each row would be a way to the server and back, and
    # many on their way at once could be left hanging by a ledger that is frozen, with locks that no timeout ends.
    arrays = (bindparam(column.name, type_=ARRAY(type(column.type)())) for column in table.c)
    names = [column.name for column in table.c]
    given = func.unnest(*arrays).table_valued(*names).render_derived()
    return postgresql.insert(table).from_select(names, select(*(given.c[name] for name in names)))


def _execute(connection: Connection, statement: Any, table: Table, rows: Sequence[Row]) -> int:
    given: Any = rows
    if connection.dialect.name == "postgresql":
        given = {column.name: [row[column.name] for row in rows] for column in table.c}
    return int(connection.execute(statement, given, execution_options={"preserve_rowcount": True}).rowcount)


def _made_one(ordered: Sequence[Row], key: Sequence[str], order: Sequence[str]) -> list[Row]:
    """Merge the rows of one key among themselves, as `_merging` does with those that are there."""
    key_of, place_of = itemgetter(*key), itemgetter(*order)
    merged: dict[Any, Row] = {}
    for row in ordered:
        kept = merged.get(key_of(row))
        if kept is None:
            merged[key_of(row)] = row
            continue
        first = min(kept, row, key=place_of)
        ingested_at_ms = min(kept["ingested_at_ms"], row["ingested_at_ms"])
        merged[key_of(row)] = first | {"repeats": kept["repeats"] + 1, "ingested_at_ms": ingested_at_ms}
    return list(merged.values())


def _merging(insert: Any, table: Table, key: Sequence[str], order: Sequence[str]) -> Any:
    met, kept = insert.excluded, table.c
    smaller = tuple_(*(met[name] for name in order)) < tuple_(*(kept[name] for name in order))
    content = [column.name for column in table.c if column.name not in {*key, "ingested_at_ms", "repeats"}]
    merged: dict[str, Any] = {name: case((smaller, met[name]), else_=kept[name]) for name in content}
    earlier = met.ingested_at_ms < kept.ingested_at_ms
    merged["ingested_at_ms"] = case((earlier, met.ingested_at_ms), else_=kept.ingested_at_ms)
    merged["repeats"] = kept.repeats + met.repeats + 1
    return insert.on_conflict_do_update(index_elements=key, set_=merged)
