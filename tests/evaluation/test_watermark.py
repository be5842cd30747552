"""Properties of the watermark: it never goes back, and a single bad event time does not move it far."""

from hypothesis import given
from hypothesis import strategies as st

from stream.evaluation.watermark import PartitionTime, advance, highest_event_time

TIMES = st.integers(0, 2**45)
PARTITIONS = st.lists(st.builds(PartitionTime, st.none() | TIMES, TIMES), max_size=6)
SPANS = st.integers(0, 10**9)


@given(st.none() | TIMES, PARTITIONS, TIMES, SPANS, SPANS)
def test_the_watermark_never_goes_back(
    before: int | None, partitions: list[PartitionTime], now_ms: int, lateness_ms: int, idle_ms: int
) -> None:
    """The watermark never goes back, even if some partitions disappear."""
    after = advance(before, partitions, now_ms=now_ms, lateness_ms=lateness_ms, idle_ms=idle_ms)
    assert before is None or (after is not None and after >= before)


@given(PARTITIONS, TIMES, SPANS, SPANS)
def test_the_watermark_is_behind_every_partition_that_is_not_idle(
    partitions: list[PartitionTime], now_ms: int, lateness_ms: int, idle_ms: int
) -> None:
    """The watermark lags the slowest active partition by the lateness; an active one without event times stops it."""
    after = advance(None, partitions, now_ms=now_ms, lateness_ms=lateness_ms, idle_ms=idle_ms)
    live = [each for each in partitions if each.last_read_ms >= now_ms - idle_ms]
    heads = [each.highest_event_ms for each in live if each.highest_event_ms is not None]
    if not heads or len(heads) < len(live):
        assert after is None
    else:
        assert after == min(heads) - lateness_ms


@given(PARTITIONS, PARTITIONS, TIMES, SPANS, SPANS)
def test_idle_partitions_change_nothing(
    live: list[PartitionTime], further: list[PartitionTime], now_ms: int, lateness_ms: int, idle_ms: int
) -> None:
    """The watermark is the same with idle partitions as without them."""
    idle = [each for each in further if each.last_read_ms < now_ms - idle_ms]
    alone = advance(None, live, now_ms=now_ms, lateness_ms=lateness_ms, idle_ms=idle_ms)
    assert advance(None, [*idle, *live], now_ms=now_ms, lateness_ms=lateness_ms, idle_ms=idle_ms) == alone


@given(st.lists(TIMES), st.lists(TIMES), TIMES, SPANS)
def test_batch_borders_do_not_matter(left: list[int], right: list[int], ingest_ms: int, ahead_ms: int) -> None:
    """Parts of a batch give the same highest event time and number of ignored event times as the whole batch."""
    whole = highest_event_time(left + right, ingest_ms=ingest_ms, ahead_ms=ahead_ms)
    parts = [highest_event_time(part, ingest_ms=ingest_ms, ahead_ms=ahead_ms) for part in (left, right)]
    highest = max((head for head, _ in parts if head is not None), default=None)
    assert whole == (highest, sum(ignored for _, ignored in parts))


@given(st.lists(TIMES, min_size=1), TIMES, SPANS, st.integers(1, 2**45))
def test_a_time_too_far_ahead_has_no_effect(times: list[int], ingest_ms: int, ahead_ms: int, beyond: int) -> None:
    """A time too far ahead only raises the number of ignored event times."""
    highest, ignored = highest_event_time(times, ingest_ms=ingest_ms, ahead_ms=ahead_ms)
    bad = ingest_ms + ahead_ms + beyond
    assert highest_event_time([*times, bad], ingest_ms=ingest_ms, ahead_ms=ahead_ms) == (highest, ignored + 1)


def test_one_transaction_dated_2099_has_no_effect() -> None:
    """A transaction dated 2099 has no effect, whether alone in its partition or together with others."""
    in_2099, now = 4_070_908_800_000, 1_795_000_000_000
    assert highest_event_time([in_2099], ingest_ms=now, ahead_ms=3_600_000) == (None, 1)
    assert highest_event_time([now - 5, in_2099], ingest_ms=now, ahead_ms=3_600_000) == (now - 5, 1)
    held = [PartitionTime(None, now), PartitionTime(now, now)]
    assert advance(now - 99, held, now_ms=now, lateness_ms=0, idle_ms=1) == now - 99
