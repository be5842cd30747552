"""The accepted transactions of one batch, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.messages import Transaction
from stream.scoring.features import FeaturePlan, Matrix


@dataclass(frozen=True, slots=True)
class Rows:
    """n accepted transactions; all attributes run side by side."""

    #: (n,) places in the batch.
    places: NDArray[np.intp]
    transactions: list[Transaction[Any]]
    #: (n, numeric features of the champion), NaN for null.
    numeric: NDArray[np.float64]
    #: (n,) minor units.
    amounts: NDArray[np.int64]
    #: (n, n_features) the champion's feature vectors.
    matrix: Matrix

    def where(self, mask: NDArray[np.bool_]) -> "Rows":
        """Keep the rows where (n,) `mask` holds."""
        if mask.all():
            return self
        kept = np.flatnonzero(mask)
        transactions = [self.transactions[i] for i in kept]
        return Rows(self.places[kept], transactions, self.numeric[kept], self.amounts[kept], self.matrix[kept])


def as_rows(places: Sequence[int], transactions: list[Transaction[Any]], plan: FeaturePlan) -> Rows:
    """Lay decoded transactions out as columns; their feature structs begin with the plan's numeric features."""
    width = len(plan.numeric)
    values = [msgspec.structs.astuple(transaction.features)[:width] for transaction in transactions]
    numeric = np.array(values, dtype=np.float64).reshape(len(transactions), width)
    amounts = np.array([transaction.amount_minor for transaction in transactions], dtype=np.int64)
    times = np.array([transaction.event_time_ms for transaction in transactions], dtype=np.int64)
    matrix = plan.matrix(numeric, np.empty((len(amounts), 0)), amounts, times)
    return Rows(np.array(places, dtype=np.intp), transactions, numeric, amounts, matrix)
