"""What msgspec says about a message of the wrong shape, as a reason and a field.

msgspec reports a validation error as one English text and nothing else. This is the only place that reads it.
"""

from schemas.errors import DeadLetterReason

ENUM = "Invalid enum value"
MISSING = "Object missing required field `"
_PATH = " - at `"
#: How msgspec's texts begin, with our reasons; anything else is a wrong type. Except for a wrong enum value they name
#: fields and types, never the sender's values, so no card data reaches a log. A test feeds every kind of bad input and
#: fails if a msgspec release changes its wording.
_REASONS: tuple[tuple[str, DeadLetterReason], ...] = (
    (MISSING, DeadLetterReason.MISSING_FIELD),
    ("Number out of range", DeadLetterReason.NOT_FINITE),
    ("Integer value out of range", DeadLetterReason.OUT_OF_RANGE),
    ("Expected `int` <", DeadLetterReason.OUT_OF_RANGE),
    ("Expected `int` >", DeadLetterReason.OUT_OF_RANGE),
    ("Expected `str` of length", DeadLetterReason.OUT_OF_RANGE),
    ("Expected `str` matching regex", DeadLetterReason.OUT_OF_RANGE),
)


def reason_and_field(text: str) -> tuple[DeadLetterReason, str | None]:
    """Return why msgspec rejected a message, and the path of the field at fault.

    Args:
        text: The text of a `msgspec.ValidationError`.

    Returns:
        The reason, and the path from the message's root (`features.V3`); None if the root itself has the wrong type.

    Examples:
        >>> reason_and_field("Expected `float | null`, got `str` - at `$.features.V3`")
        (<DeadLetterReason.WRONG_TYPE: 'wrong_type'>, 'features.V3')
        >>> reason_and_field("Object missing required field `V3` - at `$.features`")
        (<DeadLetterReason.MISSING_FIELD: 'missing_field'>, 'features.V3')
        >>> reason_and_field("Expected `object`, got `array`")
        (<DeadLetterReason.WRONG_TYPE: 'wrong_type'>, None)
    """
    reason = next((reason for start, reason in _REASONS if text.startswith(start)), DeadLetterReason.WRONG_TYPE)
    # Before the path, "Expected …" names only types; other texts may quote a name or a value that holds " - at `".
    # Behind it, the path may end with such a feature name.
    cut = text.find(_PATH) if text.startswith("Expected") else text.rfind(_PATH)
    words, path = (text, "") if cut < 0 else (text[:cut], text[cut + len(_PATH) : -1])
    path = path.removeprefix("key` in `").removeprefix("$").removeprefix(".")
    if words.startswith(MISSING):
        name = words[len(MISSING) : -1]
        path = f"{path}.{name}" if path else name
    return reason, path or None
