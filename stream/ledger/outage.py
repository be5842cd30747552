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
        self._unanswered: set[str] = set()
        self._began = 0.0  # time.monotonic()

    @property
    def under_way(self) -> bool:
        """Whether somebody's last question got no answer."""
        return bool(self._unanswered)

    @contextlib.contextmanager
    def watched(self, who: str) -> Iterator[None]:
        """Ask the database something inside.

        Args:
            who: Asks. An outage lasts until everyone who met it was answered: the database may hold one up and not
                the others.

        Raises:
            LedgerAwayError: As raised inside; the first of an outage is logged, the others are the same news.
        """
        try:
            yield
        except LedgerAwayError as error:
            with self._lock:
                if not self._unanswered:
                    self._began = time.monotonic()
                    log.warning("%s; nothing is lost, reading waits until it answers", error)
                self._unanswered.add(who)
            raise
        with self._lock:
            if who in self._unanswered:
                self._unanswered.remove(who)
                if not self._unanswered:
                    log.info("the ledger database answers again, after %.0f s", time.monotonic() - self._began)
