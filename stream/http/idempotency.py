"""Recent responses by transaction id: a repeated request gets the same decision."""

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from functools import partial

from schemas.errors import TransactionIdReusedError

#: Stands for the missing entry when an id is not in the cache.
_MISSING: tuple[bytes, float, bytes] = (b"", -math.inf, b"")


class IdempotencyCache:
    """The most recent responses of this process, by transaction id.

    A response that has been sent is kept as bytes in a plain tuple, which Python's garbage collector does not traverse.
    A hundred thousand futures would make each full collection block the event loop for a quarter of a second.

    Args:
        max_entries: Maximum number of responses kept; each takes about 2 KB.
        lifetime_s: Seconds for which a response is kept.
    """

    def __init__(self, max_entries: int, lifetime_s: float) -> None:
        self._max_entries = max_entries
        self._lifetime_s = lifetime_s
        #: Digest of the request's body, time of the request, and the response.
        self._entries: OrderedDict[str, tuple[bytes, float, bytes | asyncio.Future[bytes]]] = OrderedDict()

    def find(self, transaction_id: str, body: bytes) -> asyncio.Future[bytes] | None:
        """Return the response, sent or pending, to an earlier request with the same id; None if there was no request.

        Raises:
            TransactionIdReusedError: If the earlier request had a different body. Responding with the earlier decision
                would let a changed amount through.
        """
        digest, requested_s, response = self._entries.get(transaction_id, _MISSING)
        if requested_s < time.monotonic() - self._lifetime_s:
            return None
        if digest != _digest(body):
            raise TransactionIdReusedError(
                "transaction_id was used for a different transaction; give each transaction a unique id",
            )
        if isinstance(response, bytes):
            sent: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            sent.set_result(response)
            return sent
        return response

    def keep(self, transaction_id: str, body: bytes, response: asyncio.Future[bytes]) -> None:
        """Keep a pending response. A failed response is removed, so that a repeat of the request is decided again."""
        digest, requested_s = _digest(body), time.monotonic()
        self._entries.pop(transaction_id, None)
        self._entries[transaction_id] = digest, requested_s, response
        response.add_done_callback(partial(self._settle, transaction_id, digest, requested_s))
        while len(self._entries) > self._max_entries or self._oldest_s() < requested_s - self._lifetime_s:
            self._entries.popitem(last=False)

    def _oldest_s(self) -> float:
        return self._entries[next(iter(self._entries))][1]

    def _settle(self, transaction_id: str, digest: bytes, requested_s: float, response: asyncio.Future[bytes]) -> None:
        """Replace a completed future with its bytes, or remove it if it failed."""
        if self._entries.get(transaction_id, _MISSING)[2] is not response:
            return
        if response.cancelled() or response.exception() is not None:
            del self._entries[transaction_id]
        else:
            self._entries[transaction_id] = digest, requested_s, response.result()  # keeps its position


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()
