"""The batches between reading and commit: how many there are, and when the next may be read."""

import threading
from collections.abc import Callable


class InHand:
    """Counts batches from the moment they are handed over until they are committed, refused or discarded.

    Attributes:
        read: Batches handed over so far.
        done: Of those, settled so far.
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

    def settle(self) -> None:
        """Count a batch that was committed, refused or discarded."""
        with self._changed:
            self.done += 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Let whoever waits look again whether to go on."""
        with self._changed:
            self._changed.notify_all()

    def wait_below(self, most: int, timeout: float, *, or_when: Callable[[], bool] = lambda: False) -> bool:
        """Wait until fewer than `most` are in hand, or something else holds.

        Returns:
            Whether either did within `timeout` seconds.
        """
        with self._changed:
            return self._changed.wait_for(lambda: len(self) < most or or_when(), timeout)
