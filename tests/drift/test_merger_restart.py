"""A newly elected merger continues from the reports written so far; models that leave their roles are reported."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.messages import DriftReport, encode
from tests.drift.merged_counts import BUNDLES, counts_of_model, interleaved, merged, new_merger
from tests.drift.sample_bundle import counts_of, rows_of, sha, stream

_decoder = msgspec.json.Decoder(DriftReport)


@given(st.integers(0, 10**6), st.integers(0, 90))
@settings(max_examples=25)
def test_a_merger_elected_later_writes_the_same_reports(seed: int, elected: int) -> None:
    """Elected at any offset of a topic with three models, one of which pauses, a merger writes the same reports."""
    lone = list(stream(8, 4, 500, manifest=BUNDLES[sha("1")]))
    first = interleaved(
        [counts_of_model("1", 25), counts_of_model("2", 17, seed=2), counts_of_model("3", 4, seed=3)], seed
    )
    last = interleaved(
        [counts_of_model("1", 10, seed=5), counts_of_model("2", 12, seed=6), counts_of_model("3", 8, seed=7)], seed
    )
    topic = first + lone + last
    original = new_merger()
    written: list[DriftReport] = []
    later: list[DriftReport] = []
    for offset, message in enumerate(topic):
        reports = original.add(offset, message)
        (written if offset < elected else later).extend(reports)
    successor = new_merger()
    start = successor.restore(_decoder.decode(encode(report)) for report in written)
    continued = [report for offset in range(start, len(topic)) for report in successor.add(offset, topic[offset])]
    assert list(map(encode, continued)) == list(map(encode, later))


def test_a_model_without_a_report_loses_nothing_at_an_election() -> None:
    """An election while a new challenger's first window is open loses none of the challenger's counts."""
    champion, challenger = counts_of_model("1", 20), counts_of_model("2", 12)
    topic = [*champion[:5], *challenger[:6], *champion[5:], *challenger[6:]]
    reports = merged(topic)
    assert [(each.version, each.settled_offset) for each in reports] == [("1", 5), ("1", 5), ("2", 30)]
    successor = new_merger()
    start = successor.restore(reports[:2])
    assert start == 5
    assert merged(topic, successor, start) == reports[2:]


def test_models_that_go_quiet_together_are_reported_in_a_fixed_order() -> None:
    """Models that go quiet together are reported in the same order, whichever model a merger read first."""
    second, third = counts_of_model("2", 12), counts_of_model("3", 1)
    topic = [*second[:5], *third, *second[5:], *counts_of_model("1", 30)]
    reports = merged(topic)
    assert [(each.version, each.complete) for each in reports if each.version != "1"] == [
        ("2", True),
        ("2", False),
        ("3", False),
    ]
    successor = new_merger()
    assert merged(topic, successor, successor.restore(reports[:1])) == reports[1:]


def test_a_report_that_was_written_twice_has_no_effect() -> None:
    """A report that two workers wrote, because both believed they were elected, counts once."""
    topic = counts_of_model("1", 30)
    reports = merged(topic)
    successor = new_merger()
    start = successor.restore([*reports[:2], *reports[:2], reports[0]])
    assert merged(topic, successor, start) == reports[2:]


def test_an_alarm_needs_two_windows_also_across_an_election() -> None:
    """An alarm takes two windows in a row even across an election, because reports contain the number so far."""
    topic = [
        counts_of(np.column_stack([m[:, 0] + 1, m[:, 1:]]), s) for m, s in (rows_of(100, seed) for seed in range(20))
    ]
    first, second = merged(topic)
    assert (first.features["V1"].state, second.features["V1"].state) == ("high", "page")
    successor = new_merger()
    assert merged(topic, successor, successor.restore([first])) == [second]


def test_the_open_window_of_a_quiet_model_is_reported_as_it_is() -> None:
    """The open window of a model that goes quiet is reported once, as incomplete, with the limits for its size."""
    merger = new_merger()
    reports = merged([*counts_of_model("1", 6), *counts_of_model("2", 31)], merger)
    assert [each.version for each in reports] == ["2", "2", "1", "2"]
    report = reports[2]
    assert (report.version, report.complete, report.rows) == ("1", False, 600)
    assert (report.first_offset, report.next_offset) == (0, 35)
    assert report.features["V1"].state == "ok"
    assert [view.newest.version for view in merger.views()] == ["2"]


@pytest.mark.parametrize("instances", ["a", "ab", "abcd"])
def test_a_model_in_a_role_is_never_quiet_however_large_messages_are(instances: str) -> None:
    """A model in a role never counts as quiet, even if single messages have more rows than a model may miss."""
    few = counts_of_model("2", 1)
    topic = [*few]
    for number in range(4):
        champions = [counts_of_model("1", 1, seed=number, rows=4000, instance=instance) for instance in instances]
        challengers = [counts_of_model("2", 1, seed=number, rows=4000, instance=instance) for instance in instances]
        topic += itertools.chain(*champions, *challengers)
    reports = merged(topic)
    assert {report.complete for report in reports} == {True}
    counted = {version: sum(each.rows for each in reports if each.version == version) for version in "12"}
    assert counted == {"1": 16_000 * len(instances), "2": 16_000 * len(instances) + few[0].rows}


def test_a_window_too_small_for_the_rule_is_unknown() -> None:
    """A window of 300 rows has the state unknown, because natural movement is known only from 500 rows on."""
    reports = merged([*counts_of_model("1", 3), *counts_of_model("2", 30)])
    report = next(each for each in reports if each.version == "1")
    assert {each.state for each in report.features.values()} == {"unknown"}
    assert report.false_alarm_rate is None


def test_a_model_that_comes_back_continues_with_the_next_number() -> None:
    """A model that comes back, such as a champion restored after a week, continues with the next report number."""
    reports = merged([*counts_of_model("1", 15), *counts_of_model("2", 30), *counts_of_model("1", 10)])
    assert [(each.number, each.complete) for each in reports if each.version == "1"] == [
        (1, True),
        (2, False),
        (3, True),
    ]


def test_messages_without_rows_make_no_window() -> None:
    """Messages without rows, from workers that had nothing to count, do not open a window."""
    empty = counts_of(*rows_of(0, 0))
    merger = new_merger()
    assert {each.version for each in merged([empty, empty, *counts_of_model("2", 31)], merger)} == {"2"}
    assert [view.newest.version for view in merger.views()] == ["2"]
