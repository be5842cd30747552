"""Owners and offsets of the partitions: database rows that fence stale writers.

A claim raises the partition's owner epoch. A writer may advance the offset only in the transaction that writes the
batch's rows, and only while the writer's epoch is the newest and the stored offset is the start of the batch. So each
row is written once, by one owner.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from schemas.errors import StaleOwnerError
from stream.kafka.batch import Batch
from stream.kafka.stored_source import Claim
from stream.ledger.tables import offsets


def claim_partitions(
    connection: Connection, topic: str, partitions: Sequence[int], owner: str, now_ms: int
) -> dict[int, Claim]:
    """Make `owner` the owner of partitions, whichever ledger owned them before.

    Args:
        connection: Connection with an open write transaction.
        topic: Topic of the partitions.
        partitions: Partitions to claim; a new partition starts at offset 0.
        owner: Name of the claiming process; shown in errors.
        now_ms: Ingest time, UTC milliseconds; recorded so that a partition that was just claimed does not count as
            idle.

    Returns:
        The claim of each partition.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    first = insert(offsets).values(
        topic=topic,
        topic_partition=bindparam("claimed"),
        next_offset=0,
        owner_epoch=1,
        owner=owner,
        seen_ms=now_ms,
        ahead=0,
    )
    raised = first.on_conflict_do_update(
        index_elements=["topic", "topic_partition"],
        set_={
            "owner_epoch": offsets.c.owner_epoch + 1,
            "owner": owner,
            "seen_ms": case((offsets.c.seen_ms < now_ms, now_ms), else_=offsets.c.seen_ms),
        },
    ).returning(offsets.c.owner_epoch, offsets.c.next_offset)
    # Partitions are always claimed in the same order; otherwise, two ledgers that claim the same ones could deadlock.
    return {each: Claim(*connection.execute(raised, {"claimed": each}).one()) for each in sorted(partitions)}


def advance_offsets(
    connection: Connection, batch: Batch, highest: Mapping[int, tuple[int | None, int]], now_ms: int
) -> None:
    """Mark a batch's offsets as consumed.

    Args:
        connection: Connection in the transaction that writes the batch's rows.
        batch: Batch with the claims it was read under.
        highest: Highest usable event time and number of ignored event times, by partition; empty for topics without a
            watermark.
        now_ms: Ingest time, UTC milliseconds.

    Raises:
        StaleOwnerError: If another owner has claimed a partition since the batch was read, or its offsets were already
            consumed.
    """
    c = offsets.c
    for partition in sorted(batch.end):
        event_ms, ahead = highest.get(partition, (None, 0))
        advanced = (
            update(offsets)
            .where(
                c.topic == batch.raw.topic,
                c.topic_partition == partition,
                c.owner_epoch == batch.metadata[partition],
                c.next_offset == batch.start[partition],
            )
            .values(
                next_offset=batch.end[partition],
                seen_ms=now_ms,
                ahead=c.ahead + ahead,
                highest_event_ms=_later(event_ms),
            )
        )
        if connection.execute(advanced).rowcount != 1:
            raise StaleOwnerError(
                f"{batch.raw.topic}/{partition} is now claimed by {_owner(connection, batch, partition)}; "
                "dropping this batch (it is read again if this ledger still owns the partition)"
            )


def _later(event_ms: int | None) -> object:
    before = offsets.c.highest_event_ms
    if event_ms is None:
        return before
    return case((func.coalesce(before, event_ms) <= event_ms, event_ms), else_=before)


def _owner(connection: Connection, batch: Batch, partition: int) -> str:
    owner = select(offsets.c.owner).where(offsets.c.topic == batch.raw.topic, offsets.c.topic_partition == partition)
    return str(connection.execute(owner).scalar())
