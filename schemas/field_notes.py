"""Reads the `#:` comments above a struct's fields, which generated files use as descriptions."""

import inspect
import re

import msgspec

_NOTE = re.compile(r"^    #: ?(.*)$")
_FIELD = re.compile(r"^    (\w+)\s*:")


def field_notes(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the `#:` comment above each field that has one, with its lines joined by spaces.

    A comment above a group of fields belongs to the first field of the group.
    """
    notes: dict[str, str] = {}
    lines: list[str] = []
    for line in inspect.getsource(struct).splitlines():
        if note := _NOTE.match(line):
            lines.append(note[1])
        elif lines:
            if field := _FIELD.match(line):
                notes[field[1]] = " ".join(lines)
            lines = []
    return notes
