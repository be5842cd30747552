"""Join archived transactions with their outcomes in the ledger, and write them to a file for training."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from schemas.manifest import Manifest
from stream.archive.reader import read_archive
from stream.ledger.labelled_decisions import LabelledDecisions
from stream.scoring.features import FeaturePlan
from training.data.featureset import FeatureSet
from training.data.transaction_file import accepted_transactions, decode_or_none, file_batch, file_schema, make_codec


class GatheredCounts(Struct, frozen=True):
    """Numbers of transactions at each step of the join."""

    #: Matured decisions with a known outcome.
    known: int
    #: Matured decisions whose outcome can never be known.
    censored: int
    #: Matured decisions with a known outcome whose transactions are not in the archive.
    not_archived: int
    #: Archived transactions that the champion would reject, for example because a feature is missing.
    refused: int
    #: Number of rows written to the file.
    rows: int
    #: Number of frauds among the rows written.
    frauds: int


def feature_set(manifest: Manifest) -> FeatureSet:
    """Return the feature set that corresponds to a manifest's features, without its medians and categories."""
    plan = FeaturePlan(manifest.features, manifest.missing)
    kinds = [feature.kind for feature in manifest.features]
    hours = ["hour_of_day"] if "hour_sin" in kinds else []
    derived = [kind for kind in kinds if kind in {"amount_minor", "log_amount"}] + hours
    levels = max((len(feature.categories) for feature in manifest.features), default=0)
    return msgspec.convert(
        {
            "numeric": plan.numeric,
            "categorical": plan.categorical,
            "max_levels": max(levels, FeatureSet().max_levels),
            "derived": derived,
            "missing": manifest.missing,
        },
        FeatureSet,
    )


def gather(
    url: str, decisions: Mapping[str, LabelledDecisions], manifest: Manifest, file: Path, *, max_bytes: int
) -> GatheredCounts:
    """Write the transactions with a known outcome to a file, one row each, with the features in a manifest.

    A row is made from the message that was decided, which the archive contains under the decision's partition and
    offset. A repeated message with the same transaction_id has another offset and is ignored. Besides the decisions,
    only one batch of the archive is in memory at a time.

    Args:
        url: URL of the archive.
        decisions: Decisions with their outcomes, by the kind of archived messages.
        manifest: Manifest of the champion. Transactions that the champion would reject are left out and counted.
        file: Parquet file to write, with columns as in `training.data.transaction_file`.
        max_bytes: Largest transaction in bytes that the champion's workers accept.

    Raises:
        ArchiveError: If there is no archive, or one of its files cannot be read.
        ArchiveUnavailableError: If the archive's file system is not responding.
    """
    plan = FeaturePlan(manifest.features, manifest.missing)
    codec, schema = make_codec(manifest, max_bytes), file_schema(manifest)
    archived = rows = frauds = 0
    with pq.ParquetWriter(file, schema) as writer:
        for batch, index in _batches(url, decisions):
            found = list(index.rows_of(batch))
            # An earlier champion with different features may have accepted what this one would reject.
            transactions = [decode_or_none(codec, batch["value"][row].as_py()) for row, _ in found]
            archived += len(found)
            accepted = [(transaction, found[at][1]) for at, transaction in accepted_transactions(transactions, plan)]
            rows, frauds = rows + len(accepted), frauds + sum(is_fraud for _, is_fraud in accepted)
            if accepted:
                writer.write_batch(file_batch(accepted, schema))
    known = sum(map(len, decisions.values()))
    censored = sum(each.censored for each in decisions.values())
    return GatheredCounts(known, censored, known - archived, archived - rows, rows, frauds)


class _DecisionIndex:
    """Finds decisions by the partition and offset of their transactions."""

    def __init__(self, decisions: LabelledDecisions) -> None:
        self._decisions = decisions
        order = np.lexsort((decisions.offset, decisions.partition))
        self._by_partition = {
            int(partition): order[decisions.partition[order] == partition]
            for partition in np.unique(decisions.partition)
        }

    def rows_of(self, batch: pa.RecordBatch) -> Iterator[tuple[int, bool]]:
        """Yield each row of a batch that has a labelled decision, and whether it is a fraud."""
        partitions = batch["partition"].to_numpy()
        ids, offsets = batch["transaction_id"].to_pylist(), batch["offset"].to_numpy()
        for partition in np.unique(partitions).tolist():
            indices = self._by_partition.get(partition)
            if indices is None:
                continue
            rows = np.flatnonzero(partitions == partition)
            decided_offsets = self._decisions.offset[indices]
            at = np.minimum(np.searchsorted(decided_offsets, offsets[rows]), len(decided_offsets) - 1)
            for row, index in zip(rows.tolist(), indices[at].tolist(), strict=True):
                # The id is compared, too, because offsets restart when a topic is created again.
                if self._decisions.offset[index] == offsets[row] and self._decisions.transaction_id[index] == ids[row]:
                    yield row, bool(self._decisions.fraud[index])


def _batches(url: str, decisions: Mapping[str, LabelledDecisions]) -> Iterator[tuple[pa.RecordBatch, _DecisionIndex]]:
    for kind, each in decisions.items():
        index = _DecisionIndex(each)
        for batch in read_archive(url, kind, since_ms=each.since_ms, until_ms=each.until_ms):
            yield batch, index
