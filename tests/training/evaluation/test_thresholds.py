"""Thresholds come from validation scores: F1 for review, near certainty for decline."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from stream.scoring.policy import severities
from training.evaluation.thresholds import DECLINE_PRECISION, choose_policy


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=60))
def test_review_has_the_largest_f1_and_decline_is_no_lower(rows: list[tuple[int, bool]]) -> None:
    """No other threshold between two scores does better; the policy is always a valid one."""
    scores = np.array([level / 20 for level, _ in rows], dtype=np.float32)
    labels = np.array([fraud for _, fraud in rows], dtype=np.int8)
    labels[0] = 1
    policy = choose_policy(scores, labels, "v")
    best = max(f1_score(labels, scores >= score) for score in scores)
    assert f1_score(labels, scores >= policy.review) == best
    declined = scores >= policy.decline
    assert policy.decline == 1 or labels[declined].mean() >= DECLINE_PRECISION


def test_thresholds_lie_between_scores() -> None:
    """A score that is rounded in its last digit keeps its verdict."""
    scores = np.array([0.1, 0.2, 0.6, 0.9], dtype=np.float32)
    policy = choose_policy(scores, np.array([0, 0, 1, 1], dtype=np.int8), "v")
    assert (round(policy.review, 6), round(policy.decline, 6)) == (0.4, 0.4)
    shaken = np.nextafter(scores, np.float32(0))
    amounts = np.zeros(len(scores), dtype=np.int64)
    assert severities(scores, policy, amounts).tolist() == severities(shaken, policy, amounts).tolist() == [0, 0, 2, 2]


def test_nothing_is_declined_when_nothing_is_certain() -> None:
    """The highest score of all was no fraud: declines would be wrong, so only people decide."""
    policy = choose_policy(np.array([0.1, 0.5, 0.9], dtype=np.float32), np.array([0, 1, 0], dtype=np.int8), "v")
    assert policy.decline == 1.0
