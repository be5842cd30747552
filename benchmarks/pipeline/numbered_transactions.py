"""Any number of transactions, made by repeating real transactions and numbering them from 0."""

from collections.abc import Iterator, Sequence
from typing import overload

from schemas.messages import FeatureValue, Transaction, encode
from stream.kafka.load_generator import Message

_ID_PREFIX = b'{"transaction_id":"'


class NumberedTransactions(Sequence[Message]):
    """Messages 0 … count-1, encoded on access; the `transaction_id` is the index.

    Args:
        rows: Transactions to repeat; at least one.
        count: Number of messages.
    """

    def __init__(self, rows: Sequence[Transaction[dict[str, FeatureValue]]], count: int) -> None:
        self._tails = [(row.card_id, encode(row)[len(_ID_PREFIX) + len(row.transaction_id.encode()) :]) for row in rows]
        self._indices = range(count)

    def part(self, start: int, stop: int) -> "NumberedTransactions":
        """Return messages start … stop-1, which keep their numbers."""
        part = object.__new__(NumberedTransactions)
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
        return key, b"%b%d%b" % (_ID_PREFIX, index, tail)
