"""Counts drift on a separate thread, and keeps the messages until they are acknowledged.

Counting takes milliseconds, so the deciding thread only hands its batches over. About once a second, the counts become
messages, which are sent again until they are acknowledged; the worker sends them together with the next committed
batch. Messages keep their sequence numbers, so nothing counts twice. A process that dies loses the counts of the last
second, or of the last two seconds if no batch follows.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from stream.runtime.background import Background
from stream.scoring.batch_scores import BatchScores
from stream.scoring.model import Roles
from stream.serving.drift_counts import DriftCounter
from stream.settings import DriftSettings, WatermarkSettings

#: Seconds between two counting rounds; short, so that a round holds Python's lock for no longer than a batch does.
COUNT_S = 0.1


class DriftOutbox(Background):
    """Counts the batches that one thread adds, and keeps the messages for the thread that sends them.

    Args:
        slot: Slot of the worker.
        drift: Drift settings: whether drift is counted, the length of a pane, and the seconds between messages.
        watermark: Watermark settings, for the maximum clock skew of event times.
        on_error: Called with the error that ended the counting.
    """

    def __init__(
        self,
        slot: str,
        drift: DriftSettings,
        watermark: WatermarkSettings,
        on_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__("drift-counting")
        self._enabled = drift.monitor == "on"
        self._interval_s = drift.interval_s
        self._on_error = on_error
        self._counter = DriftCounter(slot, drift, watermark)
        self._batches: deque[BatchScores] = deque()
        self._lock = threading.Lock()
        self._unsent: tuple[bytes, ...] = ()

    def prepare(self, roles: Roles) -> None:
        """Prepare the counting for new roles before their first batch. Thread-safe."""
        if self._enabled:
            self._counter.prepare(roles)

    def add(self, batch: BatchScores) -> None:
        """Add a decided batch. A worker adds a batch after committing it."""
        if self._enabled:
            self._batches.append(batch)

    def unsent(self) -> Sequence[bytes]:
        """Return the messages to send; until `sent` is called, they are returned again."""
        return self._unsent

    def sent(self, messages: Sequence[bytes]) -> None:
        """Remove acknowledged messages.

        Args:
            messages: Messages that `unsent` returned; messages added since then are kept.
        """
        with self._lock:
            self._unsent = self._unsent[len(messages) :]

    def stop(self) -> None:
        """Stop the thread, and turn all batches that were added into unsent messages."""
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
        """Count the batches that were added; if `due`, turn all counts into messages."""
        if not self._enabled:
            return
        try:
            if batches := [self._batches.popleft() for _ in range(len(self._batches))]:
                self._counter.add(batches)
            messages = tuple(self._counter.take()) if due else ()
        except Exception as error:  # noqa: BLE001 - whatever it is, going on would leave rows uncounted
            self._enabled = False
            self._on_error(error)
            return
        with self._lock:
            self._unsent += messages
