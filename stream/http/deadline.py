"""The deadline for pending responses: one periodic check of all responses instead of a timer for each."""

import asyncio
import time
from collections import deque

from schemas.errors import DeadlineExceededError

#: Seconds between checks. A response may fail up to this long after its deadline.
CHECK_INTERVAL_S = 0.02


class ResponseDeadline:
    """Fails responses that take too long. Every method runs on the event loop.

    Args:
        seconds: Maximum number of seconds that a response may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pending: deque[tuple[float, asyncio.Future[bytes]]] = deque()

    def start(self, response: asyncio.Future[bytes]) -> None:
        """Start the time limit of a response, which fails with DeadlineExceededError when the time is up."""
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
