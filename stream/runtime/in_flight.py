"""The batches between reading and commit: how many there are, and when the next one may be read."""

import threading
from collections.abc import Callable


class InFlight:
    """Counts batches from the moment they are handed over until they are committed, refused or discarded.

    Its length is the number of batches in flight.

    Attributes:
        read: Number of batches handed over so far.
        done: Number of those that were committed, refused or discarded.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.read = 0
        self.done = 0

    def __len__(self) -> int:
        return self.read - self.done

    def add(self) -> None:
        """Count a batch that is handed over."""
        with self._changed:
            self.read += 1

    def complete(self) -> None:
        """Count a batch that was committed, refused or discarded."""
        with self._changed:
            self.done += 1
            self._changed.notify_all()

    def notify(self) -> None:
        """Let waiting threads evaluate their condition again."""
        with self._changed:
            self._changed.notify_all()

    def wait_below(self, limit: int, timeout: float, *, or_when: Callable[[], bool] = lambda: False) -> bool:
        """Wait until fewer than `limit` batches are in flight, or another condition holds.

        Args:
            limit: Number of batches.
            timeout: Seconds to wait at most.
            or_when: The other condition; evaluated after each change and each `notify`.

        Returns:
            True if either condition holds, False on a timeout.
        """
        with self._changed:
            return self._changed.wait_for(lambda: len(self) < limit or or_when(), timeout)
