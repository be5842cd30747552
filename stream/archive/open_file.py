"""A file that is being filled: rows in memory, then row groups of compressed Parquet, in memory too until it is put."""

import io
import time
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from stream.archive.columns import SCHEMA, named
from stream.archive.layout import ArchiveFile

#: Bytes of rows, with what Python takes to hold them, that become one row group: what a reader has in memory at once.
#: Large enough that a group of ordinary transactions, some five thousand, compresses as well as a whole file.
GROUP_BYTES = 4 * 2**20
#: Bytes that one row takes in Python besides its key and value: objects, references, the two identifiers.
ROW_BYTES = 512
#: Readers skip row groups by these; statistics of keys and values would only repeat them.
_STATISTICS = ["partition", "offset", "timestamp_ms", "transaction_id", "card_id", "event_time_ms"]

Row = tuple[int, int, int, bytes | None, bytes | None, str | None, str | None, int | None]


class OpenFile:
    """The next file of one partition. Not thread-safe.

    Args:
        kind: transactions, decisions or labels.
        partition: Of the kind's topic.
        first: Offset of its first message.
        day: UTC date it is filed under.

    Attributes:
        day: As given.
        following: Offset after its last message.
        rows: Messages so far.
        undecodable: Of those, the ones that could not be decoded.
        sent_ms: Kafka timestamp of its first message.
        began: `time.monotonic()` seconds at its first message.
    """

    def __init__(self, kind: str, partition: int, first: int, day: date) -> None:
        self._kind = kind
        self._partition = partition
        self._first = first
        self.day = day
        self.following = first
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
            use_dictionary=["card_id"],  # cards come again and again, the rest hardly ever
            write_statistics=_STATISTICS,
            write_page_checksum=True,
        )

    @property
    def name(self) -> ArchiveFile:
        """Return what it will be called."""
        return ArchiveFile.of(self._partition, self._first, self.following, self.day)

    @property
    def file_bytes(self) -> int:
        """Bytes it has as a file so far; rows that are no row group yet count as they are, uncompressed."""
        return self._written.tell() + self._pending_bytes

    def add(self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None) -> None:
        """Take one message up; offsets rise."""
        transaction_id, card_id, event_time_ms = named(self._kind, value)
        if transaction_id is None:
            self.undecodable += 1
        if not self.rows:
            self.sent_ms = timestamp_ms
        self._pending.append(
            (self._partition, offset, timestamp_ms, key, value, transaction_id, card_id, event_time_ms)
        )
        self._pending_bytes += len(key or b"") + len(value or b"") + ROW_BYTES
        self.following = offset + 1
        self.rows += 1
        if self._pending_bytes >= GROUP_BYTES:
            self._write_group()

    def close(self) -> memoryview:
        """Return the whole file; nothing can be added any more."""
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


def load_what_writing_needs() -> None:
    """Write a file into the void.

    With its first array pyarrow loads pandas, where that is installed: seconds on a busy machine, and a program that
    stops before its first file has `stream.runtime.program.STOP_S` for everything.
    """
    file = OpenFile("labels", 0, 0, date.min)
    file.add(0, 0, None, None)
    file.close()
