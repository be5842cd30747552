"""Bounds against exact probabilities: never more wrong than they say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from stream.evaluation.bounds import ceiling, distance, divergence, highest, lowest, too_many

TRIALS = st.integers(1, 5000)
#: -ln of a probability between a half and 10⁻⁷.
LOG_ODDS = st.floats(0.7, 16)
PROBABILITY = st.floats(1e-6, 1 - 1e-6)


@given(TRIALS, PROBABILITY, LOG_ODDS)
def test_too_many_is_no_likelier_than_it_says(trials: int, p: float, log_odds: float) -> None:
    """The exact binomial probability of all counts that are called too many."""
    counts = np.arange(trials + 1)
    called = too_many(counts / trials, np.full(trials + 1, trials), p, log_odds)
    assert binom.pmf(counts[called], trials, p).sum() <= math.exp(-log_odds) * (1 + 1e-9)


@given(TRIALS, st.floats(0, 1), LOG_ODDS)
def test_the_true_probability_is_seldom_outside(trials: int, share: float, log_odds: float) -> None:
    """From the end of what is believed, a count as extreme as the one seen is as unlikely as said."""
    count = round(share * trials)
    high, low = highest(count / trials, trials, log_odds), lowest(count / trials, trials, log_odds)
    assert low <= count / trials <= high
    limit = math.exp(-log_odds) * (1 + 1e-6)
    assert high == pytest.approx(1) or binom.cdf(count, trials, high) <= limit
    assert low == pytest.approx(0) or binom.sf(count - 1, trials, low) <= limit


@given(TRIALS, PROBABILITY, LOG_ODDS)
def test_a_ceiling_is_where_too_many_begins(trials: int, p: float, log_odds: float) -> None:
    """What is shown as the bound is what is tested."""
    bound = ceiling(p, trials, log_odds)
    n = np.array([trials, trials])
    below, above = bound - 1e-6, bound + 1e-6
    assert not too_many(np.array([min(below, 1.0)]), n[:1], p, log_odds).any()
    if above <= 1:
        assert too_many(np.array([above]), n[:1], p, log_odds).all()


@given(PROBABILITY, PROBABILITY)
def test_divergence_is_none_of_itself_and_positive_otherwise(x: float, p: float) -> None:
    """KL(p‖p) = 0, and Pinsker's inequality: KL ≥ 2·(x - p)²."""
    assert divergence(np.array([p]), p)[0] == pytest.approx(0, abs=1e-12)
    assert divergence(np.array([x]), p)[0] >= 2 * (x - p) ** 2 - 1e-12


def test_what_a_certainty_rules_out_is_infinitely_far() -> None:
    """And what it asserts is no distance away."""
    assert divergence(np.array([0.0, 0.5]), 0.0).tolist() == [0.0, math.inf]
    assert divergence(np.array([1.0, 0.5]), 1.0).tolist() == [0.0, math.inf]


def test_without_trials_nothing_is_known() -> None:
    """Every probability is possible."""
    assert lowest(0.0, 0, 5.0) == pytest.approx(0)
    assert highest(0.0, 0, 5.0) == pytest.approx(1)


def test_a_distribution_is_seldom_further_off_than_said() -> None:
    """Of 2,000 histograms of 500 draws, a tenth at most are off by more than the ε of a tenth."""
    shares = np.array([0.5, 0.2, 0.2, 0.1])
    drawn = np.random.default_rng(5).multinomial(500, shares, size=2000) / 500
    off = np.abs(drawn.cumsum(axis=1) - shares.cumsum()).max(axis=1)
    assert np.mean(off > distance(math.log(10), np.array([500]))) <= 0.1
