"""Windows are a pure function of the topic: whoever counts, whoever merges, whenever it began."""

import itertools
import random
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import BundleMissingError
from schemas.manifest import Manifest
from schemas.messages import DriftCounts, DriftReport, encode
from stream.drift.alarm_rule import DriftLimits
from stream.drift.counts_merger import CountsMerger
from tests.drift.sample_bundle import (
    HOUR_MS,
    MANIFEST,
    NOON_MS,
    ROWS,
    counts_of,
    limits,
    manifest,
    rows_of,
    sha,
    stream,
)

LIMITS = limits()
BUNDLES = {sha(version): manifest(version) for version in ("1", "2", "3")}
_decoder = msgspec.json.Decoder(DriftReport)


class Refused(list[str]):
    """Why counts were left out."""

    def __call__(self, _: DriftCounts, why: str) -> None:
        """Take one in."""
        self.append(why)


def load(message: DriftCounts) -> Manifest | None:
    """Find a bundle of these tests."""
    return BUNDLES.get(message.bundle_sha256)


def merger(refused: Refused | None = None, wanted: DriftLimits = LIMITS) -> CountsMerger:
    """Return one that has seen nothing."""
    return CountsMerger(load, wanted, Refused() if refused is None else refused)


def merged(messages: Iterable[DriftCounts], into: CountsMerger | None = None, start: int = 0) -> list[DriftReport]:
    """Return all reports on a topic of these messages."""
    into = into or merger()
    return [
        report for offset, message in enumerate(messages) if offset >= start for report in into.add(offset, message)
    ]


def of(version: str, messages: int, seed: int = 1, **changed: Any) -> list[DriftCounts]:
    """Return a model's messages."""
    return list(stream(messages, seed, manifest=BUNDLES[sha(version)], **changed))


def shuffled(lists: Sequence[list[DriftCounts]], seed: int) -> list[DriftCounts]:
    """Return the messages of several models on one topic: each model's in order, at each other's side."""
    waiting, drawn = [list(each) for each in lists], random.Random(seed)  # noqa: S311  no secret
    topic = []
    while any(waiting):
        topic.append(drawn.choice([each for each in waiting if each]).pop(0))
    return topic


def test_a_window_closes_with_the_message_that_fills_it() -> None:
    """Offsets are half-open, numbers rise, nothing is lost between two windows."""
    reports = merged(of("1", 25))
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


def test_a_report_counts_what_went_in() -> None:
    """The very vector, alerts and sums of its rows, of all workers' messages."""
    parts = [rows_of(100, seed) for seed in range(10)]
    report = merged(counts_of(*part, slot=str(i % 3)) for i, part in enumerate(parts))[0]
    whole = counts_of(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    assert (report.counts, report.score_counts, report.reviews) == (whole.features, whole.scores, whole.reviews)
    assert report.expected_recall == pytest.approx(whole.alert_score_sum / whole.score_sum)
    assert report.expected_precision == pytest.approx(whole.alert_score_sum / whole.reviews)


@given(st.lists(st.integers(0, 2), min_size=40, max_size=40), st.lists(st.integers(1, 199), max_size=6))
@settings(max_examples=20)
def test_how_rows_are_split_over_workers_and_messages_says_nothing(workers: list[int], cuts: list[int]) -> None:
    """As long as a window's rows are the same: the same statistics, whatever messages they came in."""
    whole = rows_of(2000, 5)
    bounds = sorted({0, *range(0, 2001, 50), *(cut * 10 for cut in cuts)})
    messages = [
        counts_of(whole[0][begin:end], whole[1][begin:end], slot=str(workers[i % 40]))
        for i, (begin, end) in enumerate(itertools.pairwise(bounds))
    ]
    expected = merged(counts_of(whole[0][begin : begin + ROWS], whole[1][begin : begin + ROWS]) for begin in (0, ROWS))
    found = merged(messages)
    assert [each.counts for each in found] == [each.counts for each in expected]
    assert [(each.features, each.score, each.alert_rate) for each in found] == [
        (each.features, each.score, each.alert_rate) for each in expected
    ]


@given(st.integers(0, 10**6), st.integers(0, 90))
@settings(max_examples=25)
def test_whoever_is_elected_later_writes_the_same_reports(seed: int, elected: int) -> None:
    """From the reports written so far, at any point of a topic of three models, one of which ends and comes back."""
    lone = list(stream(8, 4, 500, manifest=BUNDLES[sha("1")]))
    first = shuffled([of("1", 25), of("2", 17, seed=2), of("3", 4, seed=3)], seed)
    topic = first + lone + shuffled([of("1", 10, seed=5), of("2", 12, seed=6), of("3", 8, seed=7)], seed)
    original = merger()
    written: list[DriftReport] = []
    later: list[DriftReport] = []
    for offset, message in enumerate(topic):
        reports = original.add(offset, message)
        (written if offset < elected else later).extend(reports)
    heir = merger()
    start = heir.restore(_decoder.decode(encode(report)) for report in written)
    again = [report for offset in range(start, len(topic)) for report in heir.add(offset, topic[offset])]
    assert list(map(encode, again)) == list(map(encode, later))


def test_a_model_without_a_report_loses_nothing_at_an_election() -> None:
    """A new challenger's first window is open while the champion's close."""
    champion, challenger = of("1", 20), of("2", 12)
    topic = [*champion[:5], *challenger[:6], *champion[5:], *challenger[6:]]
    reports = merged(topic)
    assert [(each.version, each.settled_offset) for each in reports] == [("1", 5), ("1", 5), ("2", 30)]
    heir = merger()
    start = heir.restore(reports[:2])
    assert start == 5
    assert merged(topic, heir, start) == reports[2:]


def test_models_that_go_quiet_together_are_reported_in_one_order() -> None:
    """Not in the order in which this or that merger saw them first."""
    second, third = of("2", 12), of("3", 1)
    topic = [*second[:5], *third, *second[5:], *of("1", 30)]
    reports = merged(topic)
    assert [(each.version, each.complete) for each in reports if each.version != "1"] == [
        ("2", True),
        ("2", False),
        ("3", False),
    ]
    heir = merger()
    assert merged(topic, heir, heir.restore(reports[:1])) == reports[1:]


def test_a_report_that_was_written_twice_changes_nothing() -> None:
    """Two who both believed to be elected."""
    topic = of("1", 30)
    reports = merged(topic)
    heir = merger()
    start = heir.restore([*reports[:2], *reports[:2], reports[0]])
    assert merged(topic, heir, start) == reports[2:]


def test_an_alarm_needs_two_windows_also_across_an_election() -> None:
    """The report carries how many in a row there were."""
    topic = [
        counts_of(np.column_stack([m[:, 0] + 1, m[:, 1:]]), s) for m, s in (rows_of(100, seed) for seed in range(20))
    ]
    first, second = merged(topic)
    assert (first.features["V1"].state, second.features["V1"].state) == ("high", "page")
    heir = merger()
    assert merged(topic, heir, heir.restore([first])) == [second]


def test_models_never_share_a_window() -> None:
    """A champion swapped in mid-window: the new bundle's begins with its own first counts."""
    topic = shuffled([of("1", 10), of("2", 10, decides=False)], seed=3)
    alone = {version: merged(of(version, 10))[0].counts for version in ("1", "2")}
    assert {each.version: each.counts for each in merged(topic)} == alone


def test_what_a_model_had_when_it_went_quiet_is_reported_as_it_stands() -> None:
    """Marked as incomplete, once, and judged by the natural movement of windows of its size."""
    into = merger()
    reports = merged([*of("1", 6), *of("2", 31)], into)
    assert [each.version for each in reports] == ["2", "2", "1", "2"]
    report = reports[2]
    assert (report.version, report.complete, report.rows) == ("1", False, 600)
    assert (report.first_offset, report.next_offset) == (0, 35)
    assert report.features["V1"].state == "ok"
    assert [view.newest.version for view in into.views()] == ["2"]


@pytest.mark.parametrize("instances", ["a", "ab", "abcd"])
def test_models_that_play_are_never_quiet_however_many_rows_a_message_holds(instances: str) -> None:
    """On a busy stream, or after a pause, one message of each worker is more than the windows that another may miss."""
    few = of("2", 1)
    topic = [*few]
    for number in range(4):
        champions = [of("1", 1, seed=number, rows=4000, instance=instance) for instance in instances]
        challengers = [of("2", 1, seed=number, rows=4000, instance=instance) for instance in instances]
        topic += itertools.chain(*champions, *challengers)
    reports = merged(topic)
    assert {report.complete for report in reports} == {True}
    counted = {version: sum(each.rows for each in reports if each.version == version) for version in "12"}
    assert counted == {"1": 16_000 * len(instances), "2": 16_000 * len(instances) + few[0].rows}


def test_a_window_too_small_to_be_judged_says_so() -> None:
    """300 rows, where natural movement is known from 500 on."""
    report = next(each for each in merged([*of("1", 3), *of("2", 30)]) if each.version == "1")
    assert {each.state for each in report.features.values()} == {"unknown"}
    assert report.false_alarm_rate is None


def test_a_model_that_comes_back_goes_on_with_the_next_number() -> None:
    """A champion that was taken back after a week."""
    reports = merged([*of("1", 15), *of("2", 30), *of("1", 10)])
    assert [(each.number, each.complete) for each in reports if each.version == "1"] == [
        (1, True),
        (2, False),
        (3, True),
    ]


def test_counts_by_other_bins_are_refused_and_never_mixed() -> None:
    """Too few bins, an unknown feature's, or counts that do not add up: said, and left out."""
    refused = Refused()
    good = of("1", 10)
    short = msgspec.structs.replace(good[0], features={**good[0].features, "V1": good[0].features["V1"][:-1]})
    without = msgspec.structs.replace(good[0], features={"V1": good[0].features["V1"]})
    more = msgspec.structs.replace(good[0], rows=101)
    (report,) = merged([short, without, more, *good], merger(refused))
    assert report.counts == merged(good)[0].counts
    assert report.first_offset == 3
    assert refused == ["counts do not match the bins of the bundle"] * 2 + ["counts do not add up to the rows"]


def test_counts_of_a_bundle_that_is_gone_are_refused() -> None:
    """The others' go on."""
    refused = Refused()
    gone = [msgspec.structs.replace(each, bundle_sha256=sha("9")) for each in of("1", 3)]
    assert len(merged([*gone, *of("1", 10)], merger(refused))) == 1
    assert refused == ["the bundle is gone"] * 3


def test_a_bundle_store_that_is_away_loses_no_counts() -> None:
    """The message is added again when the store answers."""
    away = [True]

    def load_or_fail(message: DriftCounts) -> Manifest | None:
        if away[0]:
            raise BundleMissingError("the bundle store does not answer; look at it")
        return load(message)

    topic = of("1", 10)
    into = CountsMerger(load_or_fail, LIMITS, Refused())
    with pytest.raises(BundleMissingError):
        into.add(0, topic[0])
    away[0] = False
    assert merged(topic, into) == merged(topic)


def test_rows_dated_too_far_ahead_are_counted_and_close_nothing() -> None:
    """They are in no pane; a window that spans event time waits for the watermark, which they do not move."""
    hour = limits(window_s=3600.0)
    ahead = of("1", 20, pane_ms=None, event_times={})
    assert merged(ahead, merger(wanted=hour)) == []
    (report, _) = merged(ahead)
    assert (report.from_ms, report.until_ms, report.ahead) == (None, None, ROWS)


def test_a_window_that_spans_event_time_waits_for_the_watermark() -> None:
    """The slowest partition's, less the lateness: rows alone do not fill it, and one early partition neither."""
    hour = limits(window_s=3600.0)
    times = [{0: NOON_MS + i * HOUR_MS // 10, 1: NOON_MS + i * HOUR_MS // 20} for i in range(40)]
    topic = [counts_of(*rows_of(100, i), event_times=each) for i, each in enumerate(times)]
    assert [(each.first_offset, each.next_offset) for each in merged(topic, merger(wanted=hour))] == [(0, 21)]


def test_clocks_that_run_backwards_close_nothing_and_lose_nothing() -> None:
    """Event times and write times of the past, in any order."""
    past = [
        counts_of(*rows_of(100, i), event_times={0: max(NOON_MS - i * HOUR_MS, 0)}, pane_ms=NOON_MS - i * HOUR_MS,
                  written_at_ms=NOON_MS - i * 24 * HOUR_MS)
        for i in range(20)
    ]  # fmt: skip
    assert merged(past, merger(wanted=limits(window_s=3600.0))) == []
    reports = merged(past)
    assert [each.rows for each in reports] == [ROWS, ROWS]
    assert reports[0].from_ms == NOON_MS - 9 * HOUR_MS


def test_messages_without_rows_make_no_window() -> None:
    """A worker that has nothing to count."""
    nothing = counts_of(*rows_of(0, 0))
    into = merger()
    assert {each.version for each in merged([nothing, nothing, *of("2", 31)], into)} == {"2"}
    assert [view.newest.version for view in into.views()] == ["2"]


def test_all_missing_and_no_score_at_all_are_reported() -> None:
    """A window of nothing but nulls from a model that gives no scores."""
    nulls = np.full((ROWS, 3), np.nan, dtype=np.float32)
    (report,) = merged([counts_of(nulls, np.full(ROWS, np.nan, dtype=np.float32))])
    assert (report.mean_score, report.expected_precision, report.expected_recall) == (None, None, None)
    assert {each.missing for each in (*report.features.values(), report.score)} == {1.0}
    assert {each.state for each in (*report.features.values(), report.score)} == {"high"}


def test_displays_roll_while_windows_tumble() -> None:
    """The last window's worth of rows at any moment, of each model, and how full the open window is."""
    into = merger()
    merged(of("1", 25, event_times={0: NOON_MS + 60_000}), into)
    (view,) = into.views()
    assert (view.newest.version, view.rows, view.window_rows, view.number) == ("1", 500, ROWS, 2)
    assert view.columns == ("V1", "V2", "country", "score")
    assert ROWS <= int(view.by_rows.rows) <= ROWS + 100
    assert int(view.by_time.rows) == 2500
    assert (view.by_rows.psi < 0.1).all()


def test_displays_by_time_leave_out_what_has_passed() -> None:
    """A day of panes, moved by the watermark."""
    into = merger()
    later = NOON_MS + LIMITS.rolling_s * 1000
    merged(of("1", 5, event_times={0: NOON_MS + 60_000}), into)
    assert int(into.views()[0].by_time.rows) == 500
    merged(of("1", 3, pane_ms=later, event_times={0: later + 120_000}), into)
    assert int(into.views()[0].by_time.rows) == 300


def test_a_report_is_read_again_as_it_was_written() -> None:
    """All of it, floats included."""
    (report,) = merged(of("1", 10))
    assert _decoder.decode(encode(report)) == report
    assert MANIFEST.reference
