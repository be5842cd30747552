"""Writes batches: their rows and their consumed offsets in one database transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select

from stream.clock import Clock
from stream.kafka.batch import Batch
from stream.kafka.stored_source import Claim
from stream.ledger.database import writing
from stream.ledger.message_kinds import Kind, Row
from stream.ledger.ownership import claim, move_on
from stream.ledger.tables import decisions, labels
from stream.ledger.upsert import insert_rows
from stream.ledger.watermarks import advance_watermark, highest_by_partition
from stream.runtime.outage import Outage
from stream.settings import Settings

#: Keys in one question: well below the parameters a database takes.
ASKED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Written:
    """What came of one batch."""

    #: Rows that are there now and were not before.
    new: int
    #: Rows that were made one with an earlier one.
    repeated: int
    #: Labels whose transaction has no decision yet.
    unknown: int = 0
    #: Event times too far ahead to conclude anything from.
    ahead: int = 0
    #: UTC milliseconds; None where none is kept, or before the first.
    watermark_ms: int | None = None


class LedgerStore:
    """The ledger's database as its writers see it.

    Args:
        engine: The database, up to date.
        settings: Bounds of the watermark.
        clock: Ingest time.
        outage: Told whether the database answers.
        owner: This process, for people who look.
    """

    name = "ledger"

    def __init__(self, engine: Engine, settings: Settings, clock: Clock, outage: Outage, owner: str) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._outage = outage
        self._owner = owner

    def claim(self, topic: str, partitions: Sequence[int]) -> Mapping[int, Claim]:
        """Make partitions ours and say where to read on.

        Raises:
            LedgerAwayError: If the database does not answer.
        """
        with self._outage.watched(topic), writing(self._engine) as connection:
            return claim(connection, topic, partitions, self._owner, self._clock.now_ms())

    def write(self, kind: Kind[Any], batch: Batch, rows: Sequence[Row], now_ms: int) -> Written:
        """Write a batch, all of it or nothing.

        Args:
            kind: What the rows are.
            batch: Whose offsets are consumed; refused messages are among them.
            rows: Of the messages that were not refused.
            now_ms: Ingest time, UTC milliseconds.

        Raises:
            StaleOwnerError: If another ledger was given a partition since the batch was read.
            LedgerAwayError: If the database does not answer. The batch may be written or not; the offsets will tell.
        """
        dated = kind.table is decisions
        highest = highest_by_partition(rows, now_ms, self._settings) if dated else {}
        with self._outage.watched(kind.topic), writing(self._engine) as connection:
            move_on(connection, batch, highest, now_ms)  # first: a stale owner must not do the work
            repeated = insert_rows(connection, kind.table, kind.order, rows)
            return Written(
                new=len(rows) - repeated,
                repeated=repeated,
                unknown=_without_decision(connection, rows) if kind.table is labels else 0,
                ahead=sum(ahead for _, ahead in highest.values()),
                watermark_ms=advance_watermark(connection, batch, now_ms, self._settings) if dated else None,
            )


def _without_decision(connection: Connection, rows: Sequence[Row]) -> int:
    wanted = list({row["transaction_id"] for row in rows})
    known: set[str] = set()
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        part = wanted[start : start + ASKED_AT_ONCE]
        c = decisions.c
        known.update(connection.scalars(select(c.transaction_id).where(c.transaction_id.in_(part))))
    return sum(row["transaction_id"] not in known for row in rows)
