"""A background thread that runs from `start` to `stop`."""

import threading
from abc import ABC, abstractmethod
from typing import Self


class Background(ABC):
    """A background thread. As a context manager, it runs until the context is left.

    Args:
        name: Name of the thread, shown in stack dumps of a process that hangs.
    """

    def __init__(self, name: str) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait until it has ended. Do nothing before `start`."""
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
        """Do the thread's work until `_stopping` is set."""
