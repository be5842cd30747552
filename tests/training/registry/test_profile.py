"""What a bundle remembers of its training."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.messages import Policy
from training.registry.profile import BINS, PARITY_ROWS, QUANTILES, choose_parity_rows, make_profile


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
    parity = choose_parity_rows(matrix, scores, labels, policy)
    assert len(parity.rows) == len(set(parity.rows)) == PARITY_ROWS
    for threshold in (policy.review, policy.decline):
        assert float(scores[np.argmin(np.abs(scores - threshold))]) in parity.scores
    assert sum(score > 0.99 for score in parity.scores) >= 16
    assert float(scores.min()) in parity.scores
