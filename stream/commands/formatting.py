"""Formats values for the output of commands."""

from datetime import UTC, datetime


def utc_time(ms: int) -> str:
    """Format UTC milliseconds as a date and time.

    >>> utc_time(1_767_225_600_000)
    '2026-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
