"""The chance of a mistake, spent over all challengers there will ever be."""

import math
from collections.abc import Sequence

#: The chance that any challenger at all is ever promoted without being better.
ALPHA = 0.05


def next_alpha(promoted: Sequence[bool], alpha: float = ALPHA) -> float:
    """Return the level of the next challenger's test.

    The k-th gets alpha · 6 / (π² k²), which adds up to alpha over all k; what the one before it was promoted with is
    handed on to it besides, since a level spent on a true finding is not lost:

        alpha_k = alpha g_k + R_{k-1} alpha_{k-1},   g_k = 6 / (π² k²)

    the online fallback procedure of J. Tian and A. Ramdas, "Online control of the familywise error rate", Statistical
    Methods in Medical Research 30, 2021, arXiv:1910.04900, which holds however the tests depend on each other. They
    do: successive challengers are tested on one stream.

    Args:
        promoted: Of each challenger so far, in the order in which their plans were frozen, whether it was promoted;
            False too while its test goes on.
        alpha: In (0, 1), the same for ever.

    >>> [round(next_alpha(before), 4) for before in ([], [False], [True], [True, False])]
    [0.0304, 0.0076, 0.038, 0.0034]
    """
    handed_on = 0.0
    for k, was_promoted in enumerate(promoted, start=1):
        handed_on = alpha * _share(k) + handed_on if was_promoted else 0.0
    return alpha * _share(len(promoted) + 1) + handed_on


def _share(k: int) -> float:
    return 6 / (math.pi * k) ** 2
