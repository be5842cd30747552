"""The accepted transactions in a batch, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.messages import Transaction
from stream.scoring.features import FeaturePlan, Matrix


@dataclass(frozen=True, slots=True)
class AcceptedRows:
    """n accepted transactions as columns; each attribute has one row for each transaction."""

    #: (n,) indices of the transactions in the batch.
    indices: NDArray[np.intp]
    transactions: list[Transaction[Any]]
    #: (n, numeric features of the champion) values, NaN for null.
    numeric: NDArray[np.float64]
    #: (n,) amounts in minor units.
    amounts: NDArray[np.int64]
    #: (n,) event times, UTC milliseconds since 1970.
    times: NDArray[np.int64]
    #: (n, n_features) feature vectors of the champion, NaN for null.
    raw_features: Matrix
    #: (n, n_features) input of the champion's model: `raw_features` after the missing-value policy; the same array if
    #: nothing was filled.
    matrix: Matrix

    def where(self, mask: NDArray[np.bool_]) -> "AcceptedRows":
        """Return the rows in which the (n,) `mask` is true; the same object if it is true in all rows."""
        if mask.all():
            return self
        kept = np.flatnonzero(mask)
        transactions = [self.transactions[i] for i in kept]
        raw_features = self.raw_features[kept]
        matrix = raw_features if self.matrix is self.raw_features else self.matrix[kept]
        columns = (self.numeric[kept], self.amounts[kept], self.times[kept])
        return AcceptedRows(self.indices[kept], transactions, *columns, raw_features, matrix)


def accepted_rows(indices: Sequence[int], transactions: list[Transaction[Any]], plan: FeaturePlan) -> AcceptedRows:
    """Return decoded transactions as columns.

    Args:
        indices: Indices of the n transactions in the batch.
        transactions: The n transactions. Their feature structs start with the plan's numeric features, followed by its
            categorical features.
        plan: The champion's feature plan.
    """
    width = len(plan.numeric)
    values = [msgspec.structs.astuple(transaction.features) for transaction in transactions]
    numeric = np.array([row[:width] for row in values], dtype=np.float64).reshape(len(transactions), width)
    codes = np.empty((len(transactions), len(plan.categorical)))
    for column, name in enumerate(plan.categorical):
        codes[:, column] = plan.codes(name, [row[width + column] for row in values])
    amounts = np.array([transaction.amount_minor for transaction in transactions], dtype=np.int64)
    times = np.array([transaction.event_time_ms for transaction in transactions], dtype=np.int64)
    raw_features = plan.raw_features(numeric, codes, amounts, times)
    matrix = plan.fill_missing(raw_features)
    return AcceptedRows(np.array(indices, dtype=np.intp), transactions, numeric, amounts, times, raw_features, matrix)
