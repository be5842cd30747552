"""The deadline of pending responses: one periodic check for all of them instead of a timer for each."""

import asyncio
import time
from collections import deque

from schemas.errors import DeadlineExceededError

#: Seconds between two checks; a response may fail this much after its deadline.
CHECK_INTERVAL_S = 0.02


class ResponseDeadline:
    """Fails responses that take too long. Every method runs on the event loop.

    Args:
        seconds: Seconds that a response may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pending: deque[tuple[float, asyncio.Future[bytes]]] = deque()

    def start(self, response: asyncio.Future[bytes]) -> None:
        """Start a response's time; when it is up, the response fails with DeadlineExceededError."""
        if not self._pending:
            asyncio.get_running_loop().call_later(CHECK_INTERVAL_S, self._check)
        self._pending.append((time.monotonic() + self._seconds, response))

    def _check(self) -> None:
        now = time.monotonic()
        while self._pending and (self._pending[0][1].done() or self._pending[0][0] <= now):
            _, response = self._pending.popleft()
            if not response.done():
                response.set_exception(
                    DeadlineExceededError("not decided and recorded within FRAUD_HTTP_DEADLINE_MS; try again")
                )
        if self._pending:
            asyncio.get_running_loop().call_later(CHECK_INTERVAL_S, self._check)
