"""Event-time watermark: the time up to which history is assumed to be complete.

It is the minimum over partitions of each partition's highest event time, minus an allowed lateness (T. Akidau et al.,
"The Dataflow Model", 2015, section 2.3). What has matured by it is final, so three rules limit the damage of bad event
times:

- it never goes back;
- an event time further ahead of ingest time than a limit is ignored, so one transaction dated 2099 has no effect;
- a partition without messages for a while is left out, so that one quiet partition does not hold back the others; but
  a partition that is being read and has not shown a usable event time yet stops the watermark.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct


class PartitionTime(Struct, frozen=True, gc=False):
    """How far one partition has been read. Times are UTC milliseconds."""

    #: Highest event time that was not ignored; None before the first.
    highest_event_ms: int | None
    #: Ingest time of its newest message, or the time at which the partition was assigned to its reader.
    last_read_ms: int


def highest_event_time(event_times_ms: Sequence[int], *, ingest_ms: int, ahead_ms: int) -> tuple[int | None, int]:
    """Return the highest usable event time of a batch from one partition, and how many were ignored.

    Args:
        event_times_ms: Event times in UTC milliseconds, in any order.
        ingest_ms: Time at which they were read, UTC milliseconds.
        ahead_ms: Milliseconds after `ingest_ms` beyond which an event time is ignored.

    Returns:
        The highest event time that is not ignored, None if there is none; and the number of ignored ones.

    Example:
        >>> highest_event_time([900, 1_000, 4_070_908_800_000], ingest_ms=1_005, ahead_ms=100)
        (1000, 1)
    """
    latest = ingest_ms + ahead_ms
    usable = [time for time in event_times_ms if time <= latest]
    return max(usable, default=None), len(event_times_ms) - len(usable)


def advance(
    before_ms: int | None,
    partitions: Iterable[PartitionTime],
    *,
    now_ms: int,
    lateness_ms: int,
    idle_ms: int,
) -> int | None:
    """Return the watermark over all partitions.

    Args:
        before_ms: Watermark so far; None before the first.
        partitions: All known partitions, in any order.
        now_ms: Ingest time, UTC milliseconds.
        lateness_ms: Milliseconds by which an event may be later than its neighbours and still be on time.
        idle_ms: Milliseconds without a message after which a partition is left out.

    Returns:
        UTC milliseconds, never less than `before_ms`; None as long as no event time was usable.

    Example:
        >>> partitions = [PartitionTime(5_000, 10_000), PartitionTime(9_000, 10_000), PartitionTime(1_000, 200)]
        >>> advance(None, partitions, now_ms=10_000, lateness_ms=500, idle_ms=1_000)
        4500
    """
    highest: list[int] = []
    for partition in partitions:
        if partition.last_read_ms < now_ms - idle_ms:
            continue
        if partition.highest_event_ms is None:
            return before_ms
        highest.append(partition.highest_event_ms)
    if not highest:
        return before_ms
    reached = min(highest) - lateness_ms
    return reached if before_ms is None else max(before_ms, reached)
