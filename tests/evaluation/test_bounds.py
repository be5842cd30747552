"""Bounds against exact probabilities: never more wrong than they say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from stream.evaluation.bounds import critical_rate, dkw_epsilon, bernoulli_kl, upper_bound, lower_bound, significantly_above

TRIALS = st.integers(1, 5000)
#: -ln of a probability between a half and 10⁻⁷.
NEG_LOG_ALPHA = st.floats(0.7, 16)
PROBABILITY = st.floats(1e-6, 1 - 1e-6)


@given(TRIALS, PROBABILITY, NEG_LOG_ALPHA)
def test_too_many_is_no_likelier_than_it_says(trials: int, p: float, neg_log_alpha: float) -> None:
    """The exact binomial probability of all counts that are called too many."""
    counts = np.arange(trials + 1)
    called = significantly_above(counts / trials, np.full(trials + 1, trials), p, neg_log_alpha)
    assert binom.pmf(counts[called], trials, p).sum() <= math.exp(-neg_log_alpha) * (1 + 1e-9)


@given(TRIALS, st.floats(0, 1), NEG_LOG_ALPHA)
def test_the_true_probability_is_seldom_outside(trials: int, share: float, neg_log_alpha: float) -> None:
    """From the end of what is believed, a count as extreme as the one seen is as unlikely as said."""
    count = round(share * trials)
    high, low = upper_bound(count / trials, trials, neg_log_alpha), lower_bound(count / trials, trials, neg_log_alpha)
    assert low <= count / trials <= high
    limit = math.exp(-neg_log_alpha) * (1 + 1e-6)
    assert high == pytest.approx(1) or binom.cdf(count, trials, high) <= limit
    assert low == pytest.approx(0) or binom.sf(count - 1, trials, low) <= limit


@given(TRIALS, PROBABILITY, NEG_LOG_ALPHA)
def test_a_ceiling_is_where_too_many_begins(trials: int, p: float, neg_log_alpha: float) -> None:
    """What is shown as the bound is what is tested."""
    bound = critical_rate(p, trials, neg_log_alpha)
    n = np.array([trials, trials])
    below, above = bound - 1e-6, bound + 1e-6
    assert not significantly_above(np.array([min(below, 1.0)]), n[:1], p, neg_log_alpha).any()
    if above <= 1:
        assert significantly_above(np.array([above]), n[:1], p, neg_log_alpha).all()


@given(PROBABILITY, PROBABILITY)
def test_divergence_is_none_of_itself_and_positive_otherwise(x: float, p: float) -> None:
    """KL(p‖p) = 0, and Pinsker's inequality: KL ≥ 2·(x - p)²."""
    assert bernoulli_kl(np.array([p]), p)[0] == pytest.approx(0, abs=1e-12)
    assert bernoulli_kl(np.array([x]), p)[0] >= 2 * (x - p) ** 2 - 1e-12


def test_what_a_certainty_rules_out_is_infinitely_far() -> None:
    """And what it asserts is no distance away."""
    assert bernoulli_kl(np.array([0.0, 0.5]), 0.0).tolist() == [0.0, math.inf]
    assert bernoulli_kl(np.array([1.0, 0.5]), 1.0).tolist() == [0.0, math.inf]


def test_without_trials_nothing_is_known() -> None:
    """Every probability is possible."""
    assert lower_bound(0.0, 0, 5.0) == pytest.approx(0)
    assert upper_bound(0.0, 0, 5.0) == pytest.approx(1)


def test_a_distribution_is_seldom_further_off_than_said() -> None:
    """Of 2,000 histograms of 500 draws, a tenth at most are off by more than the ε of a tenth."""
    shares = np.array([0.5, 0.2, 0.2, 0.1])
    drawn = np.random.default_rng(5).multinomial(500, shares, size=2000) / 500
    off = np.abs(drawn.cumsum(axis=1) - shares.cumsum()).max(axis=1)
    assert np.mean(off > dkw_epsilon(math.log(10), np.array([500]))) <= 0.1
