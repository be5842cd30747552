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
    #: (n,) UTC milliseconds since 1970.
    times: NDArray[np.int64]
    #: (n, n_features) the champion's feature vectors, NaN for null.
    given: Matrix
    #: The same as the model takes them; the same array where nothing was filled in.
    matrix: Matrix

    def where(self, mask: NDArray[np.bool_]) -> "Rows":
        """Keep the rows where (n,) `mask` holds."""
        if mask.all():
            return self
        kept = np.flatnonzero(mask)
        transactions = [self.transactions[i] for i in kept]
        given = self.given[kept]
        matrix = given if self.matrix is self.given else self.matrix[kept]
        columns = (self.numeric[kept], self.amounts[kept], self.times[kept])
        return Rows(self.places[kept], transactions, *columns, given, matrix)


def as_rows(places: Sequence[int], transactions: list[Transaction[Any]], plan: FeaturePlan) -> Rows:
    """Lay decoded transactions out as columns.

    Their feature structs begin with the plan's numeric features and go on with its categorical ones.
    """
    width = len(plan.numeric)
    values = [msgspec.structs.astuple(transaction.features) for transaction in transactions]
    numeric = np.array([row[:width] for row in values], dtype=np.float64).reshape(len(transactions), width)
    codes = np.empty((len(transactions), len(plan.categorical)))
    for column, name in enumerate(plan.categorical):
        codes[:, column] = plan.codes(name, [row[width + column] for row in values])
    amounts = np.array([transaction.amount_minor for transaction in transactions], dtype=np.int64)
    times = np.array([transaction.event_time_ms for transaction in transactions], dtype=np.int64)
    given = plan.given(numeric, codes, amounts, times)
    return Rows(np.array(places, dtype=np.intp), transactions, numeric, amounts, times, given, plan.fill(given))
