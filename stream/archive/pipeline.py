"""Turns batches of one kind of message into files. Only messages in a written file count as read.

A batch is complete once its messages are in open files, which are in memory. If open files are lost, in a crash or
because partitions move, their messages are read again from the end of the written files.
"""

import logging
import time
from collections.abc import Callable
from datetime import date

from schemas.errors import ArchiveUnavailableError, BatchRefusedError, StaleOwnerError
from stream.archive.layout import utc_day
from stream.archive.metrics import ArchiveMetrics
from stream.archive.open_file import OpenFile
from stream.archive.store import ArchiveStore
from stream.archive.writer import ArchiveWriter
from stream.clock import Clock
from stream.kafka.batch import Batch
from stream.kafka.stored_source import StoredSource
from stream.settings import ArchiveSettings

log = logging.getLogger(__name__)

MIB = 2**20
#: Milliseconds by which a Kafka timestamp may be ahead of our clock and still be filed under its own date; equal to
#: Kafka's default for log.message.timestamp.after.max.ms. Otherwise, one message dated 2099 would file all later
#: messages of its partition under 2099.
MAX_CLOCK_SKEW_MS = 3_600_000


class ArchivePipeline:
    """Archives messages of one kind. All methods except the constructor run on the writing thread.

    Args:
        archive: Size and age at which files are closed.
        kind: Kind of message, one of `stream.archive.layout.KINDS`.
        topic: Topic of this kind of message.
        source: Source of the batches.
        store: Store that knows the date of each partition's last file.
        writer: Writer of finished files.
        metrics: Metrics of dropped batches and files.
        clock: Clock that limits how far in the future the date of a file may be.
        stop: Callback that ends the archive with an error; called from any thread.
    """

    def __init__(
        self,
        archive: ArchiveSettings,
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
        self._file_bytes = archive.file_mib * MIB
        self._file_s = archive.file_s
        self._store = store
        self._writer = writer
        self._metrics = metrics
        self._clock = clock
        self._stop = stop
        self._epoch = -1
        self._open: dict[int, OpenFile] = {}
        # For each partition, the date of its last file and the offset after its last message.
        self._days: dict[int, date] = {}
        self._ends: dict[int, int] = {}

    @property
    def open_bytes(self) -> dict[int, int]:
        """Memory used by the open file of each partition, in bytes."""
        return {partition: file.file_bytes for partition, file in self._open.items()}

    @property
    def open_messages(self) -> int:
        """Number of messages in open files."""
        return sum(file.rows for file in self._open.values())

    def process(self, batch: Batch) -> None:
        """Add a batch to open files, or have it read again.

        Never raises an exception, because Faust would then continue with the next batch.
        """
        try:
            if batch.epoch == self.source.epoch:
                self._add(batch)
            else:
                self._metrics.count_dropped("stale")
        except BaseException as error:  # noqa: BLE001 - continuing after an unexpected error could skip messages
            self._handle_failure(error)
        finally:
            self.source.done()

    def close_due(self) -> None:
        """Close the files that have reached the maximum age. Never raises, like `process`."""
        now = time.monotonic()
        self._close([partition for partition, file in self._open.items() if now - file.began >= self._file_s])

    def close_all(self) -> None:
        """Close every file because the archive is stopping. Never raises, like `process`."""
        self._close(list(self._open))

    def close(self, partition: int) -> None:
        """Close one file early to free its memory. Never raises, like `process`."""
        self._close([partition])

    def _close(self, partitions: list[int]) -> None:
        try:
            if not self._is_owned():
                self._drop("moved")
                return
            for partition in partitions:
                self._put(partition)
        except BaseException as error:  # noqa: BLE001 - as above
            self._handle_failure(error)

    def _add(self, batch: Batch) -> None:
        if batch.epoch != self._epoch:
            self._drop("moved")
            self._epoch = batch.epoch
            self._ends.clear()
            self._days.clear()
        raw = batch.raw
        self._require_contiguous(batch)
        latest = utc_day(self._clock.now_ms() + MAX_CLOCK_SKEW_MS)
        rows = zip(batch.messages, raw.values, raw.partitions, raw.offsets, strict=True)
        for message, value, partition, offset in rows:
            timestamp_ms = message.timestamp()[1]
            day = min(utc_day(timestamp_ms), latest)
            file = self._open.get(partition)
            if file is not None and (day > file.day or file.file_bytes >= self._file_bytes):
                self._put(partition)
                file = None
            if file is None:
                file = self._open_file(partition, offset, day)
            file.add(offset, timestamp_ms, message.key(), value)
        self._ends.update(batch.end)

    def _open_file(self, partition: int, offset: int, day: date) -> OpenFile:
        if partition not in self._days:
            self._days[partition] = self._store.newest_day(self._topic, partition)
        # Dates never go back within a partition, so that the next owner finds the last file in the newest folder.
        self._days[partition] = max(day, self._days[partition])
        self._open[partition] = file = OpenFile(self.kind, partition, offset, self._days[partition])
        return file

    def _put(self, partition: int) -> None:
        self._writer.put(self.kind, self._topic, self._open[partition], self._is_owned)
        del self._open[partition]

    def _is_owned(self) -> bool:
        return self._epoch == self.source.epoch

    def _require_contiguous(self, batch: Batch) -> None:
        for partition, start in batch.start.items():
            if start != self._ends.get(partition, start):
                raise BatchRefusedError(
                    f"{self._topic}/{partition} continues at offset {start} instead of {self._ends[partition]}"
                )

    def _drop(self, cause: str) -> None:
        if self._open:
            self._metrics.count_dropped(cause, len(self._open))
            self._open.clear()

    def _handle_failure(self, error: BaseException) -> None:
        """Drop open files and resume reading where the written files end; stop the archive if this cannot help."""
        moved = isinstance(error, StaleOwnerError)
        self._drop("moved" if moved else "failed")
        if not moved:  # after a move, the source has already rewound
            self.source.fail()
        if moved or isinstance(error, ArchiveUnavailableError | BatchRefusedError):
            log.warning("%s; the messages will be read again", error)
        else:
            self._stop(error)
