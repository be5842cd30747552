"""The concept drift monitor detects an increase in an error rate within the delay that the docs state."""

import numpy as np
import pytest

from training.drift.concept import ConceptAlarm, ErrorRateMonitor
from training.drift.concept_simulation import detection_delay, false_alarm_share


def alarms(monitor: ErrorRateMonitor, errors: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> list[ConceptAlarm]:
    """Return the alarms that a stream of errors raises."""
    raised = (monitor.update(row, error=error) for row, error in enumerate(errors.tolist()))
    return [alarm for alarm in raised if alarm is not None]


def test_an_increase_is_detected_with_both_rates() -> None:
    """The alarm gives both rates when the champion misses a quarter of the frauds at first and three quarters later."""
    random = np.random.default_rng(0)
    errors = np.concatenate([random.random(500) < 0.25, random.random(200) < 0.75])
    first, *_ = alarms(ErrorRateMonitor("misses"), errors)
    assert 500 < first.event_time_ms < 560
    assert first.before < 0.35
    assert first.after > first.before
    assert first.reason.endswith(
        f"of the frauds are missed, up from {first.before:.0%} (detected at row {first.rows} of misses)"
    )


def test_a_decrease_raises_no_alarm() -> None:
    """A falling error rate raises no alarm, because a champion that improves needs no replacement."""
    random = np.random.default_rng(0)
    errors = np.concatenate([random.random(500) < 0.75, random.random(500) < 0.25])
    assert alarms(ErrorRateMonitor("false alarms"), errors) == []


def test_an_increase_after_a_decrease_is_detected() -> None:
    """The monitor adapts to the decrease and compares the increase with the lower rate."""
    random = np.random.default_rng(1)
    errors = np.concatenate([random.random(500) < share for share in (0.75, 0.2, 0.5)])
    first, *_ = alarms(ErrorRateMonitor("false alarms"), errors)
    assert first.event_time_ms > 1000
    assert first.reason.startswith(f"{first.after:.0%} of the alerts are false")


def test_too_few_rows_raise_no_alarm() -> None:
    """A champion that misses all of its first 25 frauds raises no alarm."""
    assert alarms(ErrorRateMonitor("misses"), np.ones(25, dtype=np.bool_)) == []


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_false_alarms_are_as_rare_as_the_docs_state(rate: float) -> None:
    """At most 2 of 40 unchanged streams of 2,000 rows raise an alarm; the docs state at most 2%."""
    assert false_alarm_share(rate, streams=40) <= 0.05


def test_the_delay_is_as_the_docs_state() -> None:
    """For a rise from 25% to 50%, the docs state a median delay of 68 rows over 200 streams."""
    delay = detection_delay(0.25, 0.5, streams=30)
    assert 40 <= delay.median <= 100
    assert delay.missed == 0
