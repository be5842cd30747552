"""By exact probabilities, the alert rate test detects a doubled rate and ignores an unchanged rate."""

import msgspec
import numpy as np
import pytest
from scipy import stats

from schemas.manifest import VerdictReference
from schemas.messages import AlertRate
from stream.drift.alert_rate import MAX_WINDOWS, compare_alert_rate
from stream.drift.distances import psi
from tests.drift.sample_bundle import limits

#: Approximately the validation split of the ULB data: 0.15 % alerts.
REFERENCE = VerdictReference(approved=56_915, reviewed=60, declined=25)
RATE = 85 / 57_000
LIMITS = limits()


def after(*alerts: int, rows: int = 5000, reference: VerdictReference = REFERENCE) -> AlertRate:
    """Return the test's result after windows with these numbers of alerts."""
    result: AlertRate | None = None
    for each in alerts:
        result = compare_alert_rate(reference, result, rows, each, LIMITS)
    assert result is not None
    return result


def alarming(rows: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return (200,) whether 0, 1, … 199 alerts in one window raise an alarm."""
    return np.array([after(count, rows=rows).state == "alarm" for count in range(200)])


def test_a_doubled_rate_is_detected_within_40_expected_alerts() -> None:
    """A test after 40 expected alerts detects nine of ten doubled rates, while PSI of the verdict misses the change."""
    rows = round(LIMITS.alert_expected / RATE)
    doubled = stats.binom.pmf(np.arange(200), rows, 2 * RATE)
    assert float(doubled[alarming(rows)].sum()) > 0.9
    verdicts = np.array([57_000 - 85, 85]), np.array([rows - 80, 80])
    assert float(psi(*verdicts)) < 0.002


def test_false_alarms_are_as_rare_as_alpha() -> None:
    """If the reference and the windows have the same rate, the exact probability of an alarm is at most alpha."""
    rows = round(LIMITS.alert_expected / RATE)
    reference_alerts, current = np.arange(30, 160), np.arange(10, 90)
    false_alarm = 0.0
    for alerts in reference_alerts.tolist():
        drawn = VerdictReference(57_000 - alerts, alerts, 0)
        alarms = [after(each, rows=rows, reference=drawn).state == "alarm" for each in current.tolist()]
        chance = stats.binom.pmf(current, rows, RATE)
        false_alarm += float(stats.binom.pmf(alerts, 57_000, RATE) * chance[alarms].sum())
    assert false_alarm < LIMITS.alert_alpha


def test_windows_that_expect_forty_alerts_are_tested_together() -> None:
    """With 7.5 expected alerts per window, the newest five windows are tested together."""
    result = after(7, 8, 7, 9, 6, 7, 8, 5)
    assert (result.alerts, result.rows) == ((9, 6, 7, 8, 5), (5000,) * 5)
    assert result.expected == pytest.approx(RATE)
    assert result.observed == pytest.approx(35 / 25_000)
    assert result.state == "ok"


def test_a_large_window_is_tested_alone() -> None:
    """A window with 40 expected alerts is tested without earlier windows."""
    assert after(40, 90, rows=40_000).alerts == (90,)


def test_a_burst_is_detected_in_its_own_window() -> None:
    """A window with ten times the usual number of alerts raises an alarm at once."""
    assert after(7, 8, 7, 9, 75).state == "alarm"


def test_no_alerts_at_all_is_an_alarm() -> None:
    """The test is two-sided, so five windows without alerts raise an alarm."""
    assert after(7, 8, 7, 9, 6, 0).state == "ok"
    assert after(7, 8, 7, 9, 6, 0, 0, 0, 0, 0).state == "alarm"


def test_one_alert_is_no_alarm_if_the_reference_has_none() -> None:
    """One alert raises no alarm if the reference has none, because the reference has a sampling error too."""
    none = VerdictReference(57_000, 0, 0)
    assert after(0, reference=none).p == 1
    assert after(1, reference=none).state == "ok"
    assert after(30, reference=none).state == "alarm"


def test_a_reference_without_rows_gives_no_result() -> None:
    """The test returns None for a reference without rows instead of dividing by zero."""
    assert compare_alert_rate(VerdictReference(0, 0, 0), None, 5000, 7, LIMITS) is None


def test_the_number_of_windows_in_a_report_is_limited() -> None:
    """A report contains a limited number of windows, even if alerts are rarer than one in a hundred windows."""
    rare = VerdictReference(10**9, 1, 0)
    assert len(after(*[0] * (MAX_WINDOWS + 20), reference=rare).rows) == MAX_WINDOWS


def test_a_report_is_all_the_state_that_is_needed() -> None:
    """The next result is the same whether or not the previous result was encoded and decoded in between."""
    result = after(7, 8, 7)
    decoded = msgspec.json.decode(msgspec.json.encode(result), type=AlertRate)
    assert compare_alert_rate(REFERENCE, decoded, 5000, 9, LIMITS) == after(7, 8, 7, 9)
