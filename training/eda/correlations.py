"""Spearman rank correlations of the numeric columns, on a sample of the rows."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from training.eda.measures import Floats, normal_ranks
from training.eda.rows import Rows

#: Number of rows in the sample; the standard error of a correlation near zero is then 0.005.
SAMPLE = 40_000
#: Number of columns in the heat map.
SHOWN = 30
#: Number of column pairs in the list.
PAIRS = 12


@dataclass(frozen=True)
class Correlations:
    """Correlations among k columns, including the amount.

    Attributes:
        names: Column names (k,).
        matrix: Correlations (k, k) in [-1, 1]; 0 for a column that is empty or constant.
        rows: Number of rows in the sample.
    """

    names: tuple[str, ...]
    matrix: Floats
    rows: int

    def strongest_pairs(self) -> list[tuple[str, str, float]]:
        """Return the `PAIRS` pairs of different columns with the largest absolute correlations, strongest first."""
        first, second = np.triu_indices(len(self.names), k=1)
        values = self.matrix[first, second]
        best = np.argsort(-np.abs(values), kind="stable")[:PAIRS]
        return [(self.names[first[i]], self.names[second[i]], float(values[i])) for i in best]

    def shown(self) -> "Correlations":
        """Return the `SHOWN` columns with the largest absolute correlations, in the order of the data."""
        others = np.abs(self.matrix) * (1 - np.eye(len(self.names)))
        strongest = np.argsort(-others.max(axis=1, initial=0), kind="stable")[:SHOWN]
        chosen = np.sort(strongest)
        return Correlations(tuple(self.names[i] for i in chosen), self.matrix[np.ix_(chosen, chosen)], self.rows)


def correlate(rows: Rows) -> Correlations:
    """Return the correlations of all numeric columns, on a sample of rows spread evenly over the data."""
    picked = np.unique(np.linspace(0, len(rows.label) - 1, SAMPLE).astype(np.int64))
    columns = {"amount": rows.amount_minor[picked].astype(np.float64)}
    for column in rows.frame.iter_columns():
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            columns[column.name] = column.gather(picked).cast(pl.Float64).to_numpy()
    ranks = np.stack([normal_ranks(values) for values in columns.values()])
    matrix = np.clip((ranks @ ranks.T).astype(np.float64), -1, 1)
    return Correlations(tuple(columns), matrix, len(picked))
