"""Archived transactions joined with what the ledger knows of them: a file as training reads it."""

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

#: Columns that are no features. Named as no feature is likely to be: features have the senders' names.
_ID, _CARD, _TIME, _CURRENCY, _LABEL = "#transaction_id", "#card_id", "#event_time_ms", "#currency", "#fraud"
_AMOUNT = "#amount_minor"


class GatheredCounts(Struct, frozen=True):
    """How many transactions came together."""

    #: Matured, with a known outcome.
    known: int
    #: Matured, but never to be known.
    censored: int
    #: Known, but not in the archive.
    not_archived: int
    #: Archived, but not as the champion takes them: without one of its features, say.
    refused: int
    rows: int
    frauds: int


def describe(manifest: Manifest) -> DataDescription:
    """Return what the columns of a gathered file are, for a model with the features of a manifest."""
    plan = FeaturePlan(manifest.features, manifest.missing)
    kinds: dict[str, ColumnKind] = dict.fromkeys(plan.numeric, "numeric")
    kinds |= dict.fromkeys(plan.categorical, "categorical")
    # A feature that is the amount has the name of its column.
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
    """Return the feature set that a manifest's features were made by; medians and categories are frozen anew."""
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


def gather(url: str, known: Mapping[str, LabelledDecisions], manifest: Manifest, file: Path, *, max_bytes: int) -> GatheredCounts:
    """Write the known transactions with the features of a manifest, one row each.

    The row is made of the very message that was decided: it stands in the archive at the decision's own place. A
    repeated transaction_id stands elsewhere and is not looked at. A batch of the archive is in memory at a time,
    besides what is known.

    Args:
        url: Of the archive.
        known: Of the ledger, by kind of the archive.
        manifest: The champion's; what it would refuse is left out and counted.
        file: Parquet, to be written; as `describe` says.
        max_bytes: Of a transaction, that the champion's workers take.

    Raises:
        ArchiveError: If there is no archive, or a file of it cannot be read.
        ArchiveUnavailableError: If its file system does not answer.
    """
    plan = FeaturePlan(manifest.features, manifest.missing)
    codec = TransactionCodec(plan.numeric, categorical=plan.categorical, max_bytes=max_bytes)
    schema = _schema(plan, describe(manifest).amount.column)
    found = rows = frauds = 0
    with pq.ParquetWriter(file, schema) as writer:
        for batch, places in _batches(url, known):
            decided, fraud = _decoded(batch, places, codec)
            found += len(fraud)
            taken = [(each, fraud[place]) for place, each in _accepted(decided, plan)]
            rows, frauds = rows + len(taken), frauds + sum(flag for _, flag in taken)
            if taken:
                writer.write_batch(_batch(taken, schema))
    count = sum(map(len, known.values()))
    return GatheredCounts(count, sum(each.censored for each in known.values()), count - found, found - rows, rows, frauds)


def _batches(url: str, known: Mapping[str, LabelledDecisions]) -> Iterator[tuple[pa.RecordBatch, "_Places"]]:
    for kind, each in known.items():
        places = _Places(each)
        for batch in read_archive(url, kind, since_ms=each.since_ms, until_ms=each.until_ms):
            yield batch, places


class _Places:
    """Finds decisions by where their transactions stand on the topic."""

    def __init__(self, known: LabelledDecisions) -> None:
        self._known = known
        order = np.lexsort((known.offset, known.partition))
        self._by_partition = {
            int(partition): order[known.partition[order] == partition] for partition in np.unique(known.partition)
        }

    def of(self, batch: pa.RecordBatch) -> Iterator[tuple[int, bool]]:
        """Yield each row of a batch whose decision is known, and whether it is a fraud."""
        partitions = batch["partition"].to_numpy()
        ids, offsets = batch["transaction_id"].to_pylist(), batch["offset"].to_numpy()
        for partition in np.unique(partitions).tolist():
            indices = self._by_partition.get(partition)
            if indices is None:
                continue
            rows = np.flatnonzero(partitions == partition)
            ours = self._known.offset[indices]
            at = np.minimum(np.searchsorted(ours, offsets[rows]), len(ours) - 1)
            for row, index in zip(rows.tolist(), indices[at].tolist(), strict=True):
                # The id too: offsets begin anew when a topic is made anew.
                if self._known.offset[index] == offsets[row] and self._known.transaction_id[index] == ids[row]:
                    yield row, bool(self._known.fraud[index])


def _decoded(
    batch: pa.RecordBatch, places: _Places, codec: TransactionCodec
) -> tuple[list[Transaction[Any] | None], list[bool]]:
    """Return the known transactions of a batch, None for one that the champion refuses, and which are frauds."""
    decided: list[Transaction[Any] | None] = []
    fraud = []
    for place, is_fraud in places.of(batch):
        fraud.append(is_fraud)
        try:
            decided.append(codec.decode(batch["value"][place].as_py()))
        except RefusedMessageError:  # another champion took it, with other features
            decided.append(None)
    return decided, fraud


def _accepted(decided: list[Transaction[Any] | None], plan: FeaturePlan) -> list[tuple[int, Transaction[Any]]]:
    """Return those that a champion of this plan takes, by the worker's own rules, with their places."""
    there = [(place, each) for place, each in enumerate(decided) if each is not None]
    if not there:
        return []
    matrix = accepted_rows(range(len(there)), [each for _, each in there], plan).matrix
    good = (plan.first_infinite(matrix) < 0) & (plan.first_refused_null(matrix) < 0)
    return [there[i] for i in np.flatnonzero(good)]


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


def _batch(taken: list[tuple[Transaction[Any], bool]], schema: pa.Schema) -> pa.RecordBatch:
    rows = [
        (
            each.transaction_id,
            each.card_id,
            each.event_time_ms,
            each.currency,
            int(fraud),
            each.amount_minor,
            *msgspec.structs.astuple(each.features),
        )
        for each, fraud in taken
    ]
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
