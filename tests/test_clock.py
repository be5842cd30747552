"""The clocks that record ingest time."""

from stream.clock import ScaledClock, SystemClock


def test_a_scaled_clock_has_a_start_and_a_speed() -> None:
    """A scaled clock lets experiments run a year in an hour; the test provides its ticks."""
    seconds = iter([10.0, 10.0, 11.5])
    clock = ScaledClock(1_000, 8_760, ticks=lambda: next(seconds))
    assert clock.now_ms() == 1_000
    assert clock.now_ms() == 1_000 + 1_500 * 8_760


def test_the_system_clock_shows_milliseconds_since_1970() -> None:
    """The time lies after the clock was written and before the year 2100, so its unit is milliseconds."""
    assert 1_700_000_000_000 < SystemClock().now_ms() < 4_102_444_800_000
