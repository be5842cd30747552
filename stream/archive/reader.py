"""Reads an archive: each message once, in order, in bounded memory."""

from collections.abc import Iterator
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import ArchiveError
from stream.archive.files import ArchiveFiles
from stream.archive.layout import KINDS, ArchiveFile, plan_reads

#: Maximum number of rows in a record batch.
BATCH_ROWS = 8192
_EVENT_TIME = "event_time_ms"


def read_archive(
    url: str, kind: str, *, since_ms: int | None = None, until_ms: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield each message in an archive once, ordered by partition and then by offset.

    Files are listed once, at the beginning, so files written later (even with the same messages) do not affect the
    result. Only one row group is in memory at a time.

    Args:
        url: URL of the archive, as in FRAUD_ARCHIVE_URL.
        kind: transactions, transactions-http (decided over HTTP), decisions or labels.
        since_ms: Event time in UTC milliseconds; earlier messages are left out. None for no bound.
        until_ms: Event time in UTC milliseconds; messages at or after this time are left out. None for no bound. With
            either bound, messages that cannot be decoded are left out too, because they have no event time.

    Yields:
        Batches of 1 to `BATCH_ROWS` rows with the columns of `stream.archive.columns.SCHEMA`; `value` contains the
        original bytes.

    Raises:
        ArchiveError: If the kind is unknown, or a file cannot be read.
        ArchiveUnavailableError: If there is no archive at the URL, or its file system is not responding.
    """
    files = _open(url, kind)
    for file, offset in _plan(files, kind):
        for batch in _read_file(files, kind, file, since_ms, until_ms):
            kept = batch.filter(_selection(batch, offset, since_ms, until_ms))
            if kept.num_rows:
                yield kept


def read_newest(url: str, kind: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield at least the newest `rows` messages of each partition, or all if it has fewer, each once, in no order.

    Newest means the highest offsets, because files are named by offsets; a late message counts as new.

    Args:
        url: URL of the archive, as in FRAUD_ARCHIVE_URL.
        kind: transactions, transactions-http (decided over HTTP), decisions or labels.
        rows: Number of messages per partition.

    Raises:
        ArchiveError: If the kind is unknown, or a file cannot be read.
        ArchiveUnavailableError: If there is no archive at the URL, or its file system is not responding.
    """
    files = _open(url, kind)
    for _, planned in groupby(_plan(files, kind), key=lambda each: each[0].partition):
        count = 0
        for file, offset in reversed(list(planned)):
            if count >= rows:
                break
            for batch in _read_file(files, kind, file, None, None):
                kept = batch.filter(_selection(batch, offset, None, None))
                count += kept.num_rows
                if kept.num_rows:
                    yield kept


def _open(url: str, kind: str) -> ArchiveFiles:
    if kind not in KINDS:
        raise ArchiveError(f"{kind!r} is not archived; choose one of {', '.join(KINDS)}")
    files = ArchiveFiles(url)
    files.require()
    return files


def _plan(files: ArchiveFiles, kind: str) -> Iterator[tuple[ArchiveFile, int]]:
    return plan_reads(file for day in files.list_days(kind) for file in files.list_day(kind, day)[0])


def _read_file(
    files: ArchiveFiles, kind: str, file: ArchiveFile, since_ms: int | None, until_ms: int | None
) -> Iterator[pa.RecordBatch]:
    try:
        with files.open(kind, file) as opened:
            parquet = pq.ParquetFile(opened)
            groups = [n for n in range(parquet.num_row_groups) if _may_match(parquet, n, since_ms, until_ms)]
            for group in groups:
                yield from parquet.iter_batches(BATCH_ROWS, row_groups=[group])
    except ArchiveError:
        raise
    except Exception as error:  # every file system raises its own errors
        text = " ".join(str(error).split())
        raise ArchiveError(
            f"cannot read {files.url}/{kind}/{file.path} ({text}); restore the file or move it away"
        ) from error


def _may_match(parquet: pq.ParquetFile, number: int, since_ms: int | None, until_ms: int | None) -> bool:
    """Return whether, according to its statistics, a row group may contain an event time within the bounds."""
    group = parquet.metadata.row_group(number)
    column = group.column(parquet.schema_arrow.get_field_index(_EVENT_TIME))
    if (since_ms is None and until_ms is None) or not column.is_stats_set:
        return True
    statistics = column.statistics
    if not statistics.has_min_max:
        return bool(statistics.null_count < group.num_rows)
    late_enough = since_ms is None or statistics.max >= since_ms
    early_enough = until_ms is None or statistics.min < until_ms
    return bool(late_enough and early_enough)


def _selection(batch: pa.RecordBatch, offset: int, since_ms: int | None, until_ms: int | None) -> pa.Array:
    """Return a mask of the rows at or above an offset and within the bounds; null counts as false."""
    selection = pc.greater_equal(batch["offset"], offset)
    if since_ms is not None:
        selection = pc.and_(selection, pc.greater_equal(batch[_EVENT_TIME], since_ms))
    if until_ms is not None:
        selection = pc.and_(selection, pc.less(batch[_EVENT_TIME], until_ms))
    return selection
