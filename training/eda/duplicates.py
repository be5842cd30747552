"""Counts of duplicated rows, by kind of repetition."""

from dataclasses import dataclass

import polars as pl

from training.eda.measures import Counts
from training.eda.rows import Rows


@dataclass(frozen=True)
class Duplicates:
    """Number of duplicated rows, by kind of repetition.

    Attributes:
        repeats: Number of rows that equal an earlier row in every column.
        repeated_frauds: Number of frauds among `repeats`.
        same_values: Number of rows with the features and amount of an earlier row, at any time and with any label.
        same_values_frauds: Number of frauds among `same_values`.
        same_values_across: Number of validation and test rows with the features and amount of a training row.
        contradictory: Number of rows that have the features and amount of a row with the other label.
        repeated_ids: Number of rows with the transaction id of an earlier row.
    """

    repeats: int
    repeated_frauds: int
    same_values: int
    same_values_frauds: int
    same_values_across: int
    contradictory: int
    repeated_ids: int


def count_duplicates(rows: Rows, part: Counts) -> Duplicates:
    """Count duplicates, comparing features by a 64-bit hash.

    Args:
        rows: n rows.
        part: Split of each row (n,), as an index into `PARTS`.
    """
    columns = {"features": rows.frame.hash_rows(seed=0), "amount": rows.amount_minor}
    key = tuple(columns)
    compared = pl.DataFrame(columns | {"label": rows.label, "part": part}).select(
        first=pl.struct(key).is_first_distinct(),
        in_train=pl.col("part").min().over(key) == 0,
        mixed=pl.col("label").min().over(key) != pl.col("label").max().over(key),
    )
    later = ~compared["first"].to_numpy()
    fraud = rows.label == 1
    return Duplicates(
        repeats=int(rows.repeat.sum()),
        repeated_frauds=int((rows.repeat & fraud).sum()),
        same_values=int(later.sum()),
        same_values_frauds=int((later & fraud).sum()),
        same_values_across=int((compared["in_train"].to_numpy() & (part > 0)).sum()),
        contradictory=int(compared["mixed"].to_numpy().sum()),
        repeated_ids=len(rows.transaction_id) - len(set(rows.transaction_id)),
    )
