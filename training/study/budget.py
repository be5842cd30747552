"""The time limit of a study."""

import time
from collections.abc import Callable

from schemas.errors import StudyError

_MINUTE = 60.0  # seconds
#: Share of the budget reserved for the steps after the search: refit, calibration, export and bundle.
_RESERVED = 0.08


class OutOfTimeError(Exception):
    """The budget or the user ended the study before an entry was finished; completed trials are kept."""


class Budget:
    """A time limit that starts now, or no limit.

    Args:
        minutes: Time limit, more than 0; None for no limit.
        clock: Monotonic clock in seconds.

    Raises:
        StudyError: If `minutes` is not positive.

    >>> seconds = iter([0.0, 50.0, 50.0])
    >>> budget = Budget(1, clock=lambda: next(seconds))
    >>> budget.allows(4.0), budget.allows(6.0)
    (True, False)
    """

    def __init__(self, minutes: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        if minutes is not None and not minutes > 0:  # also true for NaN
            raise StudyError(f"a budget of {minutes:g} minutes leaves no time; increase --budget or leave it out")
        self.minutes = minutes
        self._clock = clock
        self._end = None if minutes is None else clock() + minutes * _MINUTE * (1 - _RESERVED)

    def allows(self, seconds: float) -> bool:
        """Return whether work that takes this many seconds would finish within the limit."""
        return self._end is None or self._clock() + seconds <= self._end
