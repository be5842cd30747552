"""Join archived transactions with their outcomes in the ledger, and write them to a file for training."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from schemas.codec import TransactionCodec
from schemas.errors import RefusedMessageError
from schemas.manifest import Manifest
from schemas.messages import Transaction
from stream.archive.reader import read_archive
from stream.ledger.labelled_decisions import LabelledDecisions
from stream.scoring.accepted_rows import accepted_rows
from stream.scoring.features import FeaturePlan
from training.data.description import AmountColumn, ColumnKind, CurrencyColumn, DataDescription, TimeColumn
from training.data.featureset import FeatureSet

#: Names of columns that are not features. Senders choose the names of features and are unlikely to begin them with #.
_ID, _CARD, _TIME, _CURRENCY, _LABEL = "#transaction_id", "#card_id", "#event_time_ms", "#currency", "#fraud"
_AMOUNT = "#amount_minor"


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


def describe(manifest: Manifest) -> DataDescription:
    """Return the description of a gathered file's columns, for a model with the features in a manifest."""
    plan = FeaturePlan(manifest.features, manifest.missing)
    kinds: dict[str, ColumnKind] = dict.fromkeys(plan.numeric, "numeric")
    kinds |= dict.fromkeys(plan.categorical, "categorical")
    # The feature that is made from the amount has the same name as the amount column.
    amount = next((feature.name for feature in manifest.features if feature.kind == "amount_minor"), _AMOUNT)
    return DataDescription(
        time=TimeColumn(_TIME, "ms"),
        label=_LABEL,
        amount=AmountColumn(amount, "minor"),
        features=kinds,
        currency=CurrencyColumn(_CURRENCY),
        id=_ID,
        card=_CARD,
    )


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
        file: Parquet file to write, with columns as in `describe`.
        max_bytes: Largest transaction in bytes that the champion's workers accept.

    Raises:
        ArchiveError: If there is no archive, or one of its files cannot be read.
        ArchiveUnavailableError: If the archive's file system is not responding.
    """
    plan = FeaturePlan(manifest.features, manifest.missing)
    codec = TransactionCodec(plan.numeric, categorical=plan.categorical, max_bytes=max_bytes)
    schema = _schema(plan, describe(manifest).amount.column)
    archived = rows = frauds = 0
    with pq.ParquetWriter(file, schema) as writer:
        for batch, index in _batches(url, decisions):
            transactions, fraud = _decode(batch, index, codec)
            archived += len(fraud)
            accepted = [(transaction, fraud[at]) for at, transaction in _accepted(transactions, plan)]
            rows, frauds = rows + len(accepted), frauds + sum(is_fraud for _, is_fraud in accepted)
            if accepted:
                writer.write_batch(_batch(accepted, schema))
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


def _decode(
    batch: pa.RecordBatch, index: _DecisionIndex, codec: TransactionCodec
) -> tuple[list[Transaction[Any] | None], list[bool]]:
    """Return the labelled transactions in a batch, None where the champion rejects the message, and their labels."""
    transactions: list[Transaction[Any] | None] = []
    fraud = []
    for row, is_fraud in index.rows_of(batch):
        fraud.append(is_fraud)
        try:
            transactions.append(codec.decode(batch["value"][row].as_py()))
        except RefusedMessageError:  # an earlier champion with different features accepted it
            transactions.append(None)
    return transactions, fraud


def _accepted(transactions: list[Transaction[Any] | None], plan: FeaturePlan) -> list[tuple[int, Transaction[Any]]]:
    """Return the transactions that the worker's rules accept for a champion with this plan, with their indices."""
    decoded = [(at, transaction) for at, transaction in enumerate(transactions) if transaction is not None]
    if not decoded:
        return []
    matrix = accepted_rows(range(len(decoded)), [transaction for _, transaction in decoded], plan).matrix
    good = (plan.first_infinite(matrix) < 0) & (plan.first_refused_null(matrix) < 0)
    return [decoded[i] for i in np.flatnonzero(good)]


def _schema(plan: FeaturePlan, amount: str) -> pa.Schema:
    return pa.schema(
        [
            (_ID, pa.string()),
            (_CARD, pa.string()),
            (_TIME, pa.int64()),
            (_CURRENCY, pa.string()),
            (_LABEL, pa.int8()),
            (amount, pa.int64()),
            *((name, pa.float64()) for name in plan.numeric),
            *((name, pa.string()) for name in plan.categorical),
        ]
    )


def _batch(accepted: list[tuple[Transaction[Any], bool]], schema: pa.Schema) -> pa.RecordBatch:
    rows = [
        (
            transaction.transaction_id,
            transaction.card_id,
            transaction.event_time_ms,
            transaction.currency,
            int(is_fraud),
            transaction.amount_minor,
            *msgspec.structs.astuple(transaction.features),
        )
        for transaction, is_fraud in accepted
    ]
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
