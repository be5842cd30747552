"""How long a study may take, and whether there is time for another fit."""

import time
from collections.abc import Callable

from schemas.errors import StudyError

_MINUTE = 60.0  # seconds
#: Of the budget, kept for what comes after the search: refit, calibration, export, bundle.
_RESERVED = 0.08


class OutOfTimeError(Exception):
    """The budget or the user ended the study before an entry was done; what it has is kept."""


class Budget:
    """Minutes from now, or no limit.

    Args:
        minutes: More than 0, or None for as long as it takes.
        clock: Seconds, never going back.

    Raises:
        StudyError: If there are no minutes.

    >>> seconds = iter([0.0, 50.0, 50.0])
    >>> budget = Budget(1, clock=lambda: next(seconds))
    >>> budget.allows(4.0), budget.allows(6.0)
    (True, False)
    """

    def __init__(self, minutes: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        if minutes is not None and not minutes > 0:  # also true for NaN
            raise StudyError(f"a budget of {minutes:g} minutes leaves no time; give more, or leave --budget out")
        self.minutes = minutes
        self._clock = clock
        self._end = None if minutes is None else clock() + minutes * _MINUTE * (1 - _RESERVED)

    def allows(self, seconds: float) -> bool:
        """Tell whether work that takes so long would be done in time."""
        return self._end is None or self._clock() + seconds <= self._end
