"""One kind of message from batches to files. Only what stands in a file counts as read.

A batch is settled once its messages are in open files, in memory. Whatever happens to those, a crash or partitions that
move, they are dropped and read again from where the files end.
"""

import logging
import time
from collections.abc import Callable
from datetime import date

from schemas.errors import ArchiveAwayError, BatchRefusedError, StaleOwnerError
from stream.archive.layout import utc_day
from stream.archive.metrics import ArchiveMetrics
from stream.archive.open_file import OpenFile
from stream.archive.store import ArchiveStore
from stream.archive.writer import ArchiveWriter
from stream.clock import Clock
from stream.kafka.batch import Batch
from stream.kafka.stored_source import StoredSource
from stream.settings import Settings

log = logging.getLogger(__name__)

MIB = 2**20
#: Milliseconds by which Kafka's timestamps may be ahead of our clock and still be filed under their own date; as
#: Kafka's own log.message.timestamp.after.max.ms. One dated 2099 must not take the whole partition there.
AHEAD_MS = 3_600_000


class ArchivePipeline:
    """Archives messages of one kind. All its methods but the constructor run on the writing thread.

    Args:
        settings: When files are closed.
        kind: transactions, decisions or labels.
        topic: Theirs.
        source: Where batches come from.
        store: Knows what was archived before.
        writer: Puts files.
        metrics: Counts what is dropped.
        clock: Bounds the dates of files.
        stop: Ends the archive with an error; called from any thread.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        kind: str,
        topic: str,
        source: StoredSource,
        store: ArchiveStore,
        writer: ArchiveWriter,
        metrics: ArchiveMetrics,
        clock: Clock,
        stop: Callable[[BaseException], None],
    ) -> None:
        self.kind = kind
        self.source = source
        self._topic = topic
        self._file_bytes = settings.archive.file_mib * MIB
        self._file_s = settings.archive.file_s
        self._store = store
        self._writer = writer
        self._metrics = metrics
        self._clock = clock
        self._stop = stop
        self._epoch = -1
        self._open: dict[int, OpenFile] = {}
        # By partition: the date of its last file, and the offset after it.
        self._days: dict[int, date] = {}
        self._ends: dict[int, int] = {}

    @property
    def sizes(self) -> dict[int, int]:
        """By partition, the bytes its open file takes."""
        return {partition: file.file_bytes for partition, file in self._open.items()}

    @property
    def messages(self) -> int:
        """How many are in open files."""
        return sum(file.rows for file in self._open.values())

    def settle(self, batch: Batch) -> None:
        """Take a batch up, or make it be read again. Never raises: Faust would go on with the next batch."""
        try:
            if batch.epoch == self.source.epoch:
                self._take(batch)
            else:
                self._metrics.dropped("stale")
        except BaseException as error:  # noqa: BLE001 - whatever it is, going on could skip messages
            self._give_up(error)
        finally:
            self.source.done()

    def close_due(self) -> None:
        """Close the files whose time has come. Never raises, as `settle`."""
        now = time.monotonic()
        self._close([partition for partition, file in self._open.items() if now - file.began >= self._file_s])

    def close_all(self) -> None:
        """Close every file, for the archive stops."""
        self._close(list(self._open))

    def close(self, partition: int) -> None:
        """Close one file, to make room."""
        self._close([partition])

    def _close(self, partitions: list[int]) -> None:
        try:
            if not self._ours():
                self._drop("moved")
                return
            for partition in partitions:
                self._put(partition)
        except BaseException as error:  # noqa: BLE001 - as above
            self._give_up(error)

    def _take(self, batch: Batch) -> None:
        if batch.epoch != self._epoch:
            self._drop("moved")
            self._epoch = batch.epoch
            self._ends.clear()
            self._days.clear()
        incoming = batch.incoming
        self._require_unbroken(batch)
        latest = utc_day(self._clock.now_ms() + AHEAD_MS)
        rows = zip(batch.messages, incoming.values, incoming.partitions, incoming.offsets, strict=True)
        for message, value, partition, offset in rows:
            timestamp_ms = message.timestamp()[1]
            day = min(utc_day(timestamp_ms), latest)
            file = self._open.get(partition)
            if file is not None and (day > file.day or file.file_bytes >= self._file_bytes):
                self._put(partition)
                file = None
            if file is None:
                file = self._begin(partition, offset, day)
            file.add(offset, timestamp_ms, message.key(), value)
        self._ends.update(batch.end)

    def _begin(self, partition: int, offset: int, day: date) -> OpenFile:
        if partition not in self._days:
            self._days[partition] = self._store.newest_day(self._topic, partition)
        # Dates never go back within a partition: whoever claims it finds the last file in the newest folder.
        self._days[partition] = max(day, self._days[partition])
        self._open[partition] = made = OpenFile(self.kind, partition, offset, self._days[partition])
        return made

    def _put(self, partition: int) -> None:
        self._writer.put(self.kind, self._topic, self._open[partition], self._ours)
        del self._open[partition]

    def _ours(self) -> bool:
        return self._epoch == self.source.epoch

    def _require_unbroken(self, batch: Batch) -> None:
        for partition, start in batch.start.items():
            if start != self._ends.get(partition, start):
                raise BatchRefusedError(f"{self._topic}/{partition} goes on at {start}, not at {self._ends[partition]}")

    def _drop(self, cause: str) -> None:
        if self._open:
            self._metrics.dropped(cause, len(self._open))
            self._open.clear()

    def _give_up(self, error: BaseException) -> None:
        """Read again from where the files end; end the archive unless that will mend it."""
        moved = isinstance(error, StaleOwnerError)
        self._drop("moved" if moved else "failed")
        if not moved:  # else the source has begun anew already
            self.source.fail()
        if moved or isinstance(error, ArchiveAwayError | BatchRefusedError):
            log.warning("%s; its messages will be read again", error)
        else:
            self._stop(error)
