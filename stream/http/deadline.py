"""Replies that must be there in time: one look at all of them, instead of a timer for each."""

import asyncio
import time
from collections import deque

from schemas.errors import TooLateError

#: Seconds between two looks; a reply may be late by so much.
LOOK_S = 0.02


class Deadline:
    """Ends what takes too long. Inside the event loop.

    Args:
        seconds: That a reply may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._replies: deque[tuple[float, asyncio.Future[bytes]]] = deque()

    def watch(self, reply: asyncio.Future[bytes]) -> None:
        """Give a reply its time from now on; then it fails with TooLateError."""
        if not self._replies:
            asyncio.get_running_loop().call_later(LOOK_S, self._look)
        self._replies.append((time.monotonic() + self._seconds, reply))

    def _look(self) -> None:
        now = time.monotonic()
        while self._replies and (self._replies[0][1].done() or self._replies[0][0] <= now):
            _, reply = self._replies.popleft()
            if not reply.done():
                reply.set_exception(
                    TooLateError("not decided and recorded within the deadline (FRAUD_HTTP_DEADLINE_MS); ask again")
                )
        if self._replies:
            asyncio.get_running_loop().call_later(LOOK_S, self._look)
