"""Concept drift from labels: detect that a champion misses more frauds, or raises more false alarms, than before.

There are two streams of errors. Each is a sequence of zeros and ones in order of event time:

- *misses*: for each fraud, whether the champion approved it;
- *false alarms*: for each alert with a known outcome, whether it was legitimate.

Both contain matured decisions only. Caught frauds are reported within days and missed ones within weeks, so a
stream in order of arrival would at first look better than it is, and later worse.

ADWIN (A. Bifet and R. Gavaldà, "Learning from Time-Changing Data with Adaptive Windowing", SDM 2007, river's
implementation) monitors each stream. It compares older with newer rows in one window, so it needs neither a reference
rate nor a threshold tuned to the rate, and its probability of a false alarm is bounded (Theorem 3.1 of the paper). DDM
raised 19 false alarms in 100 unchanged streams of 1,000 frauds, and HDDM at 0.001 raised 6 to 7. Page-Hinkley is as
quick as ADWIN, but only with a threshold chosen for the error rate.
"""

from typing import Literal

from msgspec import Struct
from river.drift import ADWIN

ErrorStream = Literal["misses", "false alarms"]
#: ADWIN's confidence parameter. In simulation (`python -m training.drift.concept_simulation`) even this value, the
#: loosest in common use, raises few false alarms, because the bound is far from tight. It halves the delay of river's
#: default, 0.002.
DELTA = 0.05
#: Number of rows before ADWIN may cut its window; river's default would leave too few frauds on either side.
_GRACE = 30


class ConceptAlarm(Struct, frozen=True):
    """An increase in an error rate.

    Attributes:
        stream: Name of the stream of errors, "misses" or "false alarms".
        event_time_ms: Event time of the row at which the increase was detected, UTC milliseconds.
        before: Error rate over the rows that ADWIN dropped, in [0, 1].
        after: Error rate over the rows that ADWIN kept, in [0, 1].
        rows: Number of rows in the stream so far.
    """

    stream: ErrorStream
    event_time_ms: int
    before: float
    after: float
    rows: int

    @property
    def reason(self) -> str:
        """Reason for a retraining request, in one line."""
        errors = "of the frauds are missed" if self.stream == "misses" else "of the alerts are false"
        return f"{self.after:.0%} {errors}, up from {self.before:.0%} (detected at row {self.rows} of {self.stream})"


class ErrorRateMonitor:
    """Monitors one stream of errors, and adapts to a falling error rate without raising an alarm.

    Args:
        stream: Name of the stream.

    >>> monitor = ErrorRateMonitor("misses")
    >>> alarms = [monitor.update(time_ms, error=time_ms % 4 == 0) for time_ms in range(300)]
    >>> alarms += [monitor.update(time_ms, error=time_ms % 4 != 0) for time_ms in range(300, 400)]
    >>> [alarm.reason for alarm in alarms if alarm][0]
    '32% of the frauds are missed, up from 25% (detected at row 328 of misses)'
    """

    def __init__(self, stream: ErrorStream) -> None:
        self.stream: ErrorStream = stream
        self._adwin = ADWIN(delta=DELTA, clock=1, grace_period=_GRACE)  # type: ignore[no-untyped-call]  # river's own
        self._rows = 0

    def update(self, event_time_ms: int, *, error: bool) -> ConceptAlarm | None:
        """Add the next row; return an alarm if the error rate has increased.

        Args:
            event_time_ms: Event time of the row, UTC milliseconds.
            error: Whether the champion was wrong on the row.
        """
        adwin = self._adwin
        errors, rows = adwin.total + error, adwin.width + 1
        adwin.update(float(error))  # type: ignore[no-untyped-call]  # river's own
        self._rows += 1
        if not adwin.drift_detected or rows <= adwin.width:
            return None
        before, after = (errors - adwin.total) / (rows - adwin.width), adwin.estimation
        if after <= before:
            return None
        return ConceptAlarm(self.stream, event_time_ms, before, after, self._rows)
