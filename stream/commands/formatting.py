"""Formats values for the output of commands."""

from datetime import UTC, datetime


def utc_time(ms: int) -> str:
    """Format UTC milliseconds as a date and time.

    >>> utc_time(1_767_225_600_000)
    '2026-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def counted(count: int, noun: str) -> str:
    """Format a count of things.

    >>> counted(1, "message"), counted(2_000, "message")
    ('1 message', '2,000 messages')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def printable(raw: bytes) -> str:
    r"""Return bytes as text that is safe to print on a terminal.

    Bytes that are not UTF-8 and characters that are not printable, such as those of terminal control sequences, are
    escaped. Line feeds are kept.

    >>> print(printable(b"caf\xc3\xa9 \x1b[2J \xff"))
    café \x1b[2J \xff
    """
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)
