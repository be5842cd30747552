"""Weights: how many transactions each known outcome represents, because some outcomes can never be known."""

import numpy as np
from numpy.typing import NDArray

from stream.evaluation.outcome import Outcome, is_resolved


def weights(
    outcome: NDArray[np.int8],
    would_decline: NDArray[np.bool_],
    explored: NDArray[np.bool_],
    share: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (n,) how many transactions each transaction represents; 0 for an excluded transaction.

    A would-be decline that was let through with probability p represents 1/p would-be declines: the estimator of D.
    Horvitz and D. Thompson, "A generalization of sampling without replacement from a finite universe", JASA 47, 1952.
    The other would-be declines that exploration could have let through are then excluded, even if they have a label:
    the explored transactions already represent them, and customers who complain about a decline are not a random
    sample. So a comparison does not depend on whether the outcomes of declines become known.

    Where exploration is impossible (a share of 0, because the amount is too large or exploration is off), a declined
    transaction counts once if it has a label, and not at all otherwise. `Evidence.undecided` counts the transactions
    that such a comparison misses.

    Args:
        outcome: (n,) `Outcome` codes.
        would_decline: (n,) whether the deciding model would have declined, before exploration.
        explored: (n,) whether the transaction was let through despite a would-be decline (arm "exploration").
        share: (n,) probability with which a would-be decline of this amount is let through, in [0, 1]: the
            `Exploration.share` of the role epoch, or 0 above exploration's largest amount. In a stream without a split,
            this equals the decision's propensity if explored, and 1 - propensity if declined.

    Raises:
        ValueError: If a transaction was explored with a share of 0.

    >>> outcome = np.array([Outcome.FRAUD, Outcome.FRAUD, Outcome.FRAUD, Outcome.CENSORED], dtype=np.int8)
    >>> declines, explored = np.array([False, True, True, True]), np.array([False, True, False, False])
    >>> weights(outcome, declines, explored, np.full(4, 0.25)).tolist()
    [1.0, 4.0, 0.0, 0.0]
    """
    if (explored & (share <= 0)).any():
        raise ValueError("an explored transaction has a share of 0; pass the probability of letting it through")
    represented = np.where(would_decline & (share > 0), 0.0, 1.0)
    represented[explored] = 1 / share[explored]
    return np.where(is_resolved(outcome), represented, 0.0)


def is_unobservable(
    outcome: NDArray[np.int8], would_decline: NDArray[np.bool_], share: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return (n,) whether each transaction is censored and not represented by any explored transaction."""
    unobservable: NDArray[np.bool_] = (outcome == Outcome.CENSORED) & ~(would_decline & (share > 0))
    return unobservable
