"""Recent responses by transaction id: a repeated request gets the same decision."""

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from schemas.errors import TransactionIdReusedError

#: Size of a request's digest in bytes.
DIGEST_BYTES = 16

#: Digest of the request's body, time of the request, and the response.
_Entry = tuple[bytes, float, bytes | asyncio.Future[bytes]]
#: Stands for the missing entry when an id is not in the cache.
_MISSING: _Entry = (b"", -math.inf, b"")


class RecordedResponse(NamedTuple):
    """A response that an edge has recorded in Kafka."""

    transaction_id: str
    #: Digest of the request's body; see `request_digest`.
    digest: bytes
    #: When it was recorded, in Unix seconds, by the clock of the edge that recorded it.
    recorded_s: float
    response: bytes


class IdempotencyCache:
    """The most recent responses of all edges, by transaction id. Call every method on the event loop.

    A response that has been sent is kept as bytes in a plain tuple, which Python's garbage collector does not traverse.
    A hundred thousand futures would make each full collection block the event loop for a quarter of a second.

    Args:
        max_entries: Maximum number of responses kept; each takes about 2 KB.
        lifetime_s: Seconds for which a response is kept.

    Attributes:
        complete: Whether the responses from before this process started have been added.
    """

    def __init__(self, max_entries: int, lifetime_s: float) -> None:
        self.complete = False
        self._max_entries = max_entries
        self._lifetime_s = lifetime_s
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        #: Recorded responses to requests that are pending here, by transaction id.
        self._recorded_meanwhile: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, transaction_id: str, digest: bytes) -> asyncio.Future[bytes] | None:
        """Return the response, sent or pending, to an earlier request with the same id; None if there was no request.

        Raises:
            TransactionIdReusedError: If the earlier request had a different body. Responding with the earlier decision
                would let a changed amount through.
        """
        earlier_digest, requested_s, response = self._entries.get(transaction_id, _MISSING)
        if requested_s < time.monotonic() - self._lifetime_s:
            return None
        if earlier_digest != digest:
            raise TransactionIdReusedError(
                "transaction_id was used for a different transaction; give each transaction a unique id",
            )
        if isinstance(response, bytes):
            sent: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            sent.set_result(response)
            return sent
        return response

    def keep(self, transaction_id: str, digest: bytes, response: asyncio.Future[bytes]) -> None:
        """Keep a pending response. A failed response is removed, so that a repeat of the request is decided again."""
        now_s = time.monotonic()
        self._put(transaction_id, (digest, now_s, response), now_s)
        response.add_done_callback(partial(self._settle, transaction_id, digest, now_s))

    def add(self, recorded: Iterable[RecordedResponse]) -> None:
        """Add responses of any edge, the oldest first. The first response to a request stays."""
        now_s = time.monotonic()
        oldest_s, clock_s = now_s - self._lifetime_s, time.time()
        for transaction_id, digest, recorded_s, response in recorded:
            entry = digest, now_s - max(0.0, clock_s - recorded_s), response
            _, requested_s, earlier = self._entries.get(transaction_id, _MISSING)
            if requested_s >= oldest_s:
                if isinstance(earlier, asyncio.Future):
                    # It counts if the pending one fails, for example because an acknowledgement is lost.
                    self._recorded_meanwhile[transaction_id] = entry
            elif entry[1] >= oldest_s:
                self._put(transaction_id, entry, now_s)

    def _put(self, transaction_id: str, entry: _Entry, now_s: float) -> None:
        self._entries.pop(transaction_id, None)
        self._entries[transaction_id] = entry
        while len(self._entries) > self._max_entries or self._oldest_s() < now_s - self._lifetime_s:
            self._entries.popitem(last=False)

    def _oldest_s(self) -> float:
        return self._entries[next(iter(self._entries))][1]

    def _settle(self, transaction_id: str, digest: bytes, requested_s: float, response: asyncio.Future[bytes]) -> None:
        """Replace a completed future with its bytes; if it failed, with what was recorded, if anything was."""
        recorded = self._recorded_meanwhile.pop(transaction_id, None)
        if self._entries.get(transaction_id, _MISSING)[2] is not response:
            return
        if response.cancelled() or response.exception() is not None:
            del self._entries[transaction_id]
            if recorded is not None:
                self._put(transaction_id, recorded, time.monotonic())
        else:
            self._entries[transaction_id] = digest, requested_s, response.result()  # keeps its position


def request_digest(body: bytes) -> bytes:
    """Return the digest of a request's body, `DIGEST_BYTES` bytes of BLAKE2b, by which repeats are recognised.

    >>> request_digest(b'{"amount_minor": 1}') == request_digest(b'{"amount_minor": 2}')
    False
    """
    return hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest()
