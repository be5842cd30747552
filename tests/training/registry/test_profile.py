"""What a bundle remembers of its training."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.messages import Policy
from stream.scoring.policy import thresholds
from training.evaluation.scored import Scored
from training.registry.profile import BINS, PARITY_ROWS, QUANTILES, choose_parity_rows, make_profile


def made_scored(
    scores: NDArray[np.float32], labels: NDArray[np.int8], amounts: NDArray[np.int64] | None = None
) -> Scored:
    """Scores of as many payments, of no amount unless amounts are given."""
    none = np.zeros(len(scores), dtype=np.int64)
    return Scored(scores, labels, none if amounts is None else amounts, none)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=200))
def test_a_profile_counts_every_row_once(values: list[float]) -> None:
    """Edges rise strictly, also where most values are equal; quantiles run from least to most."""
    column = np.array(values, dtype=np.float32)
    profile = make_profile(column)
    assert sum(profile.bin_counts) == len(column)
    assert len(profile.bin_counts) == len(profile.bin_edges) + 1 <= BINS
    assert (np.diff(profile.bin_edges) > 0).all()
    assert len(profile.quantiles) == QUANTILES
    assert (profile.quantiles[0], profile.quantiles[-1]) == (column.min(), column.max())


def test_deciles_hold_a_tenth_each() -> None:
    """With distinct values every bin has the same count."""
    assert make_profile(np.arange(1000, dtype=np.float32)).bin_counts == (100,) * BINS


def test_parity_rows_are_the_telling_ones() -> None:
    """Frauds, the rows at both thresholds, the lowest and the highest score are among them, each once."""
    random = np.random.default_rng(0)
    scores = random.random(5000).astype(np.float32)
    matrix = random.normal(size=(5000, 3)).astype(np.float32)
    labels = (scores > 0.99).astype(np.int8)
    policy = Policy("v", review=0.5, decline=0.8)
    parity = choose_parity_rows(matrix, made_scored(scores, labels), policy)
    assert len(parity.rows) == len(set(parity.rows)) == PARITY_ROWS
    for threshold in (policy.review, policy.decline):
        assert float(scores[np.argmin(np.abs(scores - threshold))]) in parity.scores
    assert sum(score > 0.99 for score in parity.scores) >= 16
    assert float(scores.min()) in parity.scores


def test_missing_values_are_no_part_of_a_profile() -> None:
    """JSON has no NaN, and drift of what is there must not hide behind what is not."""
    there = np.arange(1000, dtype=np.float32)
    with_gaps = np.insert(there, [0, 10, 999], np.float32("nan"))
    assert make_profile(with_gaps) == make_profile(there)


def test_parity_rows_of_expected_losses_stand_where_score_times_amount_does() -> None:
    """Each payment has a threshold of its own; a missing value is null."""
    random = np.random.default_rng(0)
    scores, amounts = random.random(5000).astype(np.float32), random.integers(1, 100_000, 5000)
    matrix = np.full((5000, 1), np.nan, dtype=np.float32)
    policy = Policy("v", review=0.0, decline=1.0, kind="expected_loss", review_cost_minor=500)
    parity = choose_parity_rows(matrix, made_scored(scores, np.zeros(5000, dtype=np.int8), amounts), policy)
    closest = np.argsort(np.abs(scores - thresholds(policy, amounts)))[:5]
    assert set(scores[closest].tolist()) <= set(parity.scores)
    assert set(parity.rows) == {(None,)}
