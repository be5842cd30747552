"""From scores to verdicts: a threshold belongs to the verdict above it."""

from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.messages import Policy, Verdict
from stream.scoring.policy import VERDICTS, severities, thresholds

SCORE = st.floats(0, 1, width=32)
#: Up to a million units: beyond, a double's own rounding decides ties.
AMOUNT = st.integers(0, 10**8)
BY_LOSS = Policy("1", review=0.0, decline=0.75, kind="expected_loss", review_cost_minor=500)


def verdict(score: float, policy: Policy, amount_minor: int = 250) -> Verdict:
    """Return the verdict of one float32 score."""
    return VERDICTS[int(severities(np.array([score], dtype=np.float32), policy, np.array([amount_minor]))[0])]


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
    ordered = np.sort(np.array(scores, dtype=np.float32))
    assert (np.diff(severities(ordered, policy, np.full(len(ordered), 250))) >= 0).all()


@pytest.mark.parametrize(
    ("score", "amount_minor", "expected"),
    [
        pytest.param(0.5, 1000, "review", id="the loss is the cost"),
        pytest.param(0.5, 999, "approve", id="just below"),
        pytest.param(0.001, 500_000, "review", id="a low score of a high amount"),
        pytest.param(1.0, 499, "approve", id="less at stake than a review costs"),
        pytest.param(0.75, 1000, "decline", id="the decline threshold"),
        pytest.param(0.75, 600, "approve", id="the decline threshold, too little at stake"),
        pytest.param(1.0, 0, "approve", id="nothing at stake"),
        pytest.param(0.0, 10**15, "approve", id="no chance of fraud"),
    ],
)
def test_expected_loss_weighs_the_score_by_the_amount(score: float, amount_minor: int, expected: str) -> None:
    """Score · amount ≥ review cost is reviewed; only of what is reviewed anything is declined."""
    assert verdict(score, BY_LOSS, amount_minor) == expected


@given(SCORE, AMOUNT, st.integers(1, 10**8))
def test_expected_loss_is_reckoned_exactly(score: float, amount_minor: int, cost: int) -> None:
    """As with fractions of any precision, at a tie too."""
    policy = msgspec.structs.replace(BY_LOSS, review_cost_minor=cost)
    expected = Fraction(score) * amount_minor >= cost
    assert (verdict(score, policy, amount_minor) != "approve") == expected


@given(SCORE, AMOUNT, st.sampled_from([BY_LOSS, Policy("1", 0.25, 0.75)]))
def test_the_threshold_says_what_is_reviewed(score: float, amount_minor: int, policy: Policy) -> None:
    """It is finite, and whoever reads it next to a score finds the verdict."""
    (threshold,) = thresholds(policy, np.array([amount_minor]))
    assert 0 <= threshold <= 2
    assert (verdict(score, policy, amount_minor) != "approve") == (score >= threshold)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"review": 0.9}, "review 0.9 is above decline 0.75"),
        ({"review": -0.1}, "review"),
        ({"decline": 1.5}, "decline"),
        ({"kind": "expected_loss"}, "expected_loss needs a review_cost_minor of at least 1"),
        ({"kind": "expected_loss", "review_cost_minor": -500}, "review_cost_minor"),
        ({"kind": "expected_loss", "review_cost_minor": 0.5}, "review_cost_minor"),
        ({"review_cost_minor": 500}, "review_cost_minor is for kind expected_loss"),
        ({"kind": "cost"}, "kind"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(changes: dict[str, Any], words: str) -> None:
    """Wherever one is read, with what is wrong."""
    raw = msgspec.json.encode({"version": "1", "review": 0.25, "decline": 0.75} | changes)
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.json.decode(raw, type=Policy)
