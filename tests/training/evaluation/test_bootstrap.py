"""Intervals equal those from resampled rows, and cover the true value as often as documented."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from schemas.messages import Policy
from tests.training.evaluation.simulated_rows import scored, simulated
from training.evaluation.alert_figures import alert_figures
from training.evaluation.bootstrap import interval, resample
from training.evaluation.costs import Costs
from training.evaluation.figures import DEFAULTS, all_figures, evaluate
from training.evaluation.ranking import ranking_figures

POLICY = Policy("v", 0.3, 1.0)


def test_intervals_are_those_of_resampled_rows() -> None:
    """Intervals from drawn weights equal those from copied rows."""
    rows = simulated(2000, seed=3, skill=2, fraud_share=0.05)
    metric = evaluate(rows, POLICY)["pr_auc"]
    random = np.random.default_rng(1)
    draws = (random.integers(0, 2000, 2000) for _ in range(600))
    resampled = [average_precision_score(rows.labels[drawn], rows.scores[drawn]) for drawn in draws]
    assert (metric.low, metric.high) == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=0.02)


def test_results_do_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing resamples together or one at a time gives the same results."""
    group = all_figures(simulated(300, fraud_share=0.2), POLICY, DEFAULTS)
    together = resample(group, 50)
    monkeypatch.setattr("training.evaluation.bootstrap._BLOCK_BYTES", 1)
    for name, draws in resample(group, 50).items():
        np.testing.assert_allclose(draws, together[name])


def test_intervals_cover_the_truth() -> None:
    """Intervals cover the true value in about 95 of 100 data sets, less often for metrics of amounts, as documented."""
    many = simulated(400_000, seed=99)
    truth = ranking_figures(many, 0.01).values() | alert_figures(many, POLICY, Costs()).values()
    names = ("pr_auc", "recall_at_alert_rate", "recall", "precision", "value_recall", "expected_cost")
    covered = dict.fromkeys(names, 0)
    trials = 100
    for seed in range(trials):
        rows = simulated(6000, seed=seed)
        for group in (ranking_figures(rows, 0.01), alert_figures(rows, POLICY, Costs())):
            draws, values = resample(group, 200), group.values()
            for name in set(names) & set(draws):
                metric = interval(values[name], draws[name])
                covered[name] += metric.low <= truth[name] <= metric.high
    shares = {name: count / trials for name, count in covered.items()}
    amounts = {"value_recall", "expected_cost"}
    assert {name for name, share in shares.items() if not share >= (0.75 if name in amounts else 0.88)} == set()


def test_resamples_without_a_fraud_are_left_out() -> None:
    """With a single fraud, a third of the resamples have no fraud and do not count for the interval of recall."""
    rows = scored([0.9, *np.linspace(0, 0.5, 40)], [1, *[0] * 40])
    draws = resample(all_figures(rows, POLICY, DEFAULTS), 300)
    assert 0.25 < np.isnan(draws["recall"]).mean() < 0.5
    metric = evaluate(rows, POLICY)["recall"]
    assert (metric.value, metric.low, metric.high) == (1, 1, 1)


def test_without_a_defined_draw_there_is_no_interval() -> None:
    """If a metric is undefined on all resamples, the ends of its interval are NaN, without a warning."""
    metric = interval(0.5, np.full(10, np.nan))
    assert np.isnan([metric.low, metric.high]).all()
