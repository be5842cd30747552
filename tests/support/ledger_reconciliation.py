"""The reconciliation at the end of every ledger test: the tables contain each message on the topics exactly once."""

from typing import Any

from sqlalchemy import select

from schemas.errors import RefusedMessageError
from stream.ledger.database import opened_engine
from stream.ledger.message_kinds import MessageKind, all_message_kinds
from stream.ledger.tables import offsets
from stream.settings import Settings
from tests.support.topics import read_all


def reconcile_ledger(settings: Settings, bootstrap: str | None = None) -> dict[str, int]:
    """Compare every table with its topic, column by column, except for the ingest time.

    Args:
        settings: Settings with the topics and the database.
        bootstrap: Bootstrap server that bypasses a proxy; by default the bootstrap server in the settings.

    Returns:
        Number of rows by table.

    Raises:
        AssertionError: If a row is missing, unexpected or different.
    """
    sizes: dict[str, int] = {}
    with opened_engine(settings.ledger.url) as engine, engine.connect() as connection:
        for kind in all_message_kinds(settings.topic):
            expected, ends = _expected(kind, bootstrap or settings.kafka.bootstrap)
            key = [column.name for column in kind.table.primary_key]
            rows = [dict(row._mapping) for row in connection.execute(select(kind.table))]
            actual = {tuple(row[name] for name in key): row for row in rows}
            for row in rows:
                del row["ingested_at_ms"]
            assert not (lost := expected.keys() - actual.keys()), f"{len(lost)} {kind.name} lost, first {min(lost)}"
            assert not (more := actual.keys() - expected.keys()), (
                f"{len(more)} unexpected {kind.name}, first {min(more)}"
            )
            wrong = [key for key, row in expected.items() if actual[key] != row]
            assert not wrong, f"{len(wrong)} {kind.name} differ, first {actual[wrong[0]]}, not {expected[wrong[0]]}"
            c = offsets.c
            query = select(c.topic_partition, c.next_offset).where(c.topic == kind.topic)
            next_offsets = dict(connection.execute(query).all())
            assert {partition: next_offsets[partition] for partition in ends} == ends
            sizes[kind.name] = len(actual)
    return sizes


def _expected(kind: MessageKind[Any], bootstrap: str) -> tuple[dict[tuple[Any, ...], dict[str, Any]], dict[int, int]]:
    """Return a table's expected rows by key, computed message by message, and the end offset of each partition."""
    expected: dict[tuple[Any, ...], dict[str, Any]] = {}
    ends: dict[int, int] = {}
    for message in read_all(bootstrap, kind.topic):
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        ends[partition] = offset + 1
        try:
            values = kind.row(message.value(), partition, offset, 0)
        except RefusedMessageError:
            continue
        # A message may have fields that the ledger does not keep, such as the engine of a decision.
        row = {column.name: values[column.name] for column in kind.table.c if column.name != "ingested_at_ms"}
        key = tuple(row[column.name] for column in kind.table.primary_key)
        kept = expected.setdefault(key, row)
        if kept is not row:
            first = min(kept, row, key=lambda each: tuple(each[name] for name in kind.order))
            expected[key] = first | {"repeats": kept["repeats"] + 1}
    return expected, ends
