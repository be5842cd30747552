"""Metrics that depend on the transactions only through sums, so that they are cheap to evaluate on any resample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AdditiveFigures:
    """A group of metrics that depend on n transactions only through m sums."""

    #: Sparse (m, n): the contribution of each transaction to each sum.
    terms: csr_array
    #: Function that takes the sums (m, b) of b resamples and returns each metric (b,) by name, NaN where undefined.
    figures: Callable[[Floats], dict[str, Floats]]

    def values(self) -> dict[str, float]:
        """Return the metrics on the transactions themselves, without resampling."""
        sums = self.terms @ np.ones((self.terms.shape[1], 1))
        return {name: float(value[0]) for name, value in self.figures(sums).items()}


def join(groups: Sequence[AdditiveFigures]) -> AdditiveFigures:
    """Join groups over the same transactions into one group. Their metrics must have different names."""
    ends = np.cumsum([group.terms.shape[0] for group in groups])[:-1]

    def figures(sums: Floats) -> dict[str, Floats]:
        joined: dict[str, Floats] = {}
        for group, part in zip(groups, np.split(sums, ends), strict=True):
            joined |= group.figures(part)
        return joined

    return AdditiveFigures(vstack([group.terms for group in groups], format="csr"), figures)
