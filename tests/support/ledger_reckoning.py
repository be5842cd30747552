"""The reckoning that every ledger test ends with: the tables hold exactly what the topics hold, each message once."""

from typing import Any

from sqlalchemy import select

from schemas.errors import RefusedMessageError
from stream.ledger.database import open_engine
from stream.ledger.message_kinds import MessageKind, all_message_kinds
from stream.ledger.tables import offsets
from stream.settings import Settings
from tests.support.topics import read_all


def reckon_ledger(settings: Settings, bootstrap: str | None = None) -> dict[str, int]:
    """Compare every table with its topic, column by column; only ingest times are the ledger's own.

    Args:
        settings: Topics and database.
        bootstrap: Another way to the broker.

    Returns:
        Rows by table.

    Raises:
        AssertionError: With what is missing, made up, counted wrongly or different.
    """
    engine = open_engine(settings.ledger.url)
    sizes: dict[str, int] = {}
    with engine.connect() as connection:
        for kind in all_message_kinds(settings):
            wanted, ends = _expected(kind, bootstrap or settings.kafka.bootstrap)
            key = [column.name for column in kind.table.primary_key]
            rows = [dict(row._mapping) for row in connection.execute(select(kind.table))]
            found = {tuple(row[name] for name in key): row for row in rows}
            for row in rows:
                del row["ingested_at_ms"]
            assert not (lost := wanted.keys() - found.keys()), f"{len(lost)} {kind.name} lost, first {min(lost)}"
            assert not (more := found.keys() - wanted.keys()), f"{len(more)} {kind.name} made up, first {min(more)}"
            wrong = [place for place, row in wanted.items() if found[place] != row]
            assert not wrong, f"{len(wrong)} {kind.name} differ, first {found[wrong[0]]}, not {wanted[wrong[0]]}"
            c = offsets.c
            asked = select(c.topic_partition, c.next_offset).where(c.topic == kind.topic)
            reached = dict(connection.execute(asked).all())
            assert {partition: reached[partition] for partition in ends} == ends
            sizes[kind.name] = len(found)
    engine.dispose()
    return sizes


def _expected(kind: MessageKind[Any], bootstrap: str) -> tuple[dict[tuple[Any, ...], dict[str, Any]], dict[int, int]]:
    """Return a table's rows by key, reckoned one message at a time, and where each partition's messages end."""
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
    ends: dict[int, int] = {}
    for message in read_all(bootstrap, kind.topic):
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        ends[partition] = offset + 1
        try:
            row = kind.row(message.value(), partition, offset, 0)
        except RefusedMessageError:
            continue
        del row["ingested_at_ms"]
        key = tuple(row[column.name] for column in kind.table.primary_key)
        kept = wanted.setdefault(key, row)
        if kept is not row:
            first = min(kept, row, key=lambda each: tuple(each[name] for name in kind.order))
            wanted[key] = first | {"repeats": kept["repeats"] + 1}
    return wanted, ends
