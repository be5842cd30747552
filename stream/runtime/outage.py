"""Log each outage of a program's store once when the outage begins and once when it ends."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from schemas.errors import StoreUnavailableError

log = logging.getLogger(__name__)


class Outage:
    """Tracks whether a store is responding. Callable from any thread.

    Args:
        store: Name of the store for log lines, such as "the ledger database".
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._unanswered: set[str] = set()
        self._began = 0.0  # time.monotonic()

    @property
    def active(self) -> bool:
        """Whether the latest call by at least one caller failed."""
        return bool(self._unanswered)

    @contextlib.contextmanager
    def track(self, caller: str) -> Iterator[None]:
        """Track one call to the store, made inside the context.

        Args:
            caller: Name of the caller. An outage lasts until a call by every affected caller has succeeded: the store
                may block one caller and not the others.

        Raises:
            StoreUnavailableError: If the call raised it. Only the first error of an outage is logged.
        """
        try:
            yield
        except StoreUnavailableError as error:
            with self._lock:
                if not self._unanswered:
                    self._began = time.monotonic()
                    log.warning("%s; nothing is lost, reading pauses until it responds", error)
                self._unanswered.add(caller)
            raise
        with self._lock:
            if caller in self._unanswered:
                self._unanswered.remove(caller)
                if not self._unanswered:
                    log.info("%s is responding again, after %.0f s", self._store, time.monotonic() - self._began)
