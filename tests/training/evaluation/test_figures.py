"""Metrics equal those from scikit-learn or a manual count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from schemas.errors import DataError
from schemas.messages import Policy
from stream.scoring.policy import severities
from tests.training.evaluation.simulated_rows import scored, simulated, small
from training.evaluation.figures import DEFAULTS, FIGURES, FigureSettings, all_figures, evaluate
from training.evaluation.scored_rows import ScoredRows

POLICIES = [
    Policy("score", 0.3, 0.8),
    Policy("all", 0.0, 1.0),
    Policy("loss", 0.0, 0.5, kind="expected_loss", review_cost_minor=90),
]


@settings(max_examples=100, deadline=None)
@given(small(), st.sampled_from(POLICIES))
def test_figures_equal_scikit_learns(rows: ScoredRows, policy: Policy) -> None:
    """Metrics equal scikit-learn's with ties, without alerts, with only alerts, and for both kinds of policy."""
    figures = all_figures(rows, policy, DEFAULTS).values()
    labels, scores = rows.labels, rows.scores
    alerts = severities(scores, policy, rows.amount_minor) > 0
    expected = {
        "pr_auc": sk.average_precision_score(labels, scores),
        "roc_auc": sk.roc_auc_score(labels, scores),
        "precision": sk.precision_score(labels, alerts, zero_division=0),
        "recall": sk.recall_score(labels, alerts),
        "f1": sk.f1_score(labels, alerts),
        "brier": sk.brier_score_loss(labels, scores.astype(float)),
        "mean_score_ratio": scores.mean() / labels.mean(),
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected)
    if rows.amount_minor[labels == 1].sum():
        amounts = rows.amount_minor * labels
        assert figures["value_recall"] == pytest.approx(amounts[alerts].sum() / amounts.sum())
    if labels[alerts].any():
        wrong = sk.confusion_matrix(labels, alerts, labels=[0, 1])[0, 1]
        assert figures["false_positives_per_fraud"] == pytest.approx(wrong / labels[alerts].sum())


def test_every_figure_has_an_interval_around_it() -> None:
    """Every metric has an interval that contains it, and metrics are in the order of the report, PR-AUC first."""
    metrics = evaluate(simulated(), Policy("v", 0.5, 0.9))
    assert tuple(metrics) == FIGURES
    for metric in metrics.values():
        assert metric.low <= metric.value <= metric.high


def test_the_same_scores_give_the_same_interval() -> None:
    """The same scores give the same interval, so a report can be reproduced."""
    rows = simulated(500, fraud_share=0.1)
    assert evaluate(rows, POLICIES[0]) == evaluate(rows, POLICIES[0])


def test_a_perfect_model_has_perfect_figures() -> None:
    """A perfect model has perfect metrics, whose intervals have no width although some resamples have few frauds."""
    labels = np.array([0] * 95 + [1] * 5)
    metrics = evaluate(scored(labels, labels), Policy("v", 0.5, 1.0), FigureSettings(alert_rate=0.2))
    for name in ("pr_auc", "roc_auc", "precision", "recall", "f1", "value_recall", "mean_score_ratio"):
        assert (metrics[name].value, metrics[name].low, metrics[name].high) == (1, 1, 1)
    for name in ("brier", "false_positives_per_fraud", "expected_cost"):
        assert (metrics[name].value, metrics[name].low, metrics[name].high) == (0, 0, 0)


def test_without_alerts_nothing_is_caught() -> None:
    """Without alerts, precision is 0 by convention, and false positives per fraud are undefined and left out."""
    rows = simulated(2000)
    metrics = evaluate(rows.part(rows.scores < 0.9), Policy("v", 0.95, 1.0))
    assert [metrics[name].high for name in ("precision", "recall", "f1", "value_recall")] == [0, 0, 0, 0]
    assert set(FIGURES) - set(metrics) == {"false_positives_per_fraud"}


def test_frauds_without_an_amount_have_no_value_recall() -> None:
    """If all frauds are card checks with an amount of 0, value recall is undefined and left out."""
    metrics = evaluate(scored([0.1, 0.9, 0.2], [0, 1, 0], [5, 0, 5]), POLICIES[0])
    assert "value_recall" not in metrics
    assert metrics["recall"].value == 1


def test_one_class_has_no_figures() -> None:
    """Evaluating rows of only one class fails with a one-line error."""
    with pytest.raises(DataError, match="all 3 transactions are legitimate"):
        evaluate(scored([0.1, 0.9, 0.2], [0, 0, 0]), POLICIES[0])
