"""The statistics agree with their textbook forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from training.eda.measures import Ranking, normal_ranks, psi, total_variation, wilson

SAMPLES = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


@given(SAMPLES, SAMPLES)
def test_ks_is_the_largest_distance_of_the_distribution_functions(first: list[int], second: list[int]) -> None:
    """Ties, within a sample and between the two, are one step each."""
    values = np.array([*first, *second], dtype=float)
    of_first = np.arange(len(values)) < len(first)
    expected = max(abs(float(np.mean(np.array(first) <= at) - np.mean(np.array(second) <= at))) for at in values)
    assert Ranking(values).ks(of_first, ~of_first) == pytest.approx(expected)


def test_ks_of_nothing_is_none() -> None:
    """A part without rows cannot be compared."""
    values, nobody = np.array([1.0, 2.0]), np.array([False, False])
    assert Ranking(values).ks(~nobody, nobody) is None
    assert Ranking(np.array([])).ks(np.array([], dtype=bool), np.array([], dtype=bool)) is None


def test_psi_is_the_formula() -> None:
    """Σ (c - r) · ln(c / r) of shares, with half a row in every bin."""
    reference, current = np.array([60, 40]), np.array([30, 70])
    r, c = np.array([60.5, 40.5]) / 101, np.array([30.5, 70.5]) / 101
    assert psi(reference, current) == pytest.approx(float(np.sum((c - r) * np.log(c / r))))
    assert psi(reference, reference) == 0


def test_psi_of_an_empty_bin_is_large_but_finite() -> None:
    """And of an empty part there is none."""
    value = psi(np.array([100, 0]), np.array([0, 100]))
    assert value is not None
    assert 5 < value < np.inf
    assert psi(np.array([100, 0]), np.array([0, 0])) is None


def test_total_variation_goes_from_alike_to_apart() -> None:
    """Whatever the sizes of the samples."""
    assert total_variation(np.array([1, 1]), np.array([50, 50])) == 0
    assert total_variation(np.array([10, 0]), np.array([0, 3])) == 1
    assert total_variation(np.array([0, 0]), np.array([0, 3])) is None


def test_wilson_holds_its_share_and_knows_nothing_of_nothing() -> None:
    """The interval of 0 in 10 is not a point, which a normal approximation makes of it (Wilson: 0 to 0.278)."""
    low, high = wilson(np.array([0, 5, 0]), np.array([10, 10, 0]))
    assert low[0] == 0
    assert high[0] == pytest.approx(0.2775, abs=1e-3)
    assert low[1] == pytest.approx(1 - high[1])
    assert np.isnan(low[2])


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=40))
def test_products_of_normal_ranks_are_spearmans_correlation(pairs: list[tuple[int, int]]) -> None:
    """With ties; 0 where a column is constant and scipy has nothing to say."""
    first, second = np.array(pairs, dtype=float).T
    found = float(normal_ranks(first) @ normal_ranks(second))
    constant = first.min() == first.max() or second.min() == second.max()
    assert found == pytest.approx(0 if constant else spearmanr(first, second).statistic, abs=1e-5)


def test_missing_values_pull_in_no_direction() -> None:
    """They have the middle rank."""
    ranks = normal_ranks(np.array([1.0, np.nan, 3.0, np.nan]))
    assert ranks.tolist() == pytest.approx([-(0.5**0.5), 0, 0.5**0.5, 0])
    assert not normal_ranks(np.full(3, np.nan)).any()
