"""Labelled transactions with one model's scores, the input for metrics, slices and operating points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DataError
from training.data.dataset import Dataset
from training.models.fitted import Labels


@dataclass(frozen=True)
class ScoredRows:
    """n transactions with their scores and labels. All amounts are in one currency.

    Raises:
        DataError: If the arrays have different lengths, or a score, label or amount is invalid.
    """

    #: Scores (n,), calibrated P(fraud) in [0, 1].
    scores: NDArray[np.float32]
    #: Labels (n,), 1 for fraud, 0 for legitimate.
    labels: Labels
    #: Amounts (n,) in minor units, not negative.
    amount_minor: NDArray[np.int64]
    #: Event times (n,) in UTC milliseconds since 1970, in any order.
    event_time_ms: NDArray[np.int64]

    def __post_init__(self) -> None:
        shapes = {name: array.shape for name, array in vars(self).items()}
        if len(set(shapes.values())) > 1 or self.scores.ndim != 1:
            given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise DataError(f"scores, labels, amounts and times must have equal lengths, not {given}")
        if not len(self):
            raise DataError("there are no transactions to evaluate; select a period that contains some")
        if bad := int(np.sum(~((self.scores >= 0) & (self.scores <= 1)))):  # also true for NaN
            raise DataError(f"{bad} of {len(self)} scores are not between 0 and 1; calibrate them to probabilities")
        if not np.isin(self.labels, (0, 1)).all():
            raise DataError("labels must be 0 (legitimate) or 1 (fraud); correct or leave out the other rows")
        if self.amount_minor.min() < 0:
            raise DataError("amounts must not be negative; correct or leave out these rows")

    @classmethod
    def of(cls, scores: NDArray[np.float32], rows: Dataset) -> "ScoredRows":
        """Combine the rows of a dataset (n,) with their scores (n,)."""
        return cls(scores, rows.label, rows.amount_minor, rows.event_time_ms)

    def __len__(self) -> int:
        return len(self.scores)

    def part(self, rows: slice | NDArray[np.bool_]) -> "ScoredRows":
        """Return a subset of the rows, by slice or by mask (n,)."""
        return ScoredRows(self.scores[rows], self.labels[rows], self.amount_minor[rows], self.event_time_ms[rows])

    def require_both_classes(self) -> None:
        """Raise an error if the rows are all frauds or all legitimate, because no ranking can be measured on them.

        Raises:
            DataError: If all labels are equal.
        """
        if self.labels.min() == self.labels.max():
            kind = "fraud" if self.labels[0] else "legitimate"
            raise DataError(f"all {len(self)} transactions are {kind}; metrics need both frauds and legitimate ones")
