"""Reads a challenger's features from decoded transactions, whether or not the champion has the same features."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T", float, str)
#: Values in a decoded feature struct: numbers, strings or null for the champion's features, raw JSON for the others.
FeatureRow = tuple[Any, ...]


class FeatureReader(Generic[T]):
    """Reads feature values of one type.

    Args:
        kind: Type of the values.
        type_name: Name of the type, as used in descriptions of problems.
    """

    def __init__(self, kind: type[T], type_name: str) -> None:
        self._kind: type[T] = kind
        self._type_name = type_name
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind | None)

    def column(
        self, rows: Sequence[FeatureRow], position: int, name: str, problems: list[str | None]
    ) -> list[T | None]:
        """Return the feature's value in each row; None for null and for a value that cannot be read.

        Args:
            rows: n decoded feature structs.
            position: Index of the feature in each struct.
            name: Name of the feature, as used in descriptions of problems.
            problems: Problem of each row, or None. If a value cannot be read, the row's problem is set here unless the
                row already has one.
        """
        values: list[T | None] = []
        for i, row in enumerate(rows):
            value, problem = self._read(row[position])
            values.append(value)
            if problem and not problems[i]:
                problems[i] = f"feature {name} {problem}"
        return values

    def _read(self, value: Any) -> tuple[T | None, str | None]:
        """Return the decoded value, and its problem (None if the value is valid)."""
        if isinstance(value, msgspec.Raw):
            if not bytes(value):
                return None, "is missing"
            try:
                return self._decoder.decode(value), None
            except (msgspec.DecodeError, UnicodeDecodeError):
                return None, f"is not a {self._type_name}"
        # The champion also has a feature with this name, possibly of another type.
        if value is None or isinstance(value, self._kind):
            return value, None
        return None, f"is not a {self._type_name}"


NUMBERS = FeatureReader(float, "number")
STRINGS = FeatureReader(str, "string")
