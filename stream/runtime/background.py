"""Work on a thread of its own, from `start` until `stop`."""

import threading
from abc import ABC, abstractmethod
from typing import Self


class Background(ABC):
    """A thread that works until it is stopped; as a context manager, until it is left.

    Args:
        name: Of the thread, for whoever looks at a process that hangs.
    """

    def __init__(self, name: str) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and return when the thread has ended; harmless before `start`."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _run(self) -> None:
        """Work until `_stopping` is set."""
