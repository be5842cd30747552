"""Verdicts from scores: a score at a threshold gets the more severe verdict."""

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
#: Up to a million units; above that, the rounding of doubles decides ties.
AMOUNT = st.integers(0, 10**8)
BY_LOSS = Policy("1", review=0.0, decline=0.75, kind="expected_loss", review_cost_minor=500)


def verdict(score: float, policy: Policy, amount_minor: int = 250) -> Verdict:
    """Return the verdict of one float32 score."""
    return VERDICTS[int(severities(np.array([score], dtype=np.float32), policy, np.array([amount_minor]))[0])]


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0.0, "approve"), (0.4999, "approve"), (0.5, "review"), (0.7499, "review"), (0.75, "decline"), (1.0, "decline")],
)
def test_a_score_at_a_threshold_gets_the_more_severe_verdict(score: float, expected: str) -> None:
    """A score at the decline threshold is declined, and a score at the review threshold is reviewed."""
    assert verdict(score, Policy("1", review=0.5, decline=0.75)) == expected


@given(SCORE)
def test_a_score_reaches_an_equal_threshold(score: float) -> None:
    """A score reaches an equal threshold and the next lower score does not, so offline thresholds work online."""
    policy = Policy("1", review=score, decline=score)
    assert verdict(score, policy) == "decline"
    below = float(np.nextafter(np.float32(score), np.float32(-1)))
    assume(below >= 0)
    assert verdict(below, policy) == "approve"


def test_a_decimal_threshold_is_not_rounded_to_float32() -> None:
    """0.7 as float32 does not reach a threshold of 0.7, although both would be equal if compared as float32."""
    assert float(np.float32(0.7)) < 0.7
    assert verdict(0.7, Policy("1", review=0.7, decline=1)) == "approve"


def test_equal_thresholds_leave_no_review() -> None:
    """No score lies between equal thresholds."""
    policy = Policy("1", review=0.5, decline=0.5)
    assert {verdict(score, policy) for score in (0.0, 0.49, 0.5, 1.0)} == {"approve", "decline"}


def test_a_review_threshold_of_zero_approves_nothing() -> None:
    """With a review threshold of zero, no score is approved, because every score reaches zero."""
    assert verdict(0.0, Policy("1", review=0.0, decline=1.0)) == "review"


@given(st.lists(SCORE), SCORE, SCORE)
def test_severity_never_falls_with_the_score(scores: list[float], one: float, other: float) -> None:
    """A higher score never gets a milder verdict."""
    policy = Policy("1", min(one, other), max(one, other))
    ordered = np.sort(np.array(scores, dtype=np.float32))
    assert (np.diff(severities(ordered, policy, np.full(len(ordered), 250))) >= 0).all()


@pytest.mark.parametrize(
    ("score", "amount_minor", "expected"),
    [
        pytest.param(0.5, 1000, "review", id="expected loss equals the cost"),
        pytest.param(0.5, 999, "approve", id="expected loss just below the cost"),
        pytest.param(0.001, 500_000, "review", id="low score, high amount"),
        pytest.param(1.0, 499, "approve", id="amount below the review cost"),
        pytest.param(0.75, 1000, "decline", id="the decline threshold"),
        pytest.param(0.75, 600, "approve", id="the decline threshold, but too small an amount"),
        pytest.param(1.0, 0, "approve", id="amount of zero"),
        pytest.param(0.0, 10**15, "approve", id="score of zero"),
    ],
)
def test_expected_loss_multiplies_score_and_amount(score: float, amount_minor: int, expected: str) -> None:
    """Score · amount ≥ review cost is reviewed; only what would be reviewed can be declined."""
    assert verdict(score, BY_LOSS, amount_minor) == expected


@given(SCORE, AMOUNT, st.integers(1, 10**8))
def test_expected_loss_is_computed_exactly(score: float, amount_minor: int, cost: int) -> None:
    """The verdict is the same as when computed with exact fractions, even at a tie."""
    policy = msgspec.structs.replace(BY_LOSS, review_cost_minor=cost)
    expected = Fraction(score) * amount_minor >= cost
    assert (verdict(score, policy, amount_minor) != "approve") == expected


@given(SCORE, AMOUNT, st.sampled_from([BY_LOSS, Policy("1", 0.25, 0.75)]))
def test_the_threshold_explains_the_verdict(score: float, amount_minor: int, policy: Policy) -> None:
    """The recorded threshold is finite, and comparing it with the score gives the verdict."""
    (threshold,) = thresholds(policy, np.array([amount_minor]))
    assert 0 <= threshold <= 2
    assert (verdict(score, policy, amount_minor) != "approve") == (score >= threshold)


@pytest.mark.parametrize(
    ("changes", "text"),
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
def test_an_invalid_policy_is_refused(changes: dict[str, Any], text: str) -> None:
    """Decoding an invalid policy fails with an error that names the defect."""
    raw = msgspec.json.encode({"version": "1", "review": 0.25, "decline": 0.75} | changes)
    with pytest.raises(msgspec.ValidationError, match=text):
        msgspec.json.decode(raw, type=Policy)
