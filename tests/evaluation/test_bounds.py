"""Bounds compared with exact probabilities: the bounds never err more often than stated."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from stream.evaluation.bounds import (
    bernoulli_kl,
    critical_rate,
    dkw_epsilon,
    lower_bound,
    significantly_above,
    upper_bound,
)

TRIALS = st.integers(1, 5000)
#: -ln of a probability between a half and 10⁻⁷.
NEG_LOG_ALPHA = st.floats(0.7, 16)
PROBABILITY = st.floats(1e-6, 1 - 1e-6)


@given(TRIALS, PROBABILITY, NEG_LOG_ALPHA)
def test_significantly_above_is_at_most_as_likely_as_alpha(trials: int, p: float, neg_log_alpha: float) -> None:
    """The exact binomial probability of all flagged counts is at most alpha."""
    counts = np.arange(trials + 1)
    flagged = significantly_above(counts / trials, np.full(trials + 1, trials), p, neg_log_alpha)
    assert binom.pmf(counts[flagged], trials, p).sum() <= math.exp(-neg_log_alpha) * (1 + 1e-9)


@given(TRIALS, st.floats(0, 1), NEG_LOG_ALPHA)
def test_the_bounds_seldom_exclude_the_true_probability(trials: int, share: float, neg_log_alpha: float) -> None:
    """At either bound, a count as extreme as the observed one has a probability of at most alpha."""
    count = round(share * trials)
    high, low = upper_bound(count / trials, trials, neg_log_alpha), lower_bound(count / trials, trials, neg_log_alpha)
    assert low <= count / trials <= high
    limit = math.exp(-neg_log_alpha) * (1 + 1e-6)
    assert high == pytest.approx(1) or binom.cdf(count, trials, high) <= limit
    assert low == pytest.approx(0) or binom.sf(count - 1, trials, low) <= limit


@given(TRIALS, PROBABILITY, NEG_LOG_ALPHA)
def test_the_critical_rate_is_where_significance_starts(trials: int, p: float, neg_log_alpha: float) -> None:
    """The displayed bound is exactly the rate from which the test is significant."""
    bound = critical_rate(p, trials, neg_log_alpha)
    n = np.array([trials, trials])
    below, above = bound - 1e-6, bound + 1e-6
    assert not significantly_above(np.array([min(below, 1.0)]), n[:1], p, neg_log_alpha).any()
    if above <= 1:
        assert significantly_above(np.array([above]), n[:1], p, neg_log_alpha).all()


@given(PROBABILITY, PROBABILITY)
def test_kl_is_zero_for_equal_probabilities_and_positive_otherwise(x: float, p: float) -> None:
    """KL(p‖p) = 0, and Pinsker's inequality holds: KL ≥ 2·(x - p)²."""
    assert bernoulli_kl(np.array([p]), p)[0] == pytest.approx(0, abs=1e-12)
    assert bernoulli_kl(np.array([x]), p)[0] >= 2 * (x - p) ** 2 - 1e-12


def test_kl_is_infinite_for_what_a_certain_outcome_rules_out() -> None:
    """KL is 0 for a certain outcome, and infinite for any outcome that it rules out."""
    assert bernoulli_kl(np.array([0.0, 0.5]), 0.0).tolist() == [0.0, math.inf]
    assert bernoulli_kl(np.array([1.0, 0.5]), 1.0).tolist() == [0.0, math.inf]


def test_without_trials_nothing_is_excluded() -> None:
    """Without trials, every probability is possible."""
    assert lower_bound(0.0, 0, 5.0) == pytest.approx(0)
    assert upper_bound(0.0, 0, 5.0) == pytest.approx(1)


def test_the_error_of_a_distribution_seldom_exceeds_epsilon() -> None:
    """At an alpha of 0.1, at most a tenth of 2,000 histograms of 500 draws are off by more than ε."""
    shares = np.array([0.5, 0.2, 0.2, 0.1])
    drawn = np.random.default_rng(5).multinomial(500, shares, size=2000) / 500
    errors = np.abs(drawn.cumsum(axis=1) - shares.cumsum()).max(axis=1)
    assert np.mean(errors > dkw_epsilon(math.log(10), np.array([500]))) <= 0.1
