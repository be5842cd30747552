"""Rows that are there more than once, in different senses."""

from dataclasses import dataclass

import polars as pl

from training.eda.measures import Counts
from training.eda.rows import Rows


@dataclass(frozen=True)
class Duplicates:
    """Counts of rows."""

    #: Every column equals an earlier row's.
    repeats: int
    repeated_frauds: int
    #: Features and amount equal an earlier row's, whatever the time and the label.
    alike: int
    alike_frauds: int
    #: Validation or test rows whose features and amount equal a training row's.
    alike_across: int
    #: Rows whose features and amount are also those of a row with the other label.
    contradictory: int
    #: Rows beyond the first with a transaction id.
    repeated_ids: int


def count_duplicates(rows: Rows, part: Counts) -> Duplicates:
    """Count duplicates; rows are told apart by a 64-bit hash of their columns."""
    columns = {"features": rows.frame.hash_rows(seed=0), "amount": rows.amount_minor}
    key = tuple(columns)
    looked = pl.DataFrame(columns | {"label": rows.label, "part": part}).select(
        first=pl.struct(key).is_first_distinct(),
        known=pl.col("part").min().over(key) == 0,
        mixed=pl.col("label").min().over(key) != pl.col("label").max().over(key),
    )
    later = ~looked["first"].to_numpy()
    fraud = rows.label == 1
    return Duplicates(
        repeats=int(rows.repeat.sum()),
        repeated_frauds=int((rows.repeat & fraud).sum()),
        alike=int(later.sum()),
        alike_frauds=int((later & fraud).sum()),
        alike_across=int((looked["known"].to_numpy() & (part > 0)).sum()),
        contradictory=int(looked["mixed"].to_numpy().sum()),
        repeated_ids=len(rows.transaction_id) - len(set(rows.transaction_id)),
    )
