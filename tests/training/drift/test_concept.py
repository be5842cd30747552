"""Errors that become more frequent are found, and so late as the docs say; others are not."""

import numpy as np
import pytest

from training.drift.concept import Alarm, ErrorWatch
from training.drift.measure import delay, false_alarms


def alarms(watch: ErrorWatch, errors: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> list[Alarm]:
    """Feed a stream and return what it raises."""
    raised = (watch.update(place, error=error) for place, error in enumerate(errors.tolist()))
    return [alarm for alarm in raised if alarm is not None]


def test_a_rise_is_found_with_both_rates() -> None:
    """A quarter of the frauds is missed, then three quarters."""
    random = np.random.default_rng(0)
    errors = np.concatenate([random.random(500) < 0.25, random.random(200) < 0.75])
    first, *_ = alarms(ErrorWatch("misses"), errors)
    assert 500 < first.event_time_ms < 560
    assert first.before < 0.35
    assert first.after > first.before
    assert first.why.endswith(f"of the frauds are missed, it was {first.before:.0%} (found at misses row {first.rows})")


def test_a_fall_is_no_alarm() -> None:
    """A champion that has become better is not to be replaced."""
    random = np.random.default_rng(0)
    errors = np.concatenate([random.random(500) < 0.75, random.random(500) < 0.25])
    assert alarms(ErrorWatch("false alarms"), errors) == []


def test_a_rise_after_a_fall_is_found() -> None:
    """The fall was taken up: the rise is held against what came after it."""
    random = np.random.default_rng(1)
    errors = np.concatenate([random.random(500) < share for share in (0.75, 0.2, 0.5)])
    first, *_ = alarms(ErrorWatch("false alarms"), errors)
    assert first.event_time_ms > 1000
    assert first.why.startswith(f"{first.after:.0%} of the alerts are false")


def test_too_few_rows_say_nothing() -> None:
    """A champion's first frauds may all be missed."""
    assert alarms(ErrorWatch("misses"), np.ones(25, dtype=np.bool_)) == []


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_false_alarms_are_as_rare_as_the_docs_say(rate: float) -> None:
    """In 2,000 rows without a change, of 40 streams; the docs' figure is 2 % at most."""
    assert false_alarms(rate, streams=40) <= 0.05


def test_the_delay_is_as_the_docs_say() -> None:
    """From a quarter to a half: 68 rows in the middle of 200 streams."""
    found = delay(0.25, 0.5, streams=30)
    assert 40 <= found.median <= 100
    assert found.missed == 0
