"""What was answered lately: a transaction that is asked about again gets the same decision."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from schemas.errors import RepeatedError


@dataclass(frozen=True, slots=True)
class _Kept:
    digest: bytes
    reply: asyncio.Future[bytes]
    at: float


class Repeats:
    """The last transactions of this process, by id.

    Args:
        most: Kept at once; each takes about 2 KB.
        seconds: After which one is forgotten.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, transaction_id: str, value: bytes) -> asyncio.Future[bytes] | None:
        """Return the reply to a transaction, given or under way; None where it is not known.

        Raises:
            RepeatedError: If the id is known and the transaction is another one: to answer with the earlier decision
                would let a changed amount through.
        """
        kept = self._kept.get(transaction_id)
        if kept is None or kept.at < time.monotonic() - self._seconds:
            return None
        if kept.digest != _digest(value):
            raise RepeatedError(
                f"transaction {transaction_id!r} was asked about with other content; give it its own id"
            )
        return kept.reply

    def keep(self, transaction_id: str, value: bytes, reply: asyncio.Future[bytes]) -> None:
        """Keep a reply that is under way. One that fails is forgotten, so that asking again decides anew."""
        kept = _Kept(_digest(value), reply, time.monotonic())
        self._kept.pop(transaction_id, None)
        self._kept[transaction_id] = kept
        reply.add_done_callback(lambda done: self._forget_failed(transaction_id, kept, done))
        oldest = kept.at - self._seconds
        while self._kept:
            first = next(iter(self._kept))
            if len(self._kept) <= self._most and self._kept[first].at >= oldest:
                break
            del self._kept[first]

    def _forget_failed(self, transaction_id: str, kept: _Kept, done: asyncio.Future[bytes]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and self._kept.get(transaction_id) is kept:
            del self._kept[transaction_id]


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()
