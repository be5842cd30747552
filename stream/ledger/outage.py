"""Whether the database answers: told once when it stops, and once when it is back."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from schemas.errors import LedgerAwayError

log = logging.getLogger(__name__)


class Outage:
    """Watches every question to the database. Callable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: float | None = None  # time.monotonic()

    @property
    def under_way(self) -> bool:
        """Whether the last question got no answer."""
        return self._since is not None

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Ask the database something inside.

        Raises:
            LedgerAwayError: As raised inside; the first of a row is logged, the others are the same news.
        """
        try:
            yield
        except LedgerAwayError as error:
            with self._lock:
                if self._since is None:
                    self._since = time.monotonic()
                    log.warning("%s; nothing is lost, reading waits until it answers", error)
            raise
        with self._lock:
            if self._since is not None:
                log.info("the ledger database answers again, after %.0f s", time.monotonic() - self._since)
                self._since = None
