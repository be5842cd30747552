"""The type of options that take a time."""

from datetime import UTC, datetime

import click

#: 9999-12-31, the last day that every program can express.
LAST_MS = 253_402_300_799_999


class TimeParam(click.ParamType):
    """A UTC time: ISO 8601, or milliseconds since 1970."""

    name = "TIME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert ISO 8601, or milliseconds since 1970, to UTC milliseconds."""
        if value.isdecimal():
            return self._in_range(int(value), value, param, ctx)
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time; write for instance 2026-11-25T12:00", param, ctx)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        return self._in_range(int(time.timestamp() * 1000), value, param, ctx)

    def _in_range(self, ms: int, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if not 0 <= ms <= LAST_MS:
            self.fail(f"{value!r} is not between 1970 and 9999; write for instance 2026-11-25T12:00", param, ctx)
        return ms
