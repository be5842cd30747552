"""Count the batches between reading and commit, to decide when the next batch may be read."""

import threading
from collections.abc import Callable


class InFlight:
    """Counts batches from the moment they are handed over until they are committed, rejected or discarded.

    Its length is the number of batches in flight.

    Attributes:
        read: Number of batches handed over so far.
        done: Number of batches that were committed, rejected or discarded so far.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.read = 0
        self.done = 0

    def __len__(self) -> int:
        return self.read - self.done

    def add(self) -> None:
        """Count a batch as handed over."""
        with self._changed:
            self.read += 1

    def complete(self) -> None:
        """Count a batch as committed, rejected or discarded."""
        with self._changed:
            self.done += 1
            self._changed.notify_all()

    def notify(self) -> None:
        """Wake up waiting threads, so that they evaluate their conditions again."""
        with self._changed:
            self._changed.notify_all()

    def wait_below(self, limit: int, timeout: float, *, or_when: Callable[[], bool] = lambda: False) -> bool:
        """Wait until fewer than `limit` batches are in flight, or another condition holds.

        Args:
            limit: Number of batches in flight at which to wait.
            timeout: Maximum number of seconds to wait.
            or_when: Function that returns whether the other condition holds. Evaluated after each change and each
                `notify`.

        Returns:
            True if either condition holds, False on a timeout.
        """
        with self._changed:
            return self._changed.wait_for(lambda: len(self) < limit or or_when(), timeout)
