"""The event-time watermark in the database, kept by whoever writes decisions."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from stream.evaluation.watermark import PartitionTime, advance, highest_event_time
from stream.kafka.batch import Batch
from stream.ledger.tables import offsets, watermarks
from stream.settings import Settings


def highest_by_partition(
    rows: Sequence[dict[str, Any]], now_ms: int, settings: Settings
) -> dict[int, tuple[int | None, int]]:
    """Return, by partition, the highest usable event time of a batch's rows and how many were ignored."""
    times: dict[int, list[int]] = {}
    for row in rows:
        times.setdefault(row["topic_partition"], []).append(row["event_time_ms"])
    ahead_ms = round(settings.watermark.max_clock_skew_s * 1000)
    return {
        partition: highest_event_time(found, ingest_ms=now_ms, ahead_ms=ahead_ms) for partition, found in times.items()
    }


def advance_watermark(connection: Connection, batch: Batch, now_ms: int, settings: Settings) -> int | None:
    """Advance the watermark of a batch's topic after its partitions were moved on.

    Returns:
        UTC milliseconds; None while there is none.
    """
    topic = batch.incoming.topic
    known = select(offsets.c.highest_event_ms, offsets.c.seen_ms).where(offsets.c.topic == topic)
    partitions = [PartitionTime(*row) for row in connection.execute(known)]
    before = connection.execute(select(watermarks.c.event_time_ms).where(watermarks.c.topic == topic)).scalar()
    after = advance(
        before,
        partitions,
        now_ms=now_ms,
        lateness_ms=round(settings.watermark.lateness_s * 1000),
        idle_ms=round(settings.watermark.idle_s * 1000),
    )
    if after is not None and after != before:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        first = insert(watermarks).values(topic=topic, event_time_ms=after)
        # The condition for a sibling that saw more, and was quicker.
        raised = first.on_conflict_do_update(
            index_elements=["topic"],
            set_={"event_time_ms": first.excluded.event_time_ms},
            where=watermarks.c.event_time_ms < first.excluded.event_time_ms,
        )
        connection.execute(raised)
    return after
