"""What a known outcome stands for, where others of its kind could not become known."""

import numpy as np
from numpy.typing import NDArray

from stream.evaluation.outcome import Outcome, is_resolved


def weights(
    outcome: NDArray[np.int8],
    would_decline: NDArray[np.bool_],
    explored: NDArray[np.bool_],
    share: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (n,) how many transactions each one stands for; 0 for those that are left out.

    A would-be decline that was let through with chance p stands for 1/p would-be declines: the estimator of D. Horvitz
    and D. Thompson, "A generalization of sampling without replacement from a finite universe", JASA 47, 1952. The
    others that might have been let through are then left out even if a label reached them: who complains about a
    decline is no random sample, and the explored ones stand for them already. So a comparison does not depend on
    whether declines become known.

    Where no exploration reaches (a share of 0: too large an amount, or none is made), a declined one counts once if
    it is labelled and not at all if it is not; `Evidence.undecided` counts what such a comparison cannot see.

    Args:
        outcome: (n,) `Outcome` codes.
        would_decline: (n,) whether whoever decided would have declined, before exploration.
        explored: (n,) whether it was let through nevertheless: arm "exploration".
        share: (n,) with which chance a would-be decline of this amount is let through, in [0, 1]; the role epoch's
            `Exploration.share` up to its largest amount, else 0. In a stream without a split that is the decision's
            propensity where it was explored, and 1 - propensity where it was declined.

    Raises:
        ValueError: If a transaction was explored with a share of 0.

    >>> outcome = np.array([Outcome.FRAUD, Outcome.FRAUD, Outcome.FRAUD, Outcome.CENSORED], dtype=np.int8)
    >>> declines, explored = np.array([False, True, True, True]), np.array([False, True, False, False])
    >>> weights(outcome, declines, explored, np.full(4, 0.25)).tolist()
    [1.0, 4.0, 0.0, 0.0]
    """
    if (explored & (share <= 0)).any():
        raise ValueError("an explored transaction has a share of 0; give the chance with which it was let through")
    stands_for = np.where(would_decline & (share > 0), 0.0, 1.0)
    stands_for[explored] = 1 / share[explored]
    return np.where(is_resolved(outcome), stands_for, 0.0)


def is_unobservable(
    outcome: NDArray[np.int8], would_decline: NDArray[np.bool_], share: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return (n,) which are censored with no explored one to stand for them."""
    unseen: NDArray[np.bool_] = (outcome == Outcome.CENSORED) & ~(would_decline & (share > 0))
    return unseen
