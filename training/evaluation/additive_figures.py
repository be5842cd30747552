"""Figures as functions of sums over transactions, so that any resample of the transactions gives them cheaply."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AdditiveFigures:
    """A group of figures that depend on n transactions only through m sums."""

    #: (m, n) sparse: what each transaction adds to each sum.
    terms: csr_array
    #: Turns sums (m, b) of b resamples into figures by name, each (b,) and NaN where it is undefined.
    figures: Callable[[Floats], dict[str, Floats]]

    def values(self) -> dict[str, float]:
        """Return the figures of the transactions as they are."""
        sums = self.terms @ np.ones((self.terms.shape[1], 1))
        return {name: float(value[0]) for name, value in self.figures(sums).items()}


def join(tallies: Sequence[AdditiveFigures]) -> AdditiveFigures:
    """Put tallies over the same transactions side by side; their figures have different names."""
    ends = np.cumsum([tally.terms.shape[0] for tally in tallies])[:-1]

    def figures(sums: Floats) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        for tally, part in zip(tallies, np.split(sums, ends), strict=True):
            found |= tally.figures(part)
        return found

    return AdditiveFigures(vstack([tally.terms for tally in tallies], format="csr"), figures)
