"""Measure the detection delay and false-alarm rate of the concept drift monitor on simulated errors.

`python -m training.drift.concept_simulation` prints the numbers quoted in docs/retraining.md; it takes about a minute.
"""

from dataclasses import dataclass

import click
import numpy as np

from training.drift.concept import ErrorRateMonitor

#: Number of simulated streams of each kind.
STREAMS = 200
#: Number of rows in an unchanged stream: several years of frauds at a medium-sized bank.
UNCHANGED = 2000
#: Number of rows before and after a change.
BEFORE, AFTER = 500, 2000
#: Error rates in the unchanged streams; error rates before and after each change.
RATES = (0.1, 0.25, 0.5)
CHANGES = ((0.1, 0.2), (0.1, 0.3), (0.25, 0.4), (0.25, 0.5), (0.25, 0.75), (0.5, 0.7), (0.5, 0.9))


@dataclass(frozen=True)
class DetectionDelay:
    """Number of rows between a change and its alarm, over many streams.

    Attributes:
        median: Median delay, in rows.
        late: Delay within which 90% of the changes are detected, in rows.
        missed: Share of streams in which the change is not detected within `AFTER` rows.
    """

    median: float
    late: float
    missed: float


def false_alarm_share(rate: float, streams: int = STREAMS) -> float:
    """Return the share of streams of `UNCHANGED` rows with a constant error rate that raise an alarm."""
    raised = 0
    for seed in range(streams):
        errors = np.random.default_rng(seed).random(UNCHANGED) < rate
        raised += _first_alarm(errors, 0) is not None
    return raised / streams


def detection_delay(before: float, after: float, streams: int = STREAMS) -> DetectionDelay:
    """Return how many rows after a change in the error rate the alarm is raised, over many streams."""
    delays = []
    for seed in range(streams):
        random = np.random.default_rng(seed)
        errors = np.concatenate([random.random(BEFORE) < before, random.random(AFTER) < after])
        alarm = _first_alarm(errors, BEFORE)
        delays.append(np.inf if alarm is None else alarm + 1 - BEFORE)
    ascending = np.sort(delays)
    return DetectionDelay(
        float(np.median(ascending)), float(ascending[int(0.9 * streams)]), float(np.isinf(ascending).mean())
    )


def _first_alarm(errors: np.ndarray[tuple[int], np.dtype[np.bool_]], since: int) -> int | None:
    """Return the first row with an alarm at or after row `since`; earlier alarms are false and do not count."""
    monitor = ErrorRateMonitor("misses")
    for row, error in enumerate(errors.tolist()):
        if monitor.update(row, error=error) is not None and row >= since:
            return row
    return None


def _main() -> None:
    for rate in RATES:
        share = false_alarm_share(rate)
        click.echo(f"constant {rate:.0%}: {share:.1%} of the streams raise an alarm in {UNCHANGED:,} rows")
    for before, after in CHANGES:
        delay = detection_delay(before, after)
        click.echo(f"| {before:.0%} to {after:.0%} | {delay.median:.0f} | {delay.late:.0f} | {delay.missed:.0%} |")


if __name__ == "__main__":
    _main()
