"""Any number of transactions made from real ones: the rows again and again, numbered from 0."""

from collections.abc import Iterator, Sequence
from typing import overload

from schemas.messages import FeatureValue, Transaction, encode
from stream.kafka.load_generator import Message

_BEGINNING = b'{"transaction_id":"'


class Feed(Sequence[Message]):
    """Messages 0 … count-1, made when they are asked for; `transaction_id` is the index.

    Args:
        rows: Transactions to repeat; at least one.
        count: How many messages.
    """

    def __init__(self, rows: Sequence[Transaction[dict[str, FeatureValue]]], count: int) -> None:
        self._tails = [(row.card_id, encode(row)[len(_BEGINNING) + len(row.transaction_id.encode()) :]) for row in rows]
        self._indices = range(count)

    def part(self, start: int, stop: int) -> "Feed":
        """Return messages start … stop-1, still numbered as in the whole."""
        part = object.__new__(Feed)
        part._tails, part._indices = self._tails, self._indices[start:stop]
        return part

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, at: int) -> Message: ...
    @overload
    def __getitem__(self, at: slice) -> list[Message]: ...
    def __getitem__(self, at: int | slice) -> Message | list[Message]:
        if isinstance(at, slice):
            return [self._message(index) for index in self._indices[at]]
        return self._message(self._indices[at])

    def __iter__(self) -> Iterator[Message]:
        return map(self._message, self._indices)

    def _message(self, index: int) -> Message:
        key, tail = self._tails[index % len(self._tails)]
        return key, b"%b%d%b" % (_BEGINNING, index, tail)
