"""The event-time watermark: the time up to which history is assumed to be complete.

The watermark is the minimum, over all partitions, of each partition's highest event time, minus an allowed lateness
(T. Akidau et al., "The Dataflow Model", 2015, section 2.3). An outcome that has matured by the watermark is final, so
three rules limit the damage that bad event times can do:

- The watermark never goes back.
- An event time too far ahead of the ingest time is ignored, so one transaction dated 2099 has no effect.
- A partition without messages for a while is ignored, so that one quiet partition does not hold back the others. But
  the watermark does not advance while a partition that is being read has no usable event time yet.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct


class PartitionTime(Struct, frozen=True, gc=False):
    """How far one partition has been read. All times are UTC milliseconds."""

    #: Highest event time that was not ignored; None if there was none yet.
    highest_event_ms: int | None
    #: Ingest time of the newest message, or the time at which the partition was assigned to its reader.
    last_read_ms: int


def highest_event_time(event_times_ms: Sequence[int], *, ingest_ms: int, ahead_ms: int) -> tuple[int | None, int]:
    """Return the highest usable event time in a batch from one partition, and how many event times were ignored.

    Args:
        event_times_ms: Event times in UTC milliseconds, in any order.
        ingest_ms: Time at which the batch was read, UTC milliseconds.
        ahead_ms: Milliseconds after `ingest_ms` beyond which an event time is ignored.

    Returns:
        The highest event time that is not ignored (None if there is none), and the number of ignored event times.

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
        before_ms: Watermark so far, UTC milliseconds; None before the first watermark.
        partitions: All known partitions, in any order.
        now_ms: Current ingest time, UTC milliseconds.
        lateness_ms: Milliseconds by which a transaction may arrive after transactions with later event times and still
            be on time.
        idle_ms: Milliseconds without a message after which a partition is ignored.

    Returns:
        The watermark in UTC milliseconds, at least `before_ms`; None as long as there has been no usable event time.

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
