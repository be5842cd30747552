"""What drift is counted from, and the counts on their way to `drift-counts`.

Counting takes milliseconds, so it has a thread of its own: whoever decides only hands over what was decided. Once a
second, about, what has come together becomes messages; these are sent until they are acknowledged, in the worker with
whatever batch is committed next, and have the same sequence numbers each time. So nothing is counted twice, and whoever
dies takes the last second's counts along, two where no batch comes.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from stream.runtime.background import Background
from stream.scoring.batch_scores import BatchScores
from stream.scoring.model import Roles
from stream.serving.drift_counts import DriftCounter
from stream.settings import Settings

#: Seconds between two counts: often enough that each holds Python's lock for no longer than a batch does.
COUNT_S = 0.1


class DriftOutbox(Background):
    """Counts what one thread adds, and keeps the messages for the one that sends them.

    Args:
        settings: Whether drift is counted at all, and how often it is sent.
        on_error: Called with what ended the counting.
    """

    def __init__(self, settings: Settings, on_error: Callable[[BaseException], None]) -> None:
        super().__init__("drift-counting")
        self._on = settings.drift.monitor == "on"
        self._interval_s = settings.drift.interval_s
        self._on_error = on_error
        self._counter = DriftCounter(settings)
        self._came: deque[BatchScores] = deque()
        self._lock = threading.Lock()
        self._unsent: tuple[bytes, ...] = ()

    def prepare(self, roles: Roles) -> None:
        """Get ready to count under new roles, before their first batch. Callable from any thread."""
        if self._on:
            self._counter.prepare(roles)

    def add(self, observed: BatchScores) -> None:
        """Take in what was decided: by a worker, once it is committed."""
        if self._on:
            self._came.append(observed)

    def unsent(self) -> Sequence[bytes]:
        """Return the messages that are to be sent: the same ones until they are `sent`."""
        return self._unsent

    def sent(self, messages: Sequence[bytes]) -> None:
        """Note that what `unsent` returned is acknowledged. More may have come since."""
        with self._lock:
            self._unsent = self._unsent[len(messages) :]

    def stop(self) -> None:
        """Stop, and have all that was added among the unsent."""
        super().stop()
        self._work(due=True)

    def _run(self) -> None:
        due = time.monotonic() + self._interval_s
        while not self._stopping.wait(min(COUNT_S, self._interval_s)):
            is_due = not self._unsent and time.monotonic() >= due
            self._work(due=is_due)
            if is_due:
                due = time.monotonic() + self._interval_s

    def _work(self, *, due: bool) -> None:
        """Count what came, and make messages of all that is counted if they are due."""
        if not self._on:
            return
        try:
            if came := [self._came.popleft() for _ in range(len(self._came))]:
                self._counter.add(came)
            messages = tuple(self._counter.take()) if due else ()
        except Exception as error:  # noqa: BLE001 - whatever it is, going on would leave rows uncounted
            self._on = False
            self._on_error(error)
            return
        with self._lock:
            self._unsent += messages
