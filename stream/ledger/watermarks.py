"""Stores the event-time watermark of the decisions topic in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from stream.evaluation.watermark import PartitionTime, advance, highest_event_time
from stream.kafka.batch import Batch
from stream.ledger.tables import offsets, watermarks
from stream.settings import WatermarkSettings


def highest_by_partition(
    rows: Sequence[dict[str, Any]], now_ms: int, watermark: WatermarkSettings
) -> dict[int, tuple[int | None, int]]:
    """Return the highest usable event time and the number of ignored event times in a batch, by partition."""
    times: dict[int, list[int]] = {}
    for row in rows:
        times.setdefault(row["topic_partition"], []).append(row["event_time_ms"])
    ahead_ms = round(watermark.max_clock_skew_s * 1000)
    return {
        partition: highest_event_time(event_times_ms, ingest_ms=now_ms, ahead_ms=ahead_ms)
        for partition, event_times_ms in times.items()
    }


def advance_watermark(connection: Connection, batch: Batch, now_ms: int, watermark: WatermarkSettings) -> int | None:
    """Advance the watermark of a batch's topic; call this after advancing the batch's offsets.

    Returns:
        The watermark, UTC milliseconds; None if there is none yet.
    """
    topic = batch.raw.topic
    stored = select(offsets.c.highest_event_ms, offsets.c.seen_ms).where(offsets.c.topic == topic)
    partitions = [PartitionTime(*row) for row in connection.execute(stored)]
    before = connection.execute(select(watermarks.c.event_time_ms).where(watermarks.c.topic == topic)).scalar()
    after = advance(
        before,
        partitions,
        now_ms=now_ms,
        lateness_ms=round(watermark.lateness_s * 1000),
        idle_ms=round(watermark.idle_s * 1000),
    )
    if after is not None and after != before:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        first = insert(watermarks).values(topic=topic, event_time_ms=after)
        # Only ever raise the watermark: another ledger may have read further and committed first.
        raised = first.on_conflict_do_update(
            index_elements=["topic"],
            set_={"event_time_ms": first.excluded.event_time_ms},
            where=watermarks.c.event_time_ms < first.excluded.event_time_ms,
        )
        connection.execute(raised)
    return after
