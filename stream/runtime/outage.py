"""Outages of a program's store: logged once when one begins and once when it ends."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from schemas.errors import StoreUnavailableError

log = logging.getLogger(__name__)


class Outage:
    """Tracks whether a store answers. Callable from any thread.

    Args:
        store: Name of the store in log lines, such as "the ledger database".
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._unanswered: set[str] = set()
        self._began = 0.0  # time.monotonic()

    @property
    def active(self) -> bool:
        """Whether the latest call of at least one caller failed."""
        return bool(self._unanswered)

    @contextlib.contextmanager
    def track(self, caller: str) -> Iterator[None]:
        """Track one call to the store, made inside the context.

        Args:
            caller: Name of the caller. An outage lasts until a call of every affected caller has succeeded: the store
                may block one and not the others.

        Raises:
            StoreUnavailableError: The error raised inside the context. Only the first one of an outage is logged.
        """
        try:
            yield
        except StoreUnavailableError as error:
            with self._lock:
                if not self._unanswered:
                    self._began = time.monotonic()
                    log.warning("%s; nothing is lost, reading waits until it answers", error)
                self._unanswered.add(caller)
            raise
        with self._lock:
            if caller in self._unanswered:
                self._unanswered.remove(caller)
                if not self._unanswered:
                    log.info("%s answers again, after %.0f s", self._store, time.monotonic() - self._began)
