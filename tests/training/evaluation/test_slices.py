"""Metrics by amount band and hour of day."""

import numpy as np
import pytest

from schemas.errors import SettingsError
from schemas.messages import Policy
from tests.training.evaluation.simulated_rows import scored, simulated
from training.evaluation.figures import evaluate
from training.evaluation.slices import slice_figures

POLICY = Policy("v", 0.3, 0.9)
HOUR_MS = 3_600_000


def test_slices_of_each_kind_contain_every_transaction_once() -> None:
    """For each kind of slice, rows and frauds add up to the totals."""
    rows = simulated(6000, fraud_share=0.05)
    slices = slice_figures(rows, POLICY, resamples=20)
    for by in ("amount", "hour"):
        assert sum(s.rows for s in slices if s.by == by) == len(rows)
        assert sum(s.frauds for s in slices if s.by == by) == rows.labels.sum()
    assert len([s for s in slices if s.by == "hour"]) == 6


def test_a_slice_is_measured_on_its_own() -> None:
    """A slice has the same metrics as its rows alone, with intervals from these rows."""
    rows = simulated(4000, fraud_share=0.05)
    band = next(s for s in slice_figures(rows, POLICY, resamples=50) if s.name == "1,000 to 5,000 minor units")
    alone = rows.part((rows.amount_minor >= 1000) & (rows.amount_minor < 5000))
    assert band.metrics == evaluate(alone, POLICY, resamples=50)


def test_slices_without_frauds_have_the_figures_that_are_defined() -> None:
    """Slices without frauds have precision, cost and Brier score but no recall; empty bands are left out."""
    times = [0, 5 * HOUR_MS, 5 * HOUR_MS]
    slices = slice_figures(scored([0.1, 0.9, 0.2], [0, 1, 0], [500, 500, 500], times), POLICY, resamples=50)
    assert [(s.by, s.name, s.rows, s.frauds) for s in slices] == [
        ("amount", "0 to 1,000 minor units", 3, 1),
        ("hour", "00:00 to 04:00 UTC", 1, 0),
        ("hour", "04:00 to 08:00 UTC", 2, 1),
    ]
    assert {"precision", "expected_cost", "brier"} <= set(slices[1].metrics)
    assert not {"pr_auc", "recall", "mean_score_ratio"} & set(slices[1].metrics)
    assert not any(np.isnan(m.low) for s in slices for m in s.metrics.values())


@pytest.mark.parametrize("edges", [(), (5, 10), (0, 10, 10)])
def test_edges_that_leave_gaps_are_refused(edges: tuple[int, ...]) -> None:
    """Edges of amount bands are rejected unless they begin with 0 and ascend."""
    with pytest.raises(SettingsError, match="must begin with 0 and ascend"):
        slice_figures(scored([0.1, 0.9], [0, 1]), POLICY, amount_edges=edges)
