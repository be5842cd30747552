"""Clocks for programs that record ingest time; they are injected, so an experiment can simulate a year in an hour."""

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Source of ingest time."""

    def now_ms(self) -> int:
        """Return the current time in UTC milliseconds since 1970."""


class SystemClock:
    """The system clock."""

    def now_ms(self) -> int:
        """Return the current time in UTC milliseconds since 1970."""
        return time.time_ns() // 1_000_000


class ScaledClock:
    """A clock that starts at a given time and runs faster or slower than real time.

    Args:
        start_ms: Time that the clock shows initially, UTC milliseconds.
        speed: Milliseconds that the clock advances in one real millisecond; above 0.
        ticks: Monotonic clock in seconds; tests replace it.

    Example:
        >>> seconds = iter([100.0, 102.5])
        >>> ScaledClock(1_000_000, 60, ticks=lambda: next(seconds)).now_ms()
        1150000
    """

    def __init__(self, start_ms: int, speed: float, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._start_ms = start_ms
        self._speed = speed
        self._ticks = ticks
        self._started = ticks()

    def now_ms(self) -> int:
        """Return this clock's time, UTC milliseconds since 1970."""
        return self._start_ms + round((self._ticks() - self._started) * 1000 * self._speed)
