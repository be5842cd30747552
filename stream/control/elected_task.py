"""What one process of many does, on a thread of its own, while it is the elected one."""

import logging
from abc import abstractmethod
from collections.abc import Callable

from schemas.errors import FraudError
from stream.control.election import ElectedReader
from stream.runtime.background import Background

log = logging.getLogger(__name__)

#: Seconds after which what Kafka or a store did not do, or another was quicker with, is tried again.
RETRY_S = 1.0


class ElectedTask(Background):
    """Reads a topic and works on it, while elected.

    Whatever ends its thread ends this work and not the process: it is said on the log, and another is elected.

    Args:
        name: Of the work, for the log and the thread.
        on: Whether this process stands for election.
        show: Shows whether this process is the elected one.
    """

    def __init__(self, name: str, *, on: bool, show: Callable[[bool], None]) -> None:
        super().__init__(name)
        self._name = name
        self._on = on
        self._show_elected = show

    def start(self) -> None:
        """Stand for election, unless the settings say no."""
        if self._on:
            super().start()

    @abstractmethod
    def _stand(self) -> ElectedReader:
        """Join those who stand for election; `_elect` hears of it."""

    @abstractmethod
    def _work(self, reader: ElectedReader) -> None:
        """Read once, and work on it once; an election in the midst of reading calls `_forget`."""

    @abstractmethod
    def _forget(self) -> None:
        """Forget everything that was read."""

    def _run(self) -> None:
        try:
            reader = self._stand()
            try:
                while not self._stopping.is_set():
                    self._work(reader)
            finally:
                reader.close()
        except Exception:
            log.critical("%s: ended here; it is left to another worker", self._name, exc_info=True)
        finally:
            self._elect(False)  # noqa: FBT003 - a callback's one argument

    def _elect(self, elected: bool) -> None:
        self._show_elected(elected)
        if elected:
            log.info("%s: elected", self._name)
        self._forget()

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except FraudError as error:
            log.warning("%s: %s; trying again", self._name, error)
            self._stopping.wait(RETRY_S)
