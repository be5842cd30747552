"""Event-time watermark: up to when history is complete, as far as one can know.

The minimum over partitions of each partition's highest event time, less an allowed lateness (T. Akidau et al., "The
Dataflow Model", 2015, section 2.3). What it matures can never be taken back, so three things bound the harm:

- it never goes back;
- an event time further ahead of ingest time than a bound is ignored: one transaction dated 2099 moves nothing;
- a partition that nothing came from for a while is left out, or one quiet partition would hold all others; but one
  that is being read and has shown no usable event time yet holds the watermark where it is.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct


class PartitionTime(Struct, frozen=True, gc=False):
    """How far one partition has come. Times are UTC milliseconds."""

    #: Highest event time that was not ignored; None before the first.
    highest_event_ms: int | None
    #: Ingest time of its newest message, or of the moment its reader was given it.
    seen_ms: int


def highest_event_time(event_times_ms: Sequence[int], *, ingest_ms: int, ahead_ms: int) -> tuple[int | None, int]:
    """Take in the event times of one batch of one partition.

    Args:
        event_times_ms: UTC milliseconds, in any order.
        ingest_ms: When they were read, UTC milliseconds.
        ahead_ms: A time more than so many milliseconds later than `ingest_ms` is ignored.

    Returns:
        The highest that is not ignored, None without one; and how many were ignored.

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
    """Return the watermark after looking at every partition.

    Args:
        before_ms: The watermark so far; None before the first.
        partitions: All that are known, in any order.
        now_ms: Ingest time, UTC milliseconds.
        lateness_ms: How much later than its neighbours an event may come and still be in time.
        idle_ms: A partition not seen for longer is left out.

    Returns:
        UTC milliseconds, never less than `before_ms`; None while no event time was usable.

    Example:
        >>> there = [PartitionTime(5_000, 10_000), PartitionTime(9_000, 10_000), PartitionTime(1_000, 200)]
        >>> advance(None, there, now_ms=10_000, lateness_ms=500, idle_ms=1_000)
        4500
    """
    heads: list[int] = []
    for partition in partitions:
        if partition.seen_ms < now_ms - idle_ms:
            continue
        if partition.highest_event_ms is None:
            return before_ms
        heads.append(partition.highest_event_ms)
    if not heads:
        return before_ms
    reached = min(heads) - lateness_ms
    return reached if before_ms is None else max(before_ms, reached)
