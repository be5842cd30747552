"""Puts files and keeps at it while the file system is away; bounds what all open files take in memory."""

import logging
import threading
import time
from collections.abc import Callable

from schemas.errors import ArchiveAwayError, StaleOwnerError
from stream.archive.files import ArchiveFiles
from stream.archive.metrics import ArchiveMetrics
from stream.archive.open_file import OpenFile
from stream.runtime.outage import Outage

log = logging.getLogger(__name__)

#: Seconds to wait after the first put that failed; doubled by each further one, up to the second figure.
BACKOFF_S = (0.2, 5.0)
#: Seconds that putting one file may take before it counts as hanging: 64 MiB at 2 Mbit/s.
PUT_S = 300.0


class ArchiveWriter:
    """Puts files, one after the other, on one thread.

    Args:
        files: Where to.
        outage: Told whether the file system answers.
        metrics: Counts what was put.
    """

    def __init__(self, files: ArchiveFiles, outage: Outage, metrics: ArchiveMetrics) -> None:
        self._files = files
        self._outage = outage
        self._metrics = metrics
        self._stopping = threading.Event()
        self._began: float | None = None  # time.monotonic()

    @property
    def at_it(self) -> bool:
        """Whether a file is being put, and not for so long that it must be hanging. Callable from any thread."""
        began = self._began
        return began is not None and time.monotonic() - began < PUT_S

    def stop(self) -> None:
        """From now on try each file only once. Callable from any thread."""
        self._stopping.set()

    def put(self, kind: str, topic: str, file: OpenFile, ours: Callable[[], bool]) -> None:
        """Put a file, however often it takes.

        Args:
            kind: transactions, decisions or labels.
            topic: That it was read from.
            file: Closed by this.
            ours: Whether its partition is still ours; asked between two attempts.

        Raises:
            StaleOwnerError: If it is not: whoever has the partition now reads these messages again.
            ArchiveAwayError: If it could not be put and the program stops; they will be read again too.
        """
        content = file.close()
        failures = 0
        while True:
            if not ours():
                raise StaleOwnerError(f"{topic}/{file.name.partition} moved before its file was put")
            self._began = time.monotonic()
            try:
                with self._outage.watched(topic):
                    self._files.put(kind, file.name, content)
                break
            except ArchiveAwayError:
                self._metrics.failed()
                if self._stopping.is_set():
                    raise
            finally:
                began, self._began = self._began, None
            first, most = BACKOFF_S
            self._stopping.wait(min(first * 2**failures, most))
            failures += 1
        self._metrics.put(
            kind,
            rows=file.rows,
            undecodable=file.undecodable,
            size=len(content),
            put_s=time.monotonic() - began,
            delay_s=max(time.time() - file.sent_ms / 1000, 0.0),
        )
        log.debug("%s/%s: %d messages", kind, file.name.path, file.rows)
