"""What transactions give for a feature that a challenger asks for, whichever way the codec has read it."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T", float, str)
#: A decoded feature struct's values: the champion's are numbers, strings or null, extra ones raw JSON.
FeatureRow = tuple[Any, ...]


class Reading(Generic[T]):
    """How values of one type are read.

    Args:
        kind: The type.
        word: What a person calls it.
    """

    def __init__(self, kind: type[T], word: str) -> None:
        self._kind: type[T] = kind
        self._word = word
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind | None)

    def column(self, rows: Sequence[FeatureRow], place: int, name: str, problems: list[str | None]) -> list[T | None]:
        """Return each row's value, None for null and for what cannot be read.

        Args:
            rows: n of them.
            place: Of the feature in each.
            name: Of the feature.
            problems: n of them; what is wrong is put there, unless something is already.
        """
        values: list[T | None] = []
        for i, row in enumerate(rows):
            value, problem = self._read(row[place])
            values.append(value)
            if problem and not problems[i]:
                problems[i] = f"feature {name} {problem}"
        return values

    def _read(self, value: Any) -> tuple[T | None, str | None]:
        if isinstance(value, msgspec.Raw):
            if not bytes(value):
                return None, "is missing"
            try:
                return self._decoder.decode(value), None
            except (msgspec.DecodeError, UnicodeDecodeError):
                return None, f"is no {self._word}"
        # The champion reads this name too, perhaps as another type.
        if value is None or isinstance(value, self._kind):
            return value, None
        return None, f"is no {self._word}"


NUMBERS = Reading(float, "number")
STRINGS = Reading(str, "string")
