"""Reference profiles, verdict counts and parity rows of a bundle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.manifest import Feature, VerdictReference
from schemas.messages import Policy
from stream.scoring.policy import thresholds
from training.bundling.parity import PARITY_ROWS, choose_parity_rows
from training.bundling.reference_profile import (
    BINS,
    CATEGORY_BINS,
    QUANTILES,
    count_verdicts,
    make_profile,
    profile_features,
    profile_scores,
)
from training.evaluation.scored_rows import ScoredRows


def make_scored(
    scores: NDArray[np.float32], labels: NDArray[np.int8], amounts: NDArray[np.int64] | None = None
) -> ScoredRows:
    """Return scored rows, whose amounts are 0 unless given."""
    none = np.zeros(len(scores), dtype=np.int64)
    return ScoredRows(scores, labels, none if amounts is None else amounts, none)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=200))
def test_a_profile_counts_every_row_once(values: list[float]) -> None:
    """Bin edges ascend strictly, even if most values are equal, and quantiles range from the minimum to the maximum."""
    column = np.array(values, dtype=np.float32)
    profile = make_profile(column)
    assert sum(profile.bin_counts) == len(column)
    assert len(profile.bin_counts) == len(profile.bin_edges) + 1 <= BINS
    assert (np.diff(profile.bin_edges) > 0).all()
    assert len(profile.quantiles) == QUANTILES
    assert (profile.quantiles[0], profile.quantiles[-1]) == (column.min(), column.max())


def test_deciles_hold_a_tenth_each() -> None:
    """If all values are distinct, every bin has the same count."""
    assert make_profile(np.arange(1000, dtype=np.float32)).bin_counts == (100,) * BINS


def test_parity_rows_are_those_that_a_broken_model_scores_differently() -> None:
    """Parity rows include frauds, the rows at both thresholds, and the lowest and highest score, each once."""
    random = np.random.default_rng(0)
    scores = random.random(5000).astype(np.float32)
    matrix = random.normal(size=(5000, 3)).astype(np.float32)
    labels = (scores > 0.99).astype(np.int8)
    policy = Policy("v", review=0.5, decline=0.8)
    parity = choose_parity_rows(matrix, make_scored(scores, labels), policy)
    assert len(parity.rows) == len(set(parity.rows)) == PARITY_ROWS
    for threshold in (policy.review, policy.decline):
        assert float(scores[np.argmin(np.abs(scores - threshold))]) in parity.scores
    assert sum(score > 0.99 for score in parity.scores) >= 16
    assert float(scores.min()) in parity.scores


def test_missing_values_are_counted_separately() -> None:
    """Missing values have their own count and do not change the profile of the other values."""
    present = np.arange(1000, dtype=np.float32)
    with_gaps = np.insert(present, [0, 10, 999], np.float32("nan"))
    assert make_profile(with_gaps) == replace(make_profile(present), missing=3)


def test_a_constant_column_has_one_edge() -> None:
    """Values below the constant fall into the bin below the edge, all others into the bin of the constant."""
    profile = make_profile(np.full(50, 7, dtype=np.float32))
    assert (profile.bin_edges, profile.bin_counts) == ((7.0,), (0, 50))


@pytest.mark.parametrize("categories", [1, 2, CATEGORY_BINS - 1, CATEGORY_BINS, CATEGORY_BINS + 1, 1000])
def test_categories_have_bins_of_their_own_up_to_twenty(categories: int) -> None:
    """Rarer categories share a bin, unknown categories fall into the last bin, and missing values are in no bin."""
    feature = Feature("shop", 0.0, "categorical", tuple(str(i) for i in range(categories)))
    codes = [*range(categories), categories, categories, np.nan, np.nan, np.nan]
    profile = profile_features([feature], np.array(codes, dtype=np.float32)[:, np.newaxis])["shop"]
    own, pooled = min(categories, CATEGORY_BINS), max(categories - CATEGORY_BINS, 0)
    assert profile.bin_counts == (*(1,) * own, *((pooled,) if pooled else ()), 2)
    assert profile.bin_edges[-1] == categories
    assert (profile.missing, profile.quantiles) == (3, ())


def test_the_tail_of_the_scores_has_further_edges() -> None:
    """There are edges at the 99%, 99.5% and 99.9% quantiles and at both thresholds, even if no score reaches them."""
    scores = (np.arange(10_000) / 10_000).astype(np.float32)
    profile = profile_scores(scores, Policy("v", review=0.5005, decline=1.0))
    tail = np.quantile(scores.astype(np.float64), (0.99, 0.995, 0.999))
    assert {*tail.tolist(), 0.5005, 1.0} <= set(profile.bin_edges)
    assert (sum(profile.bin_counts), profile.bin_counts[-1]) == (10_000, 0)


def test_a_review_threshold_by_expected_loss_is_no_edge() -> None:
    """The review threshold by expected loss depends on the amount, so it does not become a bin edge."""
    scores = (np.arange(10_000) / 10_000).astype(np.float32)
    policy = Policy("v", review=0.0, decline=0.975, kind="expected_loss", review_cost_minor=500)
    edges = profile_scores(scores, policy).bin_edges
    assert 0.975 in edges
    assert 0.0 not in edges


def test_verdicts_are_counted_by_the_policy() -> None:
    """Each row is counted under the verdict that the policy gives it."""
    scores = np.array([0.1, 0.2, 0.6, 0.95], dtype=np.float32)
    counted = count_verdicts(make_scored(scores, np.zeros(4, dtype=np.int8)), Policy("v", review=0.5, decline=0.9))
    assert counted == VerdictReference(approved=2, reviewed=1, declined=1)


def test_parity_rows_by_expected_loss_depend_on_the_amount() -> None:
    """Parity rows are near each payment's own threshold, and missing values are stored as null."""
    random = np.random.default_rng(0)
    scores, amounts = random.random(5000).astype(np.float32), random.integers(1, 100_000, 5000)
    matrix = np.full((5000, 1), np.nan, dtype=np.float32)
    policy = Policy("v", review=0.0, decline=1.0, kind="expected_loss", review_cost_minor=500)
    parity = choose_parity_rows(matrix, make_scored(scores, np.zeros(5000, dtype=np.int8), amounts), policy)
    closest = np.argsort(np.abs(scores - thresholds(policy, amounts)))[:5]
    assert set(scores[closest].tolist()) <= set(parity.scores)
    assert set(parity.rows) == {(None,)}
