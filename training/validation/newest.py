"""The newest transactions in the archive, as rows for a model."""

import heapq
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from schemas.errors import DataError
from schemas.manifest import Manifest
from stream.archive.reader import read_newest
from stream.scoring.features import FeaturePlan
from training.data.dataset import Dataset, load
from training.data.transaction_file import (
    accepted_transactions,
    decode_or_none,
    describe,
    file_batch,
    file_schema,
    make_codec,
)

#: Kinds of archived messages: transactions from the topic, and those of HTTP requests.
_KINDS = ("transactions", "transactions-http")


class NewestTransactions:
    """The newest transactions in an archive by event time, as they were sent.

    Args:
        url: URL of the archive.
        rows: Number of transactions.
        max_bytes: Largest transaction in bytes that workers accept.

    Raises:
        ArchiveError: If a file cannot be read.
        ArchiveUnavailableError: If there is no archive at the URL, or its file system is not responding.
    """

    def __init__(self, url: str, rows: int, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        messages = (message for kind in _KINDS for message in _messages(url, kind, rows))
        # Only `rows` messages are in memory at a time, however many partitions there are.
        self._values = [value for *_, value in sorted(heapq.nlargest(rows, messages))]

    def __len__(self) -> int:
        return len(self._values)

    def rows_for(self, manifest: Manifest) -> tuple[Dataset, float]:
        """Return the transactions that workers accept if a model with this manifest is champion.

        Returns:
            The transactions, a repeated one once, in order of event time; and the share of messages that are rejected.

        Raises:
            DataError: If they accept none.
        """
        codec = make_codec(manifest, self._max_bytes)
        plan = FeaturePlan(manifest.features, manifest.missing)
        accepted = accepted_transactions([decode_or_none(codec, value) for value in self._values], plan)
        if not accepted:
            raise DataError(f"model {manifest.version} rejects all {len(self):,} newest transactions of the archive")
        schema = file_schema(manifest)
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "newest.parquet"
            with pq.ParquetWriter(file, schema) as writer:
                # A repeated message has the id of an earlier one, but a file has each id once.
                unique = {transaction.transaction_id: transaction for _, transaction in accepted}
                writer.write_batch(file_batch([(transaction, None) for transaction in unique.values()], schema))
            return load(file, describe(manifest), labelled=False), 1 - len(accepted) / len(self)


def _messages(url: str, kind: str, rows: int) -> Iterator[tuple[int, str, int, int, bytes]]:
    """Yield event time, kind, partition, offset and value of messages with an event time."""
    for batch in read_newest(url, kind, rows):
        columns = [batch[name].to_pylist() for name in ("event_time_ms", "partition", "offset", "value")]
        for time, partition, offset, value in zip(*columns, strict=True):
            if time is not None and value is not None:
                yield time, kind, partition, offset, value
