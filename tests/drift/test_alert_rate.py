"""The alert rate: a doubling is found, and what stays is left alone, by exact computation."""

import msgspec
import numpy as np
import pytest
from scipy import stats

from schemas.manifest import VerdictReference
from schemas.messages import AlertRate
from stream.drift.alert_rate import MAX_WINDOWS, compare_alert_rate
from stream.drift.distances import psi
from tests.drift.sample_bundle import limits

#: The ULB data's validation part, about: 0.15 % alerts.
REFERENCE = VerdictReference(approved=56_915, reviewed=60, declined=25)
RATE = 85 / 57_000
LIMITS = limits()


def after(*alerts: int, rows: int = 5000, reference: VerdictReference = REFERENCE) -> AlertRate:
    """Return what is said after windows of so many alerts."""
    said: AlertRate | None = None
    for each in alerts:
        said = compare_alert_rate(reference, said, rows, each, LIMITS)
    assert said is not None
    return said


def alarming(rows: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return for each number of alerts in so many rows, at once, whether it is an alarm."""
    return np.array([after(count, rows=rows).state == "alarm" for count in range(200)])


def test_a_doubling_is_found_within_40_expected_alerts() -> None:
    """In nine of ten cases by one look after 40, and there are looks before; PSI of the verdict shows nothing."""
    rows = round(LIMITS.alert_expected / RATE)
    twice = stats.binom.pmf(np.arange(200), rows, 2 * RATE)
    assert float(twice[alarming(rows)].sum()) > 0.9
    verdicts = np.array([57_000 - 85, 85]), np.array([rows - 80, 80])
    assert float(psi(*verdicts)) < 0.002


def test_an_unmoved_rate_is_an_alarm_as_seldom_as_the_level_says() -> None:
    """Whatever the reference showed by chance: exact over both, each from the same rate."""
    rows = round(LIMITS.alert_expected / RATE)
    known, current = np.arange(30, 160), np.arange(10, 90)
    wrong = 0.0
    for reference in known.tolist():
        shown = VerdictReference(57_000 - reference, reference, 0)
        odd = [after(each, rows=rows, reference=shown).state == "alarm" for each in current.tolist()]
        chance = stats.binom.pmf(current, rows, RATE)
        wrong += float(stats.binom.pmf(reference, 57_000, RATE) * chance[odd].sum())
    assert wrong < LIMITS.alert_alpha


def test_as_many_windows_are_tested_together_as_expect_forty() -> None:
    """7.5 alerts a window: five of them, the newest last."""
    said = after(7, 8, 7, 9, 6, 7, 8, 5)
    assert (said.alerts, said.rows) == ((9, 6, 7, 8, 5), (5000,) * 5)
    assert said.expected == pytest.approx(RATE)
    assert said.observed == pytest.approx(35 / 25_000)
    assert said.state == "ok"


def test_a_window_that_expects_enough_is_tested_alone() -> None:
    """What was before says nothing about it."""
    assert after(40, 90, rows=40_000).alerts == (90,)


def test_a_burst_is_found_in_its_own_window() -> None:
    """Ten times as many."""
    assert after(7, 8, 7, 9, 75).state == "alarm"


def test_silence_is_an_alarm_too() -> None:
    """An alert rate has two sides: five windows without any."""
    assert after(7, 8, 7, 9, 6, 0).state == "ok"
    assert after(7, 8, 7, 9, 6, 0, 0, 0, 0, 0).state == "alarm"


def test_a_reference_that_alerted_on_nothing_is_no_reason_to_alarm_at_one() -> None:
    """It had its chance too."""
    none = VerdictReference(57_000, 0, 0)
    assert after(0, reference=none).p == 1
    assert after(1, reference=none).state == "ok"
    assert after(30, reference=none).state == "alarm"


def test_a_reference_without_rows_says_nothing() -> None:
    """Not a division by zero."""
    assert compare_alert_rate(VerdictReference(0, 0, 0), None, 5000, 7, LIMITS) is None


def test_a_report_carries_so_many_windows_at_most() -> None:
    """Where alerts are rarer than one in a hundred windows."""
    rare = VerdictReference(10**9, 1, 0)
    assert len(after(*[0] * (MAX_WINDOWS + 20), reference=rare).rows) == MAX_WINDOWS


def test_the_same_windows_say_the_same_after_a_report_was_written_and_read() -> None:
    """A report is all the state there is."""
    said = after(7, 8, 7)
    read = msgspec.json.decode(msgspec.json.encode(said), type=AlertRate)
    assert compare_alert_rate(REFERENCE, read, 5000, 9, LIMITS) == after(7, 8, 7, 9)
