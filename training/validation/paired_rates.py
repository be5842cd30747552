"""Compare a rate of errors of two models on the same transactions: exact, and for correlated transactions of a card."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.stats import beta, binom

from schemas.manifest import Metric

Flags = NDArray[np.bool_]
_CONFIDENCE = 0.95


class PairedRate(Struct, frozen=True):
    """The error rate of two models on the same n transactions."""

    #: Number of transactions.
    rows: int
    #: Share of errors of each model, in [0, 1].
    champion: float
    candidate: float
    #: Number of cards on which the candidate makes more errors, and on which it makes fewer.
    worse: int
    better: int
    #: Difference of the rates, candidate minus champion, with its 95% interval.
    difference: Metric
    #: Probability of as many worse cards among those that differ if worse and better are equally likely.
    p: float


def compare_errors(champion: Flags, candidate: Flags, cards: NDArray[np.int64]) -> PairedRate:
    """Compare the errors of two models on the same transactions.

    Transactions on which both models agree say nothing about the difference. Of those that remain, as many should be in
    favour of either model if the models are equally good, so the p-value is binomial: the exact, one-sided test of
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12, 1947. Errors on one card are correlated, so a card counts once, for the model with fewer errors on
    it (a sign test over cards). Without card ids, every transaction is a card of its own.

    The interval is that of C. Clopper and E. Pearson, Biometrika 26, 1934, for the share of worse cards, times the
    errors in which the models differ. It is above 0 exactly if p is at most 2.5%. If the models do not differ, the
    interval has no width.

    Args:
        champion: Whether the champion errs on each transaction (n,), n ≥ 1.
        candidate: Whether the candidate errs (n,).
        cards: Number of the card (n,).

    >>> champion = np.array([True, False, False, False, False, False])
    >>> candidate = np.array([False, True, True, True, True, True])
    >>> result = compare_errors(champion, candidate, np.arange(6))
    >>> result.worse, result.better, round(result.p, 3)
    (5, 1, 0.109)
    """
    errors = candidate.astype(np.int64) - champion
    by_card = np.bincount(cards, weights=errors)
    worse, better = int((by_card > 0).sum()), int((by_card < 0).sum())
    differ, rows = worse + better, len(champion)
    value = float(errors.mean())
    if not differ:
        return PairedRate(rows, float(champion.mean()), float(candidate.mean()), 0, 0, Metric(value, value, value), 1.0)
    p = float(binom.sf(worse - 1, differ, 0.5))
    tail = (1 - _CONFIDENCE) / 2
    share_low = float(beta.ppf(tail, worse, better + 1)) if worse else 0.0
    share_high = float(beta.ppf(1 - tail, worse + 1, better)) if better else 1.0
    # Errors in which the models differ, less those that cancel out on one card, as a share of the transactions.
    weight = float(np.abs(by_card).sum()) / rows
    low, high = (weight * (2 * share - 1) for share in (share_low, share_high))
    difference = Metric(value, min(low, value), max(high, value))
    return PairedRate(rows, float(champion.mean()), float(candidate.mean()), worse, better, difference, p)
