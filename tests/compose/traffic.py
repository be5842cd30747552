"""Card transactions from the data that `train` fetched, and the labels of their frauds."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from schemas.messages import Label, Transaction, encode
from stream.kafka.topics import DAY_MS
from training.data.dataset import load
from training.data.description import ULB
from training.data.messages import transactions

Messages = list[Transaction[dict[str, Any]]]
#: Days by which `later` transactions follow the others: enough that all earlier transactions have matured.
LATER_DAYS = 60


def first_transactions(data: Path, scratch: Path) -> tuple[Messages, list[Label]]:
    """Return transactions with all frauds, and a chargeback for each fraud one day later.

    Of the legitimate rows, only those with features that occur more than once are taken, 5% of them: training would
    refuse random rows, in which nearly every value is unique, as in an id.
    """
    rows = pl.read_parquet(data)
    fraud = pl.col(ULB.label).cast(pl.Float64) == 1
    rows.filter(fraud | pl.col(next(iter(ULB.features))).is_duplicated()).write_parquet(scratch)
    dataset = load(scratch, ULB)
    messages = list(transactions(dataset))
    labels = [
        Label(
            f"label-{each.transaction_id}",
            each.transaction_id,
            "chargeback",
            fraud=True,
            event_time_ms=each.event_time_ms + DAY_MS,
        )
        for each, is_fraud in zip(messages, dataset.label.tolist(), strict=True)
        if is_fraud
    ]
    return messages, labels


def later(messages: Iterable[Transaction[dict[str, Any]]], name: str) -> Messages:
    """Return the same transactions with other ids, `LATER_DAYS` days later."""
    return [
        msgspec.structs.replace(
            each,
            transaction_id=f"{name}-{each.transaction_id}",
            event_time_ms=each.event_time_ms + LATER_DAYS * DAY_MS,
        )
        for each in messages
    ]


def keyed(messages: Messages) -> list[tuple[bytes | None, bytes | None]]:
    """Return keys and values for Kafka."""
    return [(each.card_id.encode(), encode(each)) for each in messages]
