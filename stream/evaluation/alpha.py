"""Error probability of the gate, spent over all challengers that will ever be tested."""

import math
from collections.abc import Sequence

#: Probability that any challenger at all is ever promoted without being better.
ALPHA = 0.05


def next_alpha(promoted: Sequence[bool], alpha: float = ALPHA) -> float:
    """Return the error probability for the next challenger's test.

    The k-th challenger gets alpha · 6 / (π² k²), which adds up to alpha over all k. If the challenger before it was
    promoted, it also gets that challenger's alpha, because a true discovery spends none of it:

        alpha_k = alpha g_k + R_{k-1} alpha_{k-1},   g_k = 6 / (π² k²)

    This is the online fallback procedure (J. Tian and A. Ramdas, "Online control of the familywise error rate",
    Statistical Methods in Medical Research 30, 2021, arXiv:1910.04900). It holds however the tests depend on each
    other, and they do: successive challengers are tested on one stream.

    Args:
        promoted: Whether each challenger so far was promoted, in the order in which their plans were frozen; False
            also while its test is still running.
        alpha: Total error probability, in (0, 1); it must never change.

    Returns:
        Error probability in (0, alpha].

    >>> [round(next_alpha(before), 4) for before in ([], [False], [True], [True, False])]
    [0.0304, 0.0076, 0.038, 0.0034]
    """
    inherited = 0.0
    for k, was_promoted in enumerate(promoted, start=1):
        inherited = alpha * _share(k) + inherited if was_promoted else 0.0
    return alpha * _share(len(promoted) + 1) + inherited


def _share(k: int) -> float:
    return 6 / (math.pi * k) ** 2
