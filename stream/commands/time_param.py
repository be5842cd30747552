"""The type of options that take a time."""

from datetime import UTC, datetime

import click

#: Number of digits of a time in milliseconds, 2001 to 2286. No date has as many: 20261124 is a day in ISO 8601.
MS_DIGITS = 13
#: 9999-12-31, the last day that every program can express.
LAST_MS = 253_402_300_799_999


class TimeParam(click.ParamType):
    """A UTC time: a date or time in ISO 8601, or milliseconds since 1970 with 13 digits."""

    name = "TIME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert ISO 8601, or milliseconds since 1970 with 13 digits, to UTC milliseconds."""
        if len(value) == MS_DIGITS and value.isascii() and value.isdecimal():
            return int(value)
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is not a time; write for instance 2026-11-25T12:00, or milliseconds with 13 digits",
                param,
                ctx,
            )
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        ms = int(time.timestamp() * 1000)
        if not 0 <= ms <= LAST_MS:
            self.fail(f"{value!r} is not between 1970 and 9999; write for instance 2026-11-25T12:00", param, ctx)
        return ms
