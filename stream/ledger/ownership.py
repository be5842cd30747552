"""Who reads a partition, and how far it was read: rows that fence a stale writer.

A claim raises the partition's owner epoch. A writer moves the offset on only while its epoch is the newest and the
offset is the one it began at, in the same transaction as its rows: so they are written once, by one owner.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from schemas.errors import StaleOwnerError
from stream.kafka.batch import Batch
from stream.kafka.stored_source import Claim
from stream.ledger.tables import offsets


def claim(connection: Connection, topic: str, partitions: Sequence[int], owner: str, now_ms: int) -> dict[int, Claim]:
    """Make partitions this owner's, whoever had them before.

    Args:
        connection: In a transaction that writes.
        topic: Whose partitions.
        partitions: Claimed; a new one begins at offset 0.
        owner: For people who look.
        now_ms: Ingest time, UTC milliseconds; a partition just claimed does not count as idle.
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
    # Always in one order: two ledgers that claim the same partitions must not wait for each other in a circle.
    return {each: Claim(*connection.execute(raised, {"claimed": each}).one()) for each in sorted(partitions)}


def move_on(connection: Connection, batch: Batch, highest: Mapping[int, tuple[int | None, int]], now_ms: int) -> None:
    """Make a batch's offsets consumed.

    Args:
        connection: In the transaction that writes its rows.
        batch: With the claims it was read under.
        highest: By partition, its highest usable event time and how many were ignored; empty where none is kept.
        now_ms: Ingest time, UTC milliseconds.

    Raises:
        StaleOwnerError: If another owner claimed a partition since, or these offsets were consumed already.
    """
    c = offsets.c
    for partition in sorted(batch.end):
        event_ms, ahead = highest.get(partition, (None, 0))
        moved = (
            update(offsets)
            .where(
                c.topic == batch.incoming.topic,
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
        if connection.execute(moved).rowcount != 1:
            raise StaleOwnerError(
                f"{batch.incoming.topic}/{partition} was claimed by {_owner(connection, batch, partition)} since; "
                "dropping what was read and reading again if it is still ours"
            )


def _later(event_ms: int | None) -> object:
    before = offsets.c.highest_event_ms
    if event_ms is None:
        return before
    return case((func.coalesce(before, event_ms) <= event_ms, event_ms), else_=before)


def _owner(connection: Connection, batch: Batch, partition: int) -> str:
    asked = select(offsets.c.owner).where(
        offsets.c.topic == batch.incoming.topic, offsets.c.topic_partition == partition
    )
    return str(connection.execute(asked).scalar())
