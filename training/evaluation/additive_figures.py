"""Figures that depend on the transactions through sums only, so that any resample of them is cheap to evaluate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AdditiveFigures:
    """A group of figures that depend on n transactions only through m sums."""

    #: (m, n) sparse: the contribution of each transaction to each sum.
    terms: csr_array
    #: Function of sums (m, b) of b resamples that returns the figures by name, each (b,), NaN where undefined.
    figures: Callable[[Floats], dict[str, Floats]]

    def values(self) -> dict[str, float]:
        """Return the figures of the transactions themselves."""
        sums = self.terms @ np.ones((self.terms.shape[1], 1))
        return {name: float(value[0]) for name, value in self.figures(sums).items()}


def join(groups: Sequence[AdditiveFigures]) -> AdditiveFigures:
    """Join groups over the same transactions into one; their figures must have different names."""
    ends = np.cumsum([group.terms.shape[0] for group in groups])[:-1]

    def figures(sums: Floats) -> dict[str, Floats]:
        joined: dict[str, Floats] = {}
        for group, part in zip(groups, np.split(sums, ends), strict=True):
            joined |= group.figures(part)
        return joined

    return AdditiveFigures(vstack([group.terms for group in groups], format="csr"), figures)
