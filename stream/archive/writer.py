"""Writes files to the archive, retrying while the file system is unavailable."""

import logging
import threading
import time
from collections.abc import Callable

from schemas.errors import ArchiveUnavailableError, StaleOwnerError
from stream.archive.files import ArchiveFiles
from stream.archive.metrics import ArchiveMetrics
from stream.archive.open_file import OpenFile
from stream.runtime.outage import Outage

log = logging.getLogger(__name__)

#: Seconds to wait after the first failed write (doubled after each further failure), and the longest wait.
BACKOFF_S = (0.2, 5.0)
#: Seconds that writing one file may take before the write counts as hung: 64 MiB at 2 Mbit/s.
PUT_S = 300.0


class ArchiveWriter:
    """Writes files one after the other, on one thread.

    Args:
        files: The archive's files.
        outage: Tracker of whether the file system is responding.
        metrics: Metrics of written files and failures.
    """

    def __init__(self, files: ArchiveFiles, outage: Outage, metrics: ArchiveMetrics) -> None:
        self._files = files
        self._outage = outage
        self._metrics = metrics
        self._stopping = threading.Event()
        self._began: float | None = None  # time.monotonic()

    @property
    def is_writing(self) -> bool:
        """Whether a file is being written, for less than `PUT_S` seconds so far. Callable from any thread."""
        began = self._began
        return began is not None and time.monotonic() - began < PUT_S

    def stop(self) -> None:
        """Try to write each file only once from now on. Callable from any thread."""
        self._stopping.set()

    def put(self, kind: str, topic: str, file: OpenFile, is_owned: Callable[[], bool]) -> None:
        """Close a file and write it to the archive; retry until the write succeeds.

        Args:
            kind: Kind of the file's messages.
            topic: Topic of the file's messages.
            file: File to close and write.
            is_owned: Function that returns whether this archive still owns the file's partition; called before each
                attempt.

        Raises:
            StaleOwnerError: If the partition has moved; its new owner reads these messages again.
            ArchiveUnavailableError: If the file could not be written before the program stopped; its messages are read
                again.
        """
        content = file.close()
        failures = 0
        while True:
            if not is_owned():
                raise StaleOwnerError(
                    f"{topic}/{file.name.partition} was reassigned to another archive before its file was written"
                )
            self._began = time.monotonic()
            try:
                with self._outage.track(topic):
                    self._files.put(kind, file.name, content)
                break
            except ArchiveUnavailableError:
                self._metrics.count_failure()
                if self._stopping.is_set():
                    raise
            finally:
                began, self._began = self._began, None
            first, longest = BACKOFF_S
            self._stopping.wait(min(first * 2**failures, longest))
            failures += 1
        self._metrics.count_file(
            kind,
            rows=file.rows,
            undecodable=file.undecodable,
            size=len(content),
            put_s=time.monotonic() - began,
            delay_s=max(time.time() - file.sent_ms / 1000, 0.0),
        )
        log.debug("wrote %s/%s: %d messages", kind, file.name.path, file.rows)
