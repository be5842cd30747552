"""The report's statistics agree with their textbook definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from training.eda.measures import Ranking, normal_ranks, psi_or_none, total_variation, wilson

SAMPLES = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


@given(SAMPLES, SAMPLES)
def test_ks_is_the_largest_distance_of_the_distribution_functions(first: list[int], second: list[int]) -> None:
    """In the KS statistic, equal values, within a sample or between samples, form a single step."""
    values = np.array([*first, *second], dtype=float)
    of_first = np.arange(len(values)) < len(first)
    expected = max(abs(float(np.mean(np.array(first) <= at) - np.mean(np.array(second) <= at))) for at in values)
    assert Ranking(values).ks(of_first, ~of_first) == pytest.approx(expected)


def test_ks_of_an_empty_sample_is_none() -> None:
    """The KS statistic is None for a sample without rows."""
    values, no_rows = np.array([1.0, 2.0]), np.array([False, False])
    assert Ranking(values).ks(~no_rows, no_rows) is None
    assert Ranking(np.array([])).ks(np.array([], dtype=bool), np.array([], dtype=bool)) is None


def test_psi_is_the_formula() -> None:
    """PSI is Σ (c - r) · ln(c / r) over the shares of the bins."""
    reference, current = np.array([60, 40]), np.array([30, 70])
    r, c = np.array([0.6, 0.4]), np.array([0.3, 0.7])
    assert psi_or_none(reference, current) == pytest.approx(float(np.sum((c - r) * np.log(c / r))))
    assert psi_or_none(reference, reference) == 0


def test_psi_of_an_empty_bin_is_large_but_finite() -> None:
    """An empty bin gives a large, finite PSI; a sample without any rows gives None."""
    value = psi_or_none(np.array([100, 0]), np.array([0, 100]))
    assert value is not None
    assert 5 < value < np.inf
    assert psi_or_none(np.array([100, 0]), np.array([0, 0])) is None


def test_total_variation_ranges_from_zero_to_one() -> None:
    """The distance is 0 for equal shares and 1 for disjoint levels, whatever the sizes of the samples."""
    assert total_variation(np.array([1, 1]), np.array([50, 50])) == 0
    assert total_variation(np.array([10, 0]), np.array([0, 3])) == 1
    assert total_variation(np.array([0, 0]), np.array([0, 3])) is None


def test_wilson_intervals_contain_the_share_and_are_nan_without_trials() -> None:
    """The interval for 0 of 10 is 0 to 0.278, whereas a normal approximation would give a single point."""
    low, high = wilson(np.array([0, 5, 0]), np.array([10, 10, 0]))
    assert low[0] == 0
    assert high[0] == pytest.approx(0.2775, abs=1e-3)
    assert low[1] == pytest.approx(1 - high[1])
    assert np.isnan(low[2])


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=40))
def test_the_dot_product_of_normal_ranks_is_the_spearman_correlation(pairs: list[tuple[int, int]]) -> None:
    """The result equals scipy's, even with ties; for a constant column, where scipy returns NaN, it is 0."""
    first, second = np.array(pairs, dtype=float).T
    product = float(normal_ranks(first) @ normal_ranks(second))
    constant = first.min() == first.max() or second.min() == second.max()
    assert product == pytest.approx(0 if constant else spearmanr(first, second).statistic, abs=1e-5)


def test_missing_values_get_the_middle_rank() -> None:
    """Missing values add nothing to a correlation, and a column without values has ranks of zero."""
    ranks = normal_ranks(np.array([1.0, np.nan, 3.0, np.nan]))
    assert ranks.tolist() == pytest.approx([-(0.5**0.5), 0, 0.5**0.5, 0])
    assert not normal_ranks(np.full(3, np.nan)).any()
