"""A task that only the elected process performs, on its own thread."""

import logging
from abc import abstractmethod
from collections.abc import Callable

from schemas.errors import FraudError
from stream.control.election import ElectedReader
from stream.runtime.background import Background

log = logging.getLogger(__name__)

#: Seconds until a step that failed because of Kafka, a store or another writer is tried again.
RETRY_S = 1.0


class ElectedTask(Background):
    """Reads a topic and processes its messages while this process is elected.

    An unexpected error ends this thread, not the process: it is logged, and another process is elected.

    Args:
        name: Name of the task, for the log and the thread.
        enabled: Whether this process is a candidate.
        on_election: Called with True when this process is elected and with False when it no longer is, for metrics.
    """

    def __init__(self, name: str, *, enabled: bool, on_election: Callable[[bool], None]) -> None:
        super().__init__(name)
        self._name = name
        self._enabled = enabled
        self._on_election = on_election

    def start(self) -> None:
        """Join the election, unless the task is disabled."""
        if self._enabled:
            super().start()

    @abstractmethod
    def _join(self) -> ElectedReader:
        """Join the election, and return a reader that calls `_elect` when this process is elected or replaced."""

    @abstractmethod
    def _work(self, reader: ElectedReader) -> None:
        """Read once and process the messages. If the elected process changes during the read, `_reset` is called."""

    @abstractmethod
    def _reset(self) -> None:
        """Discard all state that was built from messages."""

    def _run(self) -> None:
        try:
            reader = self._join()
            try:
                while not self._stopping.is_set():
                    self._work(reader)
            finally:
                reader.close()
        except Exception:
            log.critical("%s: stopped in this worker; another worker takes over", self._name, exc_info=True)
        finally:
            self._elect(False)  # noqa: FBT003 - a callback's one argument

    def _elect(self, elected: bool) -> None:
        self._on_election(elected)
        if elected:
            log.info("%s: this worker is elected", self._name)
        self._reset()

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except FraudError as error:
            log.warning("%s: %s; trying again", self._name, error)
            self._stopping.wait(RETRY_S)
