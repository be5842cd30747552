"""Turns msgspec's validation errors into a reason and a field.

msgspec reports a validation error only as English text. Only this module parses that text.
"""

from typing import NamedTuple

from schemas.errors import DeadLetterReason

_UNKNOWN_VALUE = "Invalid enum value"
_MISSING = "Object missing required field `"
_PATH = " - at `"
#: Beginnings of msgspec's texts, with our reasons; any other text means a wrong type. Except for an unknown enum value,
#: the texts name fields and types, never the sender's values, so no card data reaches a log. A test feeds every kind of
#: bad input and fails if a msgspec release changes its wording.
_REASONS: tuple[tuple[str, DeadLetterReason], ...] = (
    (_MISSING, DeadLetterReason.MISSING_FIELD),
    ("Number out of range", DeadLetterReason.NOT_FINITE),
    ("Integer value out of range", DeadLetterReason.OUT_OF_RANGE),
    ("Expected `int` <", DeadLetterReason.OUT_OF_RANGE),
    ("Expected `int` >", DeadLetterReason.OUT_OF_RANGE),
    ("Expected `str` of length", DeadLetterReason.OUT_OF_RANGE),
    ("Expected `str` matching regex", DeadLetterReason.OUT_OF_RANGE),
)


class Violation(NamedTuple):
    """Why msgspec rejected a message."""

    reason: DeadLetterReason
    #: Path of the invalid field from the message's root, such as `features.V3`; None if the root has the wrong type.
    field: str | None
    #: Whether an enum field has a value that its type does not list. msgspec's text then quotes the sender's value.
    unknown_value: bool


def violation(text: str) -> Violation:
    """Return why msgspec rejected a message.

    Args:
        text: Text of a `msgspec.ValidationError`.

    >>> violation("Expected `float | null`, got `str` - at `$.features.V3`").field
    'features.V3'
    >>> violation("Object missing required field `V3` - at `$.features`").field
    'features.V3'
    >>> violation("Expected `object`, got `array`").field is None
    True
    """
    reason = next((reason for start, reason in _REASONS if text.startswith(start)), DeadLetterReason.WRONG_TYPE)
    problem, path = problem_and_path(text)
    if problem.startswith(_MISSING):
        name = problem[len(_MISSING) : -1]
        path = f"{path}.{name}" if path else name
    return Violation(reason, path or None, problem.startswith(_UNKNOWN_VALUE))


def problem_and_path(text: str) -> tuple[str, str]:
    """Split the text of a `msgspec.ValidationError` into the problem and the path, which may be empty.

    >>> problem_and_path("Expected `int`, got `str` - at `$.http.port`")
    ('Expected `int`, got `str`', 'http.port')
    """
    # Before the path, "Expected …" names only types; other texts may quote a name or a value that contains " - at `".
    # After that marker, the path may end with such a feature name.
    cut = text.find(_PATH) if text.startswith("Expected") else text.rfind(_PATH)
    if cut < 0:
        return text, ""
    path = text[cut + len(_PATH) : -1].removeprefix("key` in `")
    return text[:cut], path.removeprefix("$").removeprefix(".")
