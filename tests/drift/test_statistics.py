"""Each statistic agrees with its definition, or with scipy."""

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

some_counts = arrays(np.int64, 8, elements=st.integers(1, 10_000))


@given(some_counts, some_counts)
def test_psi_is_the_relative_entropy_in_both_directions(
    reference: NDArray[np.int64], current: NDArray[np.int64]
) -> None:
    """PSI equals the sum of scipy's relative entropies in both directions if no share is below `EPSILON`."""
    r, c = (each / each.sum() for each in (reference, current))
    assume(min(r.min(), c.min()) >= EPSILON)
    assert float(psi(reference, current)) == pytest.approx(float(stats.entropy(r, c) + stats.entropy(c, r)), abs=1e-12)


@given(some_counts, some_counts)
def test_psi_is_not_negative_and_symmetric(reference: NDArray[np.int64], current: NDArray[np.int64]) -> None:
    """PSI is at least 0, 0 for equal shares, and the same in both directions."""
    assert float(psi(reference, current)) >= 0
    assert float(psi(reference, current)) == pytest.approx(float(psi(current, reference)))
    assert float(psi(reference, 3 * reference)) == pytest.approx(0)


@given(arrays(np.int64, 5, elements=st.integers(0, 50)), arrays(np.int64, 5, elements=st.integers(0, 50)))
def test_jensen_shannon_agrees_with_scipy(reference: NDArray[np.int64], current: NDArray[np.int64]) -> None:
    """The distance equals scipy's, even with empty categories."""
    result = float(jensen_shannon(reference, current))
    if not reference.sum() or not current.sum():
        assert np.isnan(result)
    else:
        assert result == pytest.approx(float(distance.jensenshannon(reference, current, base=2)), abs=1e-7)


@given(st.floats(0, 1), st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_kolmogorov_p_value_agrees_with_scipy(difference: float, n: int, m: int) -> None:
    """Both series for the Kolmogorov distribution give scipy's p-value at Stephens' argument."""
    root = np.sqrt(n * m / (n + m))
    expected = float(kolmogorov(difference * (root + 0.12 + 0.11 / root)))
    assert float(kolmogorov_p(difference, n, m)) == pytest.approx(expected, abs=1e-10)


def test_the_kolmogorov_p_value_is_close_to_the_exact_one() -> None:
    """The approximate p-value is close to the exact p-value, even for samples much smaller than any window."""
    for n, difference in ((50, 0.15), (50, 0.25), (200, 0.1), (200, 0.13)):
        exact = float(stats.kstwo.sf(difference, n))
        assert float(kolmogorov_p(difference, n, 10**9)) == pytest.approx(exact, rel=0.1)


@given(st.integers(1, 60), st.floats(1e-6, 0.5))
def test_chi_square_agrees_with_scipy(freedom: int, level: float) -> None:
    """The quantile and the survival function equal scipy's for even and odd degrees of freedom."""
    expected = float(stats.chi2.isf(level, freedom))
    assert chi2_quantile(freedom, level) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert chi2_survival(expected, freedom) == pytest.approx(level, rel=1e-9)


def test_chance_exceeds_the_critical_psi_at_its_level() -> None:
    """At level 0.05, chance makes 5 % of windows exceed the critical PSI.

    Each of the 20,000 windows of 2,000 rows is compared with a reference of its own, in deciles.
    """
    rng = np.random.default_rng(0)
    shares = np.full(10, 0.1)
    references, windows = rng.multinomial(20_000, shares, 20_000), rng.multinomial(2_000, shares, 20_000)
    psis = np.array([float(psi(r, c)) for r, c in zip(references, windows, strict=True)])
    assert float((psis > psi_critical(10, 2_000, 20_000, 0.05)).mean()) == pytest.approx(0.05, abs=0.006)


def test_the_critical_psi_of_one_bin_is_0_and_of_an_empty_sample_unreachable() -> None:
    """One bin has a PSI of 0 whatever happens, and a window without rows never raises an alarm."""
    assert psi_critical([1, 10], 500, 1000, 0.01)[0] == 0
    assert (psi_critical(10, [0, 500], 1000, 0.01) > [1e6, 0]).all()


@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=1, max_size=12))
def test_holm_rejects_as_its_definition_does(p: list[float]) -> None:
    """Corrected p-values reject the same tests as the definition, which stops at the first p-value above its level."""
    level = 0.05
    tested = sorted(value for value in p if not np.isnan(value))
    rejected = 0
    while rejected < len(tested) and tested[rejected] * (len(tested) - rejected) < level:
        rejected += 1
    corrected = holm(np.array(p))
    assert int((corrected < level).sum()) == rejected
    assert np.array_equal(np.isnan(corrected), np.isnan(p))
    assert (corrected[~np.isnan(corrected)] >= np.array(p)[~np.isnan(p)]).all()


def test_holm_corrects_each_window_separately() -> None:
    """p-values of several windows along a leading axis are corrected separately."""
    p = np.random.default_rng(0).uniform(size=(7, 5))
    assert np.array_equal(holm(p), np.stack([holm(row) for row in p]))


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.001, 0.999))
def test_the_binomial_test_agrees_with_scipy(successes: int, failures: int, probability: float) -> None:
    """The binomial test's p-value equals that of scipy's two-sided test, which also uses minimum likelihood."""
    trials = successes + failures
    expected = float(stats.binomtest(successes, trials, probability).pvalue) if trials else 1.0
    assert binomial_p(successes, trials, probability) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(("successes", "probability", "p"), [(0, 0.0, 1), (1, 0.0, 0), (5, 1.0, 1), (4, 1.0, 0)])
def test_a_certain_outcome_has_a_p_value_of_1(successes: int, probability: float, p: float) -> None:
    """With a probability of 0 or 1, the certain outcome has a p-value of 1, and any other outcome has one of 0."""
    assert binomial_p(successes, 5, probability) == p


@st.composite
def columns(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw a reference and a window from any distribution, including values that many rows share."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    grain = draw(st.sampled_from([0.0, 0.01, 0.5, 2.0]))
    both = []
    for count in (draw(st.integers(300, 3000)), draw(st.integers(5, 2000))):
        values = rng.normal(draw(st.floats(-1, 1)), draw(st.floats(0.1, 3)), size=count)
        values = np.maximum(values, draw(st.floats(-4, 1)))
        both.append((np.round(values / grain) * grain if grain else values).astype(np.float32))
    return both[0], both[1]


def one_column(values: NDArray[np.float32]) -> Manifest:
    """Return a manifest whose score reference is made from these values."""
    return manifest(reference={}, score_reference=profile(values))


@given(columns())
def test_the_error_of_ks_is_bounded_by_the_share_of_a_quantile(
    samples: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    """The KS statistic differs from scipy's on the raw values by at most 1/199, plus the quantiles' error."""
    reference, current = samples
    binning = Binning(one_column(reference))
    counts = binning.count(np.zeros((len(current), 3), dtype=np.float32), current)
    approximate = float(DriftStatistics(binning).measure(counts).distance[-1])
    exact = float(stats.ks_2samp(reference, current, method="asymp").statistic)
    assert abs(approximate - exact) <= 1 / 199 + 2 / len(reference) + 1e-9


def test_ks_detects_a_constant_column_that_moves_in_either_direction() -> None:
    """KS detects a move in either direction, upwards because there is an extra edge just above the constant value."""
    binning = Binning(one_column(np.full(1000, 7, dtype=np.float32)))
    statistics = DriftStatistics(binning)
    for value, distance_, moved in ((7.0, 0.0, False), (6.0, 1.0, True), (7.0000005, 1.0, True), (8.0, 1.0, True)):
        scores = np.full(500, value, dtype=np.float32)
        measured = statistics.measure(binning.count(np.zeros((500, 3), dtype=np.float32), scores))
        assert float(measured.distance[-1]) == distance_
        assert bool(measured.p[-1] < 1e-9) is moved


def test_counts_of_other_bins_are_rejected() -> None:
    """Counts with more bins than the bundle, or that fit no 64-bit integer, are an error rather than a wrong PSI."""
    binning = Binning(manifest())
    with pytest.raises(ValueError, match="do not match the bins"):
        DriftStatistics(binning).measure(np.zeros((2, binning.width + 1), dtype=np.int64))
    features, scores = binning.split(np.zeros(binning.width, dtype=np.int64))
    features["V1"] = (2**63, *features["V1"][1:])
    with pytest.raises(ValueError, match="do not fit in 64 bits"):
        binning.join(features, scores)


@given(st.integers(1, 30), st.floats(max_value=0))
def test_any_chi_square_exceeds_0(freedom: int, x: float) -> None:
    """The survival function is 1 at and below 0, where its series would take the logarithm of 0."""
    assert chi2_survival(x, freedom) == 1
