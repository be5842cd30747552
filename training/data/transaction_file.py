"""Transactions as they were sent, as rows of a Parquet file that training reads like any other data."""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from schemas.codec import TransactionCodec
from schemas.errors import RefusedMessageError
from schemas.manifest import Manifest
from schemas.messages import Transaction
from stream.scoring.accepted_rows import accepted_rows
from stream.scoring.features import FeaturePlan
from training.data.description import AmountColumn, ColumnKind, CurrencyColumn, DataDescription, TimeColumn

#: Names of columns that are not features. Senders choose the names of features and are unlikely to begin them with #.
_ID, _CARD, _TIME, _CURRENCY, _LABEL = "#transaction_id", "#card_id", "#event_time_ms", "#currency", "#fraud"
_AMOUNT = "#amount_minor"


def describe(manifest: Manifest) -> DataDescription:
    """Return the description of a file's columns, for a model with the features in a manifest."""
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


def make_codec(manifest: Manifest, max_bytes: int) -> TransactionCodec:
    """Return the codec by which a worker decodes messages if a model with this manifest is champion.

    Args:
        manifest: Manifest of the champion.
        max_bytes: Largest transaction in bytes that the champion's workers accept.
    """
    plan = FeaturePlan(manifest.features, manifest.missing)
    return TransactionCodec(plan.numeric, categorical=plan.categorical, max_bytes=max_bytes)


def decode_or_none(codec: TransactionCodec, message: bytes) -> Transaction[Any] | None:
    """Decode a message as it was sent; None if a worker would reject it."""
    try:
        return codec.decode(message)
    except RefusedMessageError:
        return None


def accepted_transactions(
    transactions: list[Transaction[Any] | None], plan: FeaturePlan
) -> list[tuple[int, Transaction[Any]]]:
    """Return the transactions that the worker's rules accept for a champion with this plan, with their indices."""
    decoded = [(at, transaction) for at, transaction in enumerate(transactions) if transaction is not None]
    if not decoded:
        return []
    matrix = accepted_rows(range(len(decoded)), [transaction for _, transaction in decoded], plan).matrix
    good = (plan.first_infinite(matrix) < 0) & (plan.first_refused_null(matrix) < 0)
    return [decoded[i] for i in np.flatnonzero(good)]


def file_schema(manifest: Manifest) -> pa.Schema:
    """Return the schema of a file for a model with the features in a manifest; `describe` explains its columns."""
    plan, amount = FeaturePlan(manifest.features, manifest.missing), describe(manifest).amount.column
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


def file_batch(accepted: Iterable[tuple[Transaction[Any], bool | None]], schema: pa.Schema) -> pa.RecordBatch:
    """Return transactions, at least one, as rows of a file, each with its label; None if the label is not known."""
    rows = [
        (
            transaction.transaction_id,
            transaction.card_id,
            transaction.event_time_ms,
            transaction.currency,
            None if is_fraud is None else int(is_fraud),
            transaction.amount_minor,
            *msgspec.structs.astuple(transaction.features),
        )
        for transaction, is_fraud in accepted
    ]
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
