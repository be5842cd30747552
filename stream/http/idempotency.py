"""What was answered lately: a transaction that is asked about again gets the same decision."""

import asyncio
import hashlib
import math
import time
from collections import OrderedDict

from schemas.errors import RepeatedError

#: Of an id that is not kept.
_NOTHING: tuple[bytes, float, bytes] = (b"", -math.inf, b"")


class Repeats:
    """The last transactions of this process, by id.

    A reply that has been given is kept as bytes in a plain tuple, which Python's garbage collector need not look at. A
    hundred thousand futures would make it stop the event loop for a quarter of a second now and then.

    Args:
        most: Kept at once; each takes about 2 KB.
        seconds: After which one is forgotten.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        #: Digest of the transaction, when it was asked about, the reply.
        self._kept: OrderedDict[str, tuple[bytes, float, bytes | asyncio.Future[bytes]]] = OrderedDict()

    def find(self, transaction_id: str, value: bytes) -> asyncio.Future[bytes] | None:
        """Return the reply to a transaction, given or under way; None where it is not known.

        Raises:
            RepeatedError: If the id is known and the transaction is another one: to answer with the earlier decision
                would let a changed amount through.
        """
        digest, at, reply = self._kept.get(transaction_id, _NOTHING)
        if at < time.monotonic() - self._seconds:
            return None
        if digest != _digest(value):
            raise RepeatedError("transaction_id was used for another transaction; give each its own")
        if isinstance(reply, bytes):
            given: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            given.set_result(reply)
            return given
        return reply

    def keep(self, transaction_id: str, value: bytes, reply: asyncio.Future[bytes]) -> None:
        """Keep a reply that is under way. One that fails is forgotten, so that asking again decides anew."""
        digest, at = _digest(value), time.monotonic()
        self._kept.pop(transaction_id, None)
        self._kept[transaction_id] = digest, at, reply
        reply.add_done_callback(lambda done: self._settle(transaction_id, digest, at, done))
        while len(self._kept) > self._most or self._oldest() < at - self._seconds:
            self._kept.popitem(last=False)

    def _oldest(self) -> float:
        return self._kept[next(iter(self._kept))][1]

    def _settle(self, transaction_id: str, digest: bytes, at: float, done: asyncio.Future[bytes]) -> None:
        if self._kept.get(transaction_id, _NOTHING)[2] is not done:
            return
        if done.cancelled() or done.exception() is not None:
            del self._kept[transaction_id]
        else:
            self._kept[transaction_id] = digest, at, done.result()  # in its old place


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()
