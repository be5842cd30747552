"""Figures equal scikit-learn's, and their intervals are those of resampling rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from training.evaluation.figures import evaluate


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_figures_are_the_ones_everyone_uses(data: st.DataObject) -> None:
    """Also with ties, with no alerts, and with every row alerted."""
    size = data.draw(st.integers(2, 60))
    levels = data.draw(st.lists(st.integers(0, 8), min_size=size, max_size=size))
    labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)), dtype=np.int8)
    labels[:2] = [0, 1]
    scores = (np.array(levels) / 8).astype(np.float32)
    threshold = data.draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))
    alerts = scores >= threshold
    figures = {name: metric.value for name, metric in evaluate(scores, labels, threshold).items()}
    assert figures == pytest.approx(
        {
            "pr_auc": sk.average_precision_score(labels, scores),
            "roc_auc": sk.roc_auc_score(labels, scores),
            "precision": sk.precision_score(labels, alerts, zero_division=0),
            "recall": sk.recall_score(labels, alerts),
            "f1": sk.f1_score(labels, alerts),
        }
    )


def test_intervals_are_those_of_resampled_rows() -> None:
    """Drawing whole steps of the ranking has the same distribution as drawing rows one by one."""
    random = np.random.default_rng(3)
    labels = (random.random(2000) < 0.05).astype(np.int8)
    scores = np.round(random.normal(labels * 1.5), 2).astype(np.float32)
    metric = evaluate(scores, labels, 1.5)["pr_auc"]
    draws = (random.integers(0, 2000, 2000) for _ in range(400))
    resampled = [sk.average_precision_score(labels[rows], scores[rows]) for rows in draws]
    assert (metric.low, metric.high) == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=0.02)
    assert metric.low < metric.value < metric.high


def test_the_same_scores_give_the_same_interval() -> None:
    """A report can be made again."""
    labels = np.array([0, 1] * 50, dtype=np.int8)
    scores = np.linspace(0, 1, 100, dtype=np.float32)
    assert evaluate(scores, labels, 0.5) == evaluate(scores, labels, 0.5)


def test_a_perfect_model_has_no_doubt() -> None:
    """All figures and their intervals are 1, though some resamples hold few frauds."""
    labels = np.array([0] * 95 + [1] * 5, dtype=np.int8)
    for metric in evaluate(labels.astype(np.float32), labels, 0.5).values():
        assert (metric.value, metric.low, metric.high) == (1, 1, 1)
