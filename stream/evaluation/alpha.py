"""The gate's total error probability, and how it is divided among all challengers that will ever be tested."""

import math
from collections.abc import Sequence

#: Largest probability that any challenger is ever promoted without being better.
ALPHA = 0.05


def next_alpha(promoted: Sequence[bool], alpha: float = ALPHA) -> float:
    """Return the error probability of the next challenger's test.

    The k-th challenger gets alpha · 6 / (π² k²); the sum over all k is alpha. If the previous challenger was promoted,
    its error probability is added, because a true discovery spends none:

        alpha_k = alpha g_k + R_{k-1} alpha_{k-1},   g_k = 6 / (π² k²)

    This is the online fallback procedure (J. Tian and A. Ramdas, "Online control of the familywise error rate",
    Statistical Methods in Medical Research 30, 2021, arXiv:1910.04900). It is valid under any dependence between the
    tests, which matters here because successive challengers are tested on one stream.

    Args:
        promoted: Whether each challenger so far was promoted, in the order in which their plans were frozen; False for
            a challenger whose test is still running.
        alpha: Total error probability over all challengers, in (0, 1); it must never change.

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
