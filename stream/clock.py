"""The clock of whatever keeps history: injected, so that an experiment can live through a year in an hour."""

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Tells ingest time."""

    def now_ms(self) -> int:
        """Return UTC milliseconds since 1970."""


class SystemClock:
    """The machine's own."""

    def now_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return time.time_ns() // 1_000_000


class ScaledClock:
    """A clock that began at a date of one's choice and goes faster or slower than the real one.

    Args:
        start_ms: UTC milliseconds that it shows when it is made.
        speed: Its milliseconds for one real millisecond; above 0.
        ticks: Seconds that never go back; replaced by tests.

    Example:
        >>> seconds = iter([100.0, 102.5])
        >>> ScaledClock(1_000_000, 60, ticks=lambda: next(seconds)).now_ms()
        1150000
    """

    def __init__(self, start_ms: int, speed: float, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._start_ms = start_ms
        self._speed = speed
        self._ticks = ticks
        self._began = ticks()

    def now_ms(self) -> int:
        """Return UTC milliseconds since 1970, as this clock has them."""
        return self._start_ms + round((self._ticks() - self._began) * 1000 * self._speed)
