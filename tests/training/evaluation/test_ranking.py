"""Metrics for a fixed number of alerts, with and without ties at the last alert."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.evaluation.simulated_rows import scored, small
from training.evaluation.ranking import DAY_MS, daily_figures, ranking_figures
from training.evaluation.scored_rows import ScoredRows


def caught_within(rows: ScoredRows, budget: float) -> float:
    """Count frauds among the `budget` highest scores, averaged over all orders of equal scores, row by row."""
    caught, left = 0.0, budget
    for score in sorted(set(rows.scores.tolist()), reverse=True):
        labels = rows.labels[rows.scores == score]
        taken = min(left, len(labels))
        caught += taken * labels.mean()
        left -= taken
    return caught


@settings(max_examples=100, deadline=None)
@given(small(), st.sampled_from([0.01, 0.1, 0.35, 1.0]))
def test_recall_at_an_alert_rate(rows: ScoredRows, alert_rate: float) -> None:
    """Recall at an alert rate equals a manual count."""
    recall = ranking_figures(rows, alert_rate).values()["recall_at_alert_rate"]
    assert recall == pytest.approx(caught_within(rows, alert_rate * len(rows)) / rows.labels.sum())


@settings(max_examples=100, deadline=None)
@given(small(classes=1), st.integers(1, 12))
def test_precision_at_k_per_day(rows: ScoredRows, k: int) -> None:
    """Precision at k per day counts each day's k highest scores, or all on a day with fewer, even without frauds."""
    days = rows.event_time_ms // DAY_MS
    parts = [rows.part(days == day) for day in np.unique(days)]
    caught = sum(caught_within(part, k) for part in parts)
    precision = daily_figures(rows, k).values()["precision_at_alerts_a_day"]
    assert precision == pytest.approx(caught / sum(min(k, len(part)) for part in parts))


@settings(max_examples=50, deadline=None)
@given(small(), st.data())
def test_weights_equal_repeated_rows(rows: ScoredRows, data: st.DataObject) -> None:
    """Weights give the same metrics as repeating the rows."""
    n = len(rows)
    drawn = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=n)))
    repeated = ScoredRows(*(array[drawn] for array in vars(rows).values()))
    weights = np.bincount(drawn, minlength=n).astype(float)[:, np.newaxis]
    for group, expected in (
        (ranking_figures(rows, 0.2), ranking_figures(repeated, 0.2)),
        (daily_figures(rows, 3), daily_figures(repeated, 3)),
    ):
        by_weights = {name: value[0] for name, value in group.figures(group.terms @ weights).items()}
        assert by_weights == pytest.approx(expected.values(), nan_ok=True)


def test_ties_beyond_the_budget_count_in_part() -> None:
    """With a budget of two among four equal scores, one of them a fraud, half a fraud is caught."""
    tied = scored([0.5] * 4, [0, 1, 0, 0])
    assert ranking_figures(tied, 0.5).values()["recall_at_alert_rate"] == 0.5
    assert daily_figures(tied, 2).values()["precision_at_alerts_a_day"] == 0.25
