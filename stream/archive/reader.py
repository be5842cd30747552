"""Reads an archive back: each message once, in order, in bounded memory."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import ArchiveError
from stream.archive.files import ArchiveFiles
from stream.archive.layout import KINDS, ArchiveFile, each_once

#: Rows of one table at most.
BATCH_ROWS = 8192
_EVENT_TIME = "event_time_ms"


def read_archive(
    url: str, kind: str, *, since_ms: int | None = None, until_ms: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield an archive's messages, each once, ordered by partition and within a partition by offset.

    It reads what was there when it began; files that come later, also such that hold the same again, change nothing.
    One row group is in memory at a time.

    Args:
        url: As in FRAUD_ARCHIVE_URL.
        kind: transactions, transactions-http (asked about, not sent to us), decisions or labels.
        since_ms: Event time, UTC milliseconds; earlier messages are left out.
        until_ms: Likewise; messages at it or later are left out. With either bound, messages that cannot be decoded
            are left out too, for they have no event time.

    Yields:
        Batches of 1 to `BATCH_ROWS` rows with the columns of `stream.archive.columns.SCHEMA`; `value` holds the
        original bytes.

    Raises:
        ArchiveError: If there is no archive at the URL, no such kind, or a file that is not the archive's.
        ArchiveAwayError: If its file system does not answer.
    """
    if kind not in KINDS:
        raise ArchiveError(f"{kind!r} is not archived; name one of {', '.join(KINDS)}")
    files = ArchiveFiles(url)
    files.require()
    listed = [file for day in files.days(kind) for file in files.in_day(kind, day)[0]]
    for file, offset in each_once(listed):
        for batch in _rows(files, kind, file, since_ms, until_ms):
            kept = batch.filter(_wanted(batch, offset, since_ms, until_ms))
            if kept.num_rows:
                yield kept


def _rows(
    files: ArchiveFiles, kind: str, file: ArchiveFile, since_ms: int | None, until_ms: int | None
) -> Iterator[pa.RecordBatch]:
    try:
        with files.open(kind, file) as opened:
            parquet = pq.ParquetFile(opened)
            wanted = [n for n in range(parquet.num_row_groups) if _may_hold(parquet, n, since_ms, until_ms)]
            for number in wanted:
                yield from parquet.iter_batches(BATCH_ROWS, row_groups=[number])
    except ArchiveError:
        raise
    except Exception as error:  # every file system raises its own errors
        text = " ".join(str(error).split())
        raise ArchiveError(f"{files.url}/{kind}/{file.path} cannot be read ({text}); put it back or away") from error


def _may_hold(parquet: pq.ParquetFile, number: int, since_ms: int | None, until_ms: int | None) -> bool:
    """Whether a row group's statistics leave room for an event time within the bounds."""
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


def _wanted(batch: pa.RecordBatch, offset: int, since_ms: int | None, until_ms: int | None) -> pa.Array:
    """Return which rows are at or above an offset and within the bounds; null counts as no."""
    wanted = pc.greater_equal(batch["offset"], offset)
    if since_ms is not None:
        wanted = pc.and_(wanted, pc.greater_equal(batch[_EVENT_TIME], since_ms))
    if until_ms is not None:
        wanted = pc.and_(wanted, pc.less(batch[_EVENT_TIME], until_ms))
    return wanted
