"""Each statistic against its definition, or another's implementation of it."""

import doctest
import importlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial import distance
from scipy.special import kolmogorov

from schemas.manifest import Manifest
from stream.drift.binning import Binning
from stream.drift.distances import EPSILON, jensen_shannon, psi
from stream.drift.significance import binomial_p, chi2_quantile, chi2_survival, holm, kolmogorov_p, psi_critical
from stream.drift.statistics import DriftStatistics
from tests.drift.sample_bundle import manifest, profile

MODULES = ("distances", "significance", "label_free")
some_counts = arrays(np.int64, 8, elements=st.integers(1, 10_000))


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_are_true(name: str) -> None:
    """Each has an example."""
    result = doctest.testmod(importlib.import_module(f"stream.drift.{name}"))
    assert result.attempted
    assert not result.failed


@given(some_counts, some_counts)
def test_psi_is_the_relative_entropy_both_ways(reference: NDArray[np.int64], current: NDArray[np.int64]) -> None:
    """Where no share is below the floor."""
    r, c = (each / each.sum() for each in (reference, current))
    assume(min(r.min(), c.min()) >= EPSILON)
    assert float(psi(reference, current)) == pytest.approx(float(stats.entropy(r, c) + stats.entropy(c, r)), abs=1e-12)


@given(some_counts, some_counts)
def test_psi_is_never_negative_and_does_not_care_which_is_the_reference(
    reference: NDArray[np.int64], current: NDArray[np.int64]
) -> None:
    """It is symmetric, and 0 for equal shares."""
    assert float(psi(reference, current)) >= 0
    assert float(psi(reference, current)) == pytest.approx(float(psi(current, reference)))
    assert float(psi(reference, 3 * reference)) == pytest.approx(0)


@given(arrays(np.int64, 5, elements=st.integers(0, 50)), arrays(np.int64, 5, elements=st.integers(0, 50)))
def test_jensen_shannon_is_scipy_s(reference: NDArray[np.int64], current: NDArray[np.int64]) -> None:
    """With empty categories too."""
    found = float(jensen_shannon(reference, current))
    if not reference.sum() or not current.sum():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(float(distance.jensenshannon(reference, current, base=2)), abs=1e-7)


@given(st.floats(0, 1), st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_kolmogorov_p_value_is_scipy_s_at_stephens_argument(apart: float, n: int, m: int) -> None:
    """Over both series."""
    root = np.sqrt(n * m / (n + m))
    expected = float(kolmogorov(apart * (root + 0.12 + 0.11 / root)))
    assert float(kolmogorov_p(apart, n, m)) == pytest.approx(expected, abs=1e-10)


def test_the_kolmogorov_p_value_is_near_the_exact_one() -> None:
    """Where the exact one can be computed, at sizes far below any window's."""
    for n, apart in ((50, 0.15), (50, 0.25), (200, 0.1), (200, 0.13)):
        exact = float(stats.kstwo.sf(apart, n))
        assert float(kolmogorov_p(apart, n, 10**9)) == pytest.approx(exact, rel=0.1)


@given(st.integers(1, 60), st.floats(1e-6, 0.5))
def test_chi_square_is_scipy_s(freedom: int, level: float) -> None:
    """Quantile and survival function, for even and odd degrees of freedom."""
    expected = float(stats.chi2.isf(level, freedom))
    assert chi2_quantile(freedom, level) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert chi2_survival(expected, freedom) == pytest.approx(level, rel=1e-9)


def test_chance_exceeds_the_critical_psi_as_often_as_it_says() -> None:
    """20,000 windows of 2,000 rows in deciles, each against a reference of its own: 5 %."""
    rng = np.random.default_rng(0)
    shares = np.full(10, 0.1)
    references, windows = rng.multinomial(20_000, shares, 20_000), rng.multinomial(2_000, shares, 20_000)
    found = np.array([float(psi(r, c)) for r, c in zip(references, windows, strict=True)])
    assert float((found > psi_critical(10, 2_000, 20_000, 0.05)).mean()) == pytest.approx(0.05, abs=0.006)


def test_one_bin_leaves_chance_nothing_and_an_empty_sample_says_nothing() -> None:
    """A constant column has a limit of 0 by chance; of no rows nothing is too much."""
    assert psi_critical([1, 10], 500, 1000, 0.01)[0] == 0
    assert (psi_critical(10, [0, 500], 1000, 0.01) > [1e6, 0]).all()


@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=1, max_size=12))
def test_holm_rejects_what_its_definition_rejects(p: list[float]) -> None:
    """Step down from the smallest, stop at the first that is not below its share of the level."""
    level = 0.05
    made = sorted(value for value in p if not np.isnan(value))
    rejected = 0
    while rejected < len(made) and made[rejected] * (len(made) - rejected) < level:
        rejected += 1
    corrected = holm(np.array(p))
    assert int((corrected < level).sum()) == rejected
    assert np.array_equal(np.isnan(corrected), np.isnan(p))
    assert (corrected[~np.isnan(corrected)] >= np.array(p)[~np.isnan(p)]).all()


def test_holm_corrects_each_window_for_itself() -> None:
    """Leading axes are windows."""
    p = np.random.default_rng(0).uniform(size=(7, 5))
    assert np.array_equal(holm(p), np.stack([holm(row) for row in p]))


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.001, 0.999))
def test_the_binomial_test_is_scipy_s(successes: int, more: int, probability: float) -> None:
    """Two-sided, by minimum likelihood."""
    trials = successes + more
    expected = float(stats.binomtest(successes, trials, probability).pvalue) if trials else 1.0
    assert binomial_p(successes, trials, probability) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(("successes", "probability", "p"), [(0, 0.0, 1), (1, 0.0, 0), (5, 1.0, 1), (4, 1.0, 0)])
def test_what_is_certain_leaves_nothing_to_chance(successes: int, probability: float, p: float) -> None:
    """A probability of 0 or 1."""
    assert binomial_p(successes, 5, probability) == p


@st.composite
def columns(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw a reference and a window: of any shape, with values that many rows share."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    grain = draw(st.sampled_from([0.0, 0.01, 0.5, 2.0]))
    both = []
    for count in (draw(st.integers(300, 3000)), draw(st.integers(5, 2000))):
        values = rng.normal(draw(st.floats(-1, 1)), draw(st.floats(0.1, 3)), size=count)
        values = np.maximum(values, draw(st.floats(-4, 1)))
        both.append((np.round(values / grain) * grain if grain else values).astype(np.float32))
    return both[0], both[1]


def one_column(values: NDArray[np.float32]) -> Manifest:
    """Return a manifest whose score has this reference."""
    return manifest(reference={}, score_reference=profile(values))


@given(columns())
def test_ks_is_off_by_a_quantile_s_share_at_most(both: tuple[NDArray[np.float32], NDArray[np.float32]]) -> None:
    """Against scipy's statistic of the raw values: 1/199, and what the reference's quantiles are off themselves."""
    reference, current = both
    grid = Binning(one_column(reference))
    counts = grid.count(np.zeros((len(current), 3), dtype=np.float32), current)
    found = float(DriftStatistics(grid).measure(counts).distance[-1])
    exact = float(stats.ks_2samp(reference, current, method="asymp").statistic)
    assert abs(found - exact) <= 1 / 199 + 2 / len(reference) + 1e-9


def test_a_constant_column_that_moves_is_seen_in_either_direction() -> None:
    """Upwards its values stay in the reference's upper bin: KS sees it by the edge just above."""
    grid = Binning(one_column(np.full(1000, 7, dtype=np.float32)))
    measure = DriftStatistics(grid)
    for value, distance_, moved in ((7.0, 0.0, False), (6.0, 1.0, True), (7.0000005, 1.0, True), (8.0, 1.0, True)):
        scores = np.full(500, value, dtype=np.float32)
        measured = measure.measure(grid.count(np.zeros((500, 3), dtype=np.float32), scores))
        assert float(measured.distance[-1]) == distance_
        assert bool(measured.p[-1] < 1e-9) is moved
