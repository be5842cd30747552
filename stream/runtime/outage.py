"""Whether the store behind a program answers: told once when it stops, and once when it is back."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from schemas.errors import StoreAwayError

log = logging.getLogger(__name__)


class Outage:
    """Watches every question to a store. Callable from any thread.

    Args:
        store: What it is, as in "the ledger database".
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._unanswered: set[str] = set()
        self._began = 0.0  # time.monotonic()

    @property
    def under_way(self) -> bool:
        """Whether somebody's last question got no answer."""
        return bool(self._unanswered)

    @contextlib.contextmanager
    def watched(self, who: str) -> Iterator[None]:
        """Ask the store something inside.

        Args:
            who: Asks. An outage lasts until everyone who met it was answered: the store may hold one up and not
                the others.

        Raises:
            StoreAwayError: As raised inside; the first of an outage is logged, the others are the same news.
        """
        try:
            yield
        except StoreAwayError as error:
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
                    log.info("%s answers again, after %.0f s", self._store, time.monotonic() - self._began)
