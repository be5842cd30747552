"""Merging counts: windows depend only on the topic, whichever workers count and whichever worker merges."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import BundleMissingError
from schemas.manifest import Manifest
from schemas.messages import DriftCounts, DriftReport, encode
from stream.drift.counts_merger import CountsMerger
from tests.drift.merged_counts import (
    LIMITS,
    RefusedReasons,
    counts_of_model,
    interleaved,
    load_manifest,
    merged,
    new_merger,
)
from tests.drift.sample_bundle import HOUR_MS, MANIFEST, NOON_MS, ROWS, counts_of, limits, rows_of, sha

_decoder = msgspec.json.Decoder(DriftReport)


def test_a_window_closes_with_the_message_that_fills_it() -> None:
    """A window closes with the message that fills it, and consecutive reports cover adjacent ranges of offsets."""
    reports = merged(counts_of_model("1", 25))
    assert [(each.number, each.first_offset, each.next_offset, each.rows) for each in reports] == [
        (1, 0, 10, ROWS),
        (2, 10, 20, ROWS),
    ]
    first = reports[0]
    assert (first.from_ms, first.until_ms, first.complete, first.decides) == (NOON_MS, NOON_MS + 600_000, True, True)
    assert sum(first.score_counts) == ROWS
    assert {sum(counts) for counts in first.counts.values()} == {ROWS}
    assert first.false_alarm_rate == pytest.approx(1 / 200)
    assert first.mean_score == pytest.approx(0.06, abs=0.02)
    assert first.score.state == "ok"


def test_a_report_adds_up_the_messages_of_all_workers() -> None:
    """A report's counts, alerts and score sums cover the rows of all workers."""
    parts = [rows_of(100, seed) for seed in range(10)]
    report = merged(counts_of(*part, slot=str(i % 3)) for i, part in enumerate(parts))[0]
    whole = counts_of(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    assert (report.counts, report.score_counts, report.reviews) == (whole.features, whole.scores, whole.reviews)
    assert report.expected_recall == pytest.approx(whole.alert_score_sum / whole.score_sum)
    assert report.expected_precision == pytest.approx(whole.alert_score_sum / whole.reviews)


@given(st.lists(st.integers(0, 2), min_size=40, max_size=40), st.lists(st.integers(1, 199), max_size=6))
@settings(max_examples=20)
def test_the_split_over_workers_and_messages_does_not_matter(workers: list[int], cuts: list[int]) -> None:
    """The same rows give the same statistics, however they are split over workers and messages."""
    whole = rows_of(2000, 5)
    bounds = sorted({0, *range(0, 2001, 50), *(cut * 10 for cut in cuts)})
    messages = [
        counts_of(whole[0][begin:end], whole[1][begin:end], slot=str(workers[i % 40]))
        for i, (begin, end) in enumerate(itertools.pairwise(bounds))
    ]
    expected = merged(counts_of(whole[0][begin : begin + ROWS], whole[1][begin : begin + ROWS]) for begin in (0, ROWS))
    reports = merged(messages)
    assert [each.counts for each in reports] == [each.counts for each in expected]
    assert [(each.features, each.score, each.alert_rate) for each in reports] == [
        (each.features, each.score, each.alert_rate) for each in expected
    ]


def test_models_never_share_a_window() -> None:
    """If the champion changes in the middle of a window, the new bundle's window starts with its own first counts."""
    topic = interleaved([counts_of_model("1", 10), counts_of_model("2", 10, decides=False)], seed=3)
    alone = {version: merged(counts_of_model(version, 10))[0].counts for version in ("1", "2")}
    assert {each.version: each.counts for each in merged(topic)} == alone


def test_counts_in_other_bins_are_refused() -> None:
    """Counts with too few bins, a missing feature or a wrong total are reported and discarded."""
    refused = RefusedReasons()
    good = counts_of_model("1", 10)
    short = msgspec.structs.replace(good[0], features={**good[0].features, "V1": good[0].features["V1"][:-1]})
    without = msgspec.structs.replace(good[0], features={"V1": good[0].features["V1"]})
    more = msgspec.structs.replace(good[0], rows=101)
    (report,) = merged([short, without, more, *good], new_merger(refused))
    assert report.counts == merged(good)[0].counts
    assert report.first_offset == 3
    assert refused == [
        "counts do not match the bins of the bundle",
        "counts do not match the bins of the bundle",
        "counts do not add up to the message's number of rows",
    ]


def test_counts_of_a_missing_bundle_are_refused() -> None:
    """Counts of a missing bundle are discarded without affecting the other bundles' counts."""
    refused = RefusedReasons()
    gone = [msgspec.structs.replace(each, bundle_sha256=sha("9")) for each in counts_of_model("1", 3)]
    assert len(merged([*gone, *counts_of_model("1", 10)], new_merger(refused))) == 1
    assert refused == ["the bundle is gone"] * 3


def test_no_counts_are_lost_while_the_bundle_store_is_unavailable() -> None:
    """If the bundle store is unavailable, adding a message raises, and the same message can be added again later."""
    unavailable = [True]

    def load_or_fail(message: DriftCounts) -> Manifest | None:
        if unavailable[0]:
            raise BundleMissingError("the bundle store is not responding; check the store")
        return load_manifest(message)

    topic = counts_of_model("1", 10)
    merger = CountsMerger(load_or_fail, LIMITS, RefusedReasons())
    with pytest.raises(BundleMissingError):
        merger.add(0, topic[0])
    unavailable[0] = False
    assert merged(topic, merger) == merged(topic)


def test_rows_too_far_in_the_future_are_counted_but_close_nothing() -> None:
    """Rows too far in the future are counted, but belong to no pane and do not advance the watermark."""
    hour = limits(window_s=3600.0)
    ahead = counts_of_model("1", 20, pane_ms=None, event_times={})
    assert merged(ahead, new_merger(drift_limits=hour)) == []
    (report, _) = merged(ahead)
    assert (report.from_ms, report.until_ms, report.ahead) == (None, None, ROWS)


def test_a_window_by_event_time_waits_for_the_watermark() -> None:
    """A window by event time is full only when the slowest partition, minus the lateness, has advanced far enough."""
    hour = limits(window_s=3600.0)
    times = [{0: NOON_MS + i * HOUR_MS // 10, 1: NOON_MS + i * HOUR_MS // 20} for i in range(40)]
    topic = [counts_of(*rows_of(100, i), event_times=each) for i, each in enumerate(times)]
    reports = merged(topic, new_merger(drift_limits=hour))
    assert [(each.first_offset, each.next_offset) for each in reports] == [(0, 21)]


def test_clocks_that_run_backwards_close_nothing_and_lose_nothing() -> None:
    """Event times and write times that run backwards close no window early and lose no rows."""
    past = [
        counts_of(
            *rows_of(100, i),
            event_times={0: max(NOON_MS - i * HOUR_MS, 0)},
            pane_ms=NOON_MS - i * HOUR_MS,
            written_at_ms=NOON_MS - i * 24 * HOUR_MS,
        )
        for i in range(20)
    ]
    assert merged(past, new_merger(drift_limits=limits(window_s=3600.0))) == []
    reports = merged(past)
    assert [each.rows for each in reports] == [ROWS, ROWS]
    assert reports[0].from_ms == NOON_MS - 9 * HOUR_MS


def test_a_window_with_only_missing_values_and_no_scores_is_reported() -> None:
    """In a window with only missing values and no scores, every column is high and the score's estimates are None."""
    nulls = np.full((ROWS, 3), np.nan, dtype=np.float32)
    (report,) = merged([counts_of(nulls, np.full(ROWS, np.nan, dtype=np.float32))])
    assert (report.mean_score, report.expected_precision, report.expected_recall) == (None, None, None)
    assert {each.missing for each in (*report.features.values(), report.score)} == {1.0}
    assert {each.state for each in (*report.features.values(), report.score)} == {"high"}


def test_views_roll_while_windows_tumble() -> None:
    """A view shows each model's newest rows, up to one window's worth, and how full its open window is."""
    merger = new_merger()
    merged(counts_of_model("1", 25, event_times={0: NOON_MS + 60_000}), merger)
    (view,) = merger.views()
    assert (view.newest.version, view.rows, view.window_rows, view.number) == ("1", 500, ROWS, 2)
    assert view.columns == ("V1", "V2", "country", "score")
    assert ROWS <= int(view.by_rows.rows) <= ROWS + 100
    assert int(view.by_time.rows) == 2500
    assert (view.by_rows.psi < 0.1).all()


def test_views_by_time_drop_old_rows() -> None:
    """Views by time cover a day of panes and move with the watermark."""
    merger = new_merger()
    later = NOON_MS + LIMITS.rolling_s * 1000
    merged(counts_of_model("1", 5, event_times={0: NOON_MS + 60_000}), merger)
    assert int(merger.views()[0].by_time.rows) == 500
    merged(counts_of_model("1", 3, pane_ms=later, event_times={0: later + 120_000}), merger)
    assert int(merger.views()[0].by_time.rows) == 300


def test_a_report_survives_encoding() -> None:
    """A report is the same after encoding and decoding, floats included."""
    (report,) = merged(counts_of_model("1", 10))
    assert _decoder.decode(encode(report)) == report
    assert MANIFEST.reference
