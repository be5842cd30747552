"""Writes batches: their rows and their consumed offsets in one database transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select

from stream.clock import Clock
from stream.kafka.batch import Batch
from stream.kafka.stored_source import Claim
from stream.ledger.database import writing
from stream.ledger.message_kinds import MessageKind, Row
from stream.ledger.ownership import advance_offsets, claim_partitions
from stream.ledger.tables import decisions, labels
from stream.ledger.upsert import insert_rows
from stream.ledger.watermarks import advance_watermark, highest_by_partition
from stream.runtime.outage import Outage
from stream.settings import WatermarkSettings

#: Number of keys in one query, well below the number of parameters that a database accepts.
LOOKUP_KEYS = 1000


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Outcome of writing one batch."""

    #: Number of rows that were inserted.
    new: int
    #: Number of rows that were merged into an existing row or into another row of the batch.
    repeated: int
    #: Number of labels whose transaction has no decision yet.
    unknown: int = 0
    #: Number of event times too far ahead of the clock to move the watermark.
    ahead: int = 0
    #: Watermark after the batch, UTC milliseconds; None if the topic has no watermark (yet).
    watermark_ms: int | None = None


class LedgerStore:
    """The ledger's database, from a writer's point of view.

    Args:
        engine: Migrated ledger database.
        watermark: Settings for the watermark: allowed lateness and clock skew.
        clock: Source of ingest time.
        outage: Tracker that records whether the database is responding.
        owner: Name of this process, as host:pid; shown in errors.
    """

    name = "ledger"

    def __init__(self, engine: Engine, watermark: WatermarkSettings, clock: Clock, outage: Outage, owner: str) -> None:
        self._engine = engine
        self._watermark = watermark
        self._clock = clock
        self._outage = outage
        self._owner = owner

    def claim(self, topic: str, partitions: Sequence[int]) -> Mapping[int, Claim]:
        """Take ownership of partitions and return the offsets to resume at.

        Raises:
            LedgerUnavailableError: If the database is not responding.
        """
        with self._outage.track(topic), writing(self._engine) as connection:
            return claim_partitions(connection, topic, partitions, self._owner, self._clock.now_ms())

    def write(self, kind: MessageKind[Any], batch: Batch, rows: Sequence[Row], now_ms: int) -> WriteResult:
        """Write a batch completely or not at all.

        Args:
            kind: Kind of the batch's messages.
            batch: Batch whose offsets are consumed, including those of rejected messages.
            rows: Rows of the messages that were not rejected.
            now_ms: Ingest time, UTC milliseconds.

        Raises:
            StaleOwnerError: If another ledger has claimed a partition since the batch was read.
            LedgerUnavailableError: If the database is not responding. The batch may or may not have been written; the
                stored offsets show which.
        """
        has_watermark = kind.table is decisions
        highest = highest_by_partition(rows, now_ms, self._watermark) if has_watermark else {}
        with self._outage.track(kind.topic), writing(self._engine) as connection:
            advance_offsets(connection, batch, highest, now_ms)  # first, so that a stale owner does no further work
            repeated = insert_rows(connection, kind.table, kind.order, rows)
            return WriteResult(
                new=len(rows) - repeated,
                repeated=repeated,
                unknown=_count_without_decision(connection, rows) if kind.table is labels else 0,
                ahead=sum(ahead for _, ahead in highest.values()),
                watermark_ms=advance_watermark(connection, batch, now_ms, self._watermark) if has_watermark else None,
            )


def _count_without_decision(connection: Connection, rows: Sequence[Row]) -> int:
    transaction_ids = list({row["transaction_id"] for row in rows})
    decided: set[str] = set()
    for start in range(0, len(transaction_ids), LOOKUP_KEYS):
        chunk = transaction_ids[start : start + LOOKUP_KEYS]
        c = decisions.c
        decided.update(connection.scalars(select(c.transaction_id).where(c.transaction_id.in_(chunk))))
    return sum(row["transaction_id"] not in decided for row in rows)
