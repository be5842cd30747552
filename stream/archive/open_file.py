"""A file that is being filled in memory: rows first, then row groups of compressed Parquet."""

import io
import time
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from stream.archive.columns import SCHEMA, filter_columns
from stream.archive.layout import ArchiveFile

#: Size of a row group, in bytes that its rows take as Python objects. A reader keeps one row group in memory at a time.
#: A group of this size, about five thousand ordinary transactions, compresses as well as a complete file.
GROUP_BYTES = 4 * 2**20
#: Bytes that a row takes as Python objects besides its key and value: objects, references and the two identifiers.
ROW_BYTES = 512
#: Columns with statistics, by which readers skip row groups; statistics of keys and values would only repeat the data.
_STATISTICS = ["partition", "offset", "timestamp_ms", "transaction_id", "card_id", "event_time_ms"]

Row = tuple[int, int, int, bytes | None, bytes | None, str | None, str | None, int | None]


class OpenFile:
    """The next file of one partition, while it is being filled. Not thread-safe.

    Args:
        kind: Kind of the file's messages, one of `stream.archive.layout.KINDS`.
        partition: Partition of the kind's topic.
        first: Offset of the file's first message.
        day: UTC date of the file's folder.

    Attributes:
        day: UTC date of the file's folder.
        end: Offset after the file's last message.
        rows: Number of messages so far.
        undecodable: Number of messages that could not be decoded.
        sent_ms: Kafka timestamp of the file's first message, UTC milliseconds.
        began: `time.monotonic()` seconds when the file was opened.
    """

    def __init__(self, kind: str, partition: int, first: int, day: date) -> None:
        self._kind = kind
        self._partition = partition
        self._first = first
        self.day = day
        self.end = first
        self.rows = 0
        self.undecodable = 0
        self.sent_ms = 0
        self.began = time.monotonic()
        self._pending: list[Row] = []
        self._pending_bytes = 0
        self._written = io.BytesIO()
        self._writer = pq.ParquetWriter(
            self._written,
            SCHEMA,
            compression="zstd",
            use_dictionary=["card_id"],  # card ids repeat; the values in other columns hardly ever do
            write_statistics=_STATISTICS,
            write_page_checksum=True,
        )

    @property
    def name(self) -> ArchiveFile:
        """The file's name if it were closed now."""
        return ArchiveFile.from_range(self._partition, self._first, self.end, self.day)

    @property
    def file_bytes(self) -> int:
        """Memory used so far by compressed row groups and by pending rows, which are uncompressed; in bytes."""
        return self._written.tell() + self._pending_bytes

    def add(self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None) -> None:
        """Add one message, whose offset must be higher than that of the message added before."""
        transaction_id, card_id, event_time_ms = filter_columns(self._kind, value)
        if transaction_id is None:
            self.undecodable += 1
        if not self.rows:
            self.sent_ms = timestamp_ms
        self._pending.append(
            (self._partition, offset, timestamp_ms, key, value, transaction_id, card_id, event_time_ms)
        )
        self._pending_bytes += len(key or b"") + len(value or b"") + ROW_BYTES
        self.end = offset + 1
        self.rows += 1
        if self._pending_bytes >= GROUP_BYTES:
            self._write_group()

    def close(self) -> memoryview:
        """Return the complete file; nothing can be added afterwards."""
        if self._pending:
            self._write_group()
        self._writer.close()
        return self._written.getbuffer()

    def _write_group(self) -> None:
        columns = [
            pa.array(column, field.type) for column, field in zip(zip(*self._pending, strict=True), SCHEMA, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=SCHEMA), row_group_size=len(self._pending))
        self._pending.clear()
        self._pending_bytes = 0


def preload_pyarrow() -> None:
    """Write and discard a file, so that pyarrow loads everything it needs.

    When pyarrow creates its first array, it imports pandas if pandas is installed. The import takes seconds on a busy
    machine, and a program that stops before its first file has only `stream.runtime.program.STOP_S` seconds for its
    whole shutdown.
    """
    file = OpenFile("labels", 0, 0, date.min)
    file.add(0, 0, None, None)
    file.close()
