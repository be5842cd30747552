"""From scores to verdicts: a threshold belongs to the verdict above it."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.messages import Policy, Verdict
from stream.scoring.policy import VERDICTS, severities

SCORE = st.floats(0, 1, width=32)


def verdict(score: float, policy: Policy) -> Verdict:
    """Return the verdict of one float32 score."""
    return VERDICTS[int(severities(np.array([score], dtype=np.float32), policy, np.array([100]))[0])]


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0.0, "approve"), (0.4999, "approve"), (0.5, "review"), (0.7499, "review"), (0.75, "decline"), (1.0, "decline")],
)
def test_a_score_at_a_threshold_reaches_it(score: float, expected: str) -> None:
    """Score ≥ decline declines, else score ≥ review is reviewed."""
    assert verdict(score, Policy("1", review=0.5, decline=0.75)) == expected


@given(SCORE)
def test_a_threshold_that_is_a_score_of_the_model_is_reached_by_it(score: float) -> None:
    """And by no score below: a threshold found offline alerts the same transactions online."""
    policy = Policy("1", review=score, decline=score)
    assert verdict(score, policy) == "decline"
    below = float(np.nextafter(np.float32(score), np.float32(-1)))
    assume(below >= 0)
    assert verdict(below, policy) == "approve"


def test_a_decimal_threshold_is_not_rounded_to_the_scores_precision() -> None:
    """0.7 as float32 is below 0.7: compared as float32 both would be equal."""
    assert float(np.float32(0.7)) < 0.7
    assert verdict(0.7, Policy("1", review=0.7, decline=1)) == "approve"


def test_equal_thresholds_leave_no_review() -> None:
    """Between them is no room."""
    policy = Policy("1", review=0.5, decline=0.5)
    assert {verdict(score, policy) for score in (0.0, 0.49, 0.5, 1.0)} == {"approve", "decline"}


def test_a_threshold_of_zero_lets_nothing_pass() -> None:
    """Zero is reached by every score."""
    assert verdict(0.0, Policy("1", review=0.0, decline=1.0)) == "review"


@given(st.lists(SCORE), SCORE, SCORE)
def test_a_higher_score_is_never_judged_more_mildly(scores: list[float], one: float, other: float) -> None:
    """Severity rises with the score."""
    policy = Policy("1", min(one, other), max(one, other))
    amounts = np.zeros(len(scores), dtype=np.int64)
    assert (np.diff(severities(np.sort(np.array(scores, dtype=np.float32)), policy, amounts)) >= 0).all()
