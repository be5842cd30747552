"""Counting for drift beside the stream, and what of it is on its way to `drift-counts`.

Counting takes milliseconds, so it has a thread of its own: whoever commits only hands over what it committed. Once a
second, at most, what has come together becomes messages; these ride on transactions until one of them is committed,
with the same sequence numbers each time. So nothing that was sent is counted twice, and whoever dies takes the last
second's counts along and no more.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from stream.kafka.background import Background
from stream.scoring.model import Roles
from stream.scoring.observed import Observed
from stream.serving.drift_counts import DriftCounter
from stream.settings import Settings

#: Seconds between two counts: rows are cheap among hundreds, and Python's lock is held no longer than a batch takes.
COUNT_S = 0.1


class DriftCounting(Background):
    """Counts what one thread adds, for whoever sends it.

    Args:
        settings: Whether drift is counted at all, and how often it is sent.
        on_error: Called with what ended the thread.
    """

    def __init__(self, settings: Settings, on_error: Callable[[BaseException], None]) -> None:
        super().__init__("drift-counting")
        self._on = settings.drift == "on"
        self._interval_s = settings.drift_interval_s
        self._on_error = on_error
        self._counter = DriftCounter(settings)
        self._came: deque[Observed] = deque()
        self._lock = threading.Lock()
        self._unsent: tuple[bytes, ...] = ()
        self._due = time.monotonic() + self._interval_s

    def prepare(self, roles: Roles) -> None:
        """Get ready to count under new roles, before their first batch. Callable from any thread."""
        if self._on:
            self._counter.prepare(roles)

    def add(self, observed: Observed) -> None:
        """Take in what was committed."""
        if self._on:
            self._came.append(observed)

    def unsent(self) -> Sequence[bytes]:
        """Return the messages that are to ride on the next transaction: the same ones until they are `sent`."""
        return self._unsent

    def sent(self, messages: Sequence[bytes]) -> None:
        """Note that what `unsent` returned is committed. More may have come since."""
        with self._lock:
            self._unsent = self._unsent[len(messages) :]

    def stop(self) -> None:
        """Stop, and have all that was added among the unsent."""
        super().stop()
        self._count()
        self._make_messages()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(min(COUNT_S, self._interval_s)):
                self._count()
                if not self._unsent and time.monotonic() >= self._due:
                    self._make_messages()
                    self._due = time.monotonic() + self._interval_s
        except Exception as error:  # noqa: BLE001 - whatever it is, going on would leave rows uncounted
            self._on = False
            self._came.clear()  # not tried again by `stop`
            self._on_error(error)

    def _count(self) -> None:
        if self._came:
            self._counter.add([self._came.popleft() for _ in range(len(self._came))])

    def _make_messages(self) -> None:
        with self._lock:
            self._unsent += tuple(self._counter.take())
