"""How late the concept watch is, and how often it is wrong, on simulated errors.

`python -m training.drift.measure` prints the table of docs/retraining.md; it takes a minute.
"""

from dataclasses import dataclass

import click
import numpy as np

from training.drift.concept import ErrorWatch

#: Streams of each kind.
STREAMS = 200
#: Rows of a stream in which nothing changes: some years of frauds of a middling bank.
UNCHANGED = 2000
#: Rows before a change, and after it.
BEFORE, AFTER = 500, 2000
#: Error rates in which nothing changes; and from which to which one changes.
RATES = (0.1, 0.25, 0.5)
CHANGES = ((0.1, 0.2), (0.1, 0.3), (0.25, 0.4), (0.25, 0.5), (0.25, 0.75), (0.5, 0.7), (0.5, 0.9))


@dataclass(frozen=True)
class Delay:
    """Rows from a change to the alarm, over many streams."""

    median: float
    #: Nine in ten are found within so many.
    late: float
    #: Share of the streams in which it is not found within `AFTER` rows.
    missed: float


def false_alarms(rate: float, streams: int = STREAMS) -> float:
    """Return the share of streams of `UNCHANGED` rows at one error rate that raise an alarm."""
    raised = 0
    for seed in range(streams):
        errors = np.random.default_rng(seed).random(UNCHANGED) < rate
        raised += _first_alarm(errors, 0) is not None
    return raised / streams


def delay(before: float, after: float, streams: int = STREAMS) -> Delay:
    """Return how many rows after a change of the error rate the alarm comes."""
    found = []
    for seed in range(streams):
        random = np.random.default_rng(seed)
        errors = np.concatenate([random.random(BEFORE) < before, random.random(AFTER) < after])
        alarm = _first_alarm(errors, BEFORE)
        found.append(np.inf if alarm is None else alarm + 1 - BEFORE)
    late = np.sort(found)
    return Delay(float(np.median(late)), float(late[int(0.9 * streams)]), float(np.isinf(late).mean()))


def _first_alarm(errors: np.ndarray[tuple[int], np.dtype[np.bool_]], since: int) -> int | None:
    """Return the first row from `since` on that raises an alarm; earlier ones are false and don't count."""
    watch = ErrorWatch("misses")
    for place, error in enumerate(errors.tolist()):
        if watch.update(place, error=error) is not None and place >= since:
            return place
    return None


def _main() -> None:
    for rate in RATES:
        click.echo(
            f"| {rate:.0%} all the time | {false_alarms(rate):.1%} of the streams raise an alarm in {UNCHANGED} rows |"
        )
    for before, after in CHANGES:
        found = delay(before, after)
        click.echo(f"| {before:.0%} to {after:.0%} | {found.median:.0f} | {found.late:.0f} | {found.missed:.0%} |")


if __name__ == "__main__":
    _main()
