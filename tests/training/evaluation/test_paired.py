"""Two models are compared on the same resampled transactions."""

import numpy as np
import pytest

from schemas.errors import DataError
from schemas.messages import Policy
from tests.training.evaluation.simulated_rows import scored, simulated
from training.evaluation.figures import FIGURES, FigureSettings, evaluate
from training.evaluation.paired import PairedDifference, compare_paired
from training.evaluation.scored_rows import ScoredRows

POLICY = Policy("v", 0.3, 0.9)


def blurred(rows: ScoredRows, noise: float, seed: int = 0) -> ScoredRows:
    """Return the same transactions, scored by a weaker model that sees less evidence."""
    scores = np.clip(rows.scores.astype(float), 1e-9, 1 - 1e-9)
    log_odds = np.log(scores / (1 - scores)) + np.random.default_rng(seed).normal(0, noise, len(rows))
    return scored(1 / (1 + np.exp(-log_odds)), rows.labels, rows.amount_minor, rows.event_time_ms)


def test_a_model_does_not_differ_from_itself() -> None:
    """Compared with itself, a model has differences and intervals of 0, and neither side is better."""
    rows = simulated(800, fraud_share=0.05)
    pairs = compare_paired(rows, POLICY, rows, POLICY, resamples=100)
    assert tuple(pairs) == FIGURES
    for pair in pairs.values():
        assert (pair.a, pair.difference.value, pair.difference.low, pair.difference.high) == (pair.b, 0, 0, 0)
        assert pair.b_better == 0.5


def test_a_better_model_is_better_in_every_figure() -> None:
    """A better model is better in every metric, including those that are better when lower or best at 1."""
    rows = simulated(20_000, fraud_share=0.02)
    setup = FigureSettings(alert_rate=0.02)
    pairs = compare_paired(blurred(rows, 3), POLICY, rows, POLICY, settings=setup, resamples=200)
    for name, pair in pairs.items():
        assert pair.b_better > 0.9, name
        assert pair.difference.low <= pair.difference.value <= pair.difference.high
    assert pairs["pr_auc"].difference.low > 0 > pairs["expected_cost"].difference.high


def test_a_paired_interval_is_narrower_than_two_separate_ones() -> None:
    """For similar models, a paired interval is narrower than two separate ones, because hard resamples cancel out."""
    rows = simulated(5000)
    other = blurred(rows, 0.3)
    paired = compare_paired(rows, POLICY, other, POLICY)["pr_auc"].difference
    alone = evaluate(rows, POLICY)["pr_auc"]
    assert paired.high - paired.low < 0.6 * (alone.high - alone.low)


def test_swapping_the_models_changes_the_sign() -> None:
    """Swapping the models reverses the sign of the difference on every resample."""
    rows = simulated(2000, fraud_share=0.05)
    other = blurred(rows, 1)
    forward = compare_paired(rows, POLICY, other, POLICY, resamples=200)
    back = compare_paired(other, POLICY, rows, POLICY, resamples=200)
    for name, pair in forward.items():
        swapped = back[name]
        assert pair.difference.value == pytest.approx(-swapped.difference.value)
        assert pair.difference.low == pytest.approx(-swapped.difference.high)
        assert pair.b_better == pytest.approx(1 - swapped.b_better)


def test_differences_cover_the_truth() -> None:
    """For two equally good models, the intervals contain 0 in about 95 of 100 data sets."""
    covered = 0
    for seed in range(60):
        rows = simulated(4000, seed=seed)
        one, two = blurred(rows, 1, seed=2 * seed), blurred(rows, 1, seed=2 * seed + 1)
        difference = compare_paired(one, POLICY, two, POLICY, resamples=150)["pr_auc"].difference
        covered += difference.low <= 0 <= difference.high
    assert covered >= 52


def test_each_model_is_judged_under_its_own_policy() -> None:
    """Each model is measured under its own policy, so with equal scores only the metrics of alerts differ."""
    rows = simulated(1000, fraud_share=0.05)
    pairs = compare_paired(rows, Policy("none", 1.0, 1.0), rows, POLICY, resamples=100)
    assert pairs["recall"].b_better == 1
    assert pairs["pr_auc"].difference.high == 0
    assert "false_positives_per_fraud" not in pairs, "undefined if no fraud is alerted"


@pytest.mark.parametrize("other", ["labels", "amounts", "rows"])
def test_models_on_different_transactions_are_not_compared(other: str) -> None:
    """Models that scored different transactions are not compared, because their rows do not form pairs."""
    rows = scored([0.1, 0.9, 0.4], [0, 1, 0], [1, 2, 3])
    wrong = {
        "labels": scored(rows.scores, [1, 1, 0], [1, 2, 3]),
        "amounts": scored(rows.scores, [0, 1, 0], [3, 2, 1]),
        "rows": rows.part(slice(0, 2)),
    }[other]
    with pytest.raises(DataError, match="score both on the same transactions"):
        compare_paired(rows, POLICY, wrong, POLICY)


def test_one_class_cannot_be_compared() -> None:
    """Comparing models on rows of one class fails with a one-line error."""
    rows = scored([0.1, 0.9], [0, 0])
    with pytest.raises(DataError, match="all 2 transactions are legitimate"):
        compare_paired(rows, POLICY, rows, POLICY)


def test_a_difference_is_plain_data() -> None:
    """A difference consists of plain data that can be written as JSON to MLflow or a page."""
    pair = compare_paired(rows := simulated(500, fraud_share=0.1), POLICY, rows, POLICY, resamples=10)["f1"]
    assert isinstance(pair, PairedDifference)
    assert pair.__struct_fields__ == ("a", "b", "difference", "b_better")
