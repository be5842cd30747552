"""Measure how well scores rank: PR-AUC, ROC-AUC, and the frauds caught by a fixed number of alerts."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from training.evaluation.additive_figures import AdditiveFigures, Floats
from training.evaluation.scored_rows import ScoredRows

DAY_MS = 86_400_000


def ranking_figures(scored: ScoredRows, alert_rate: float) -> AdditiveFigures:
    """Return the metrics `pr_auc` (average precision), `roc_auc` and `recall_at_alert_rate`.

    `recall_at_alert_rate` is the share of all frauds that are among the `alert_rate` · n highest scores. Equal scores
    are in random order, and the metric is the mean over all orders.
    """
    steps = _Steps(scored, np.zeros(len(scored), dtype=np.int64))

    def figures(sums: Floats) -> dict[str, Floats]:
        frauds, legitimate = np.split(sums, 2)
        caught, false_alarms = np.cumsum(frauds, axis=0), np.cumsum(legitimate, axis=0)
        all_frauds, all_legitimate = caught[-1], false_alarms[-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision_at = np.nan_to_num(caught / (caught + false_alarms))
            # A fraud ranks above the legitimate rows of later steps, and above half of the legitimate rows of its own
            # step.
            ranked_below = all_legitimate - false_alarms + legitimate / 2
            within, _ = steps.within(frauds, legitimate, alert_rate * (all_frauds + all_legitimate))
            return {
                "pr_auc": np.sum(frauds * precision_at, axis=0) / all_frauds,
                "roc_auc": np.sum(frauds * ranked_below, axis=0) / (all_frauds * all_legitimate),
                "recall_at_alert_rate": within / all_frauds,
            }

    return AdditiveFigures(steps.terms, figures)


def daily_figures(scored: ScoredRows, alerts_per_day: int) -> AdditiveFigures:
    """Return the metric `precision_at_alerts_a_day`: the share of frauds among each UTC day's highest scores.

    On a day with fewer than `alerts_per_day` transactions, all of them are alerts. Equal scores are treated as in
    `ranking_figures`. The corresponding metric for cards, card precision at k, is in Y. Le Borgne et al.,
    "Reproducible Machine Learning for Credit Card Fraud Detection", 2022.
    """
    steps = _Steps(scored, scored.event_time_ms // DAY_MS)

    def figures(sums: Floats) -> dict[str, Floats]:
        frauds, legitimate = np.split(sums, 2)
        caught, alerts = steps.within(frauds, legitimate, np.full(sums.shape[1], float(alerts_per_day)))
        return {"precision_at_alerts_a_day": caught / alerts}

    return AdditiveFigures(steps.terms, figures)


class _Steps:
    """The steps of a ranking within groups, highest score first.

    Rows with equal scores form one step. Adjacent steps without frauds are merged within a group, because a metric
    depends only on the number of legitimate rows that rank above or equal to each fraud. So a step either has a single
    score or has no frauds.

    Attributes:
        terms: Contribution of each row to each step, (2k, n): first the k counts of frauds, then those of legitimate
            rows.
    """

    def __init__(self, scored: ScoredRows, group: NDArray[np.int64]) -> None:
        order = np.lexsort((-scored.scores, group))
        scores, groups, fraud = scored.scores[order], group[order], scored.labels[order] == 1
        new_group = np.append(True, groups[1:] != groups[:-1])
        new_score = new_group | np.append(True, scores[1:] != scores[:-1])
        run = np.cumsum(new_score) - 1
        has_fraud = np.bincount(run, weights=fraud) > 0
        beside_fraud = has_fraud | np.append(False, has_fraud[:-1])
        starts = new_score & (new_group | beside_fraud[run])
        step = np.cumsum(starts) - 1
        k = int(step[-1]) + 1
        cell = np.where(fraud, step, k + step)
        self.terms = csr_array((np.ones(len(order)), (cell, order)), shape=(2 * k, len(order)))
        # For each step, the index of the first step in the same group.
        first_of_group = step[new_group]
        self._group_start = np.repeat(first_of_group, np.diff(np.append(first_of_group, k)))

    def within(self, frauds: Floats, legitimate: Floats, budget: Floats) -> tuple[Floats, Floats]:
        """Return the number of frauds (b,) and of all rows (b,) among the `budget` (b,) highest rows of every group.

        A step that fits only in part contributes proportionally, which equals the mean over all orders of its rows.
        """
        rows = frauds + legitimate
        above = np.cumsum(rows, axis=0) - rows
        taken = np.clip(budget - (above - above[self._group_start]), 0, rows)
        share = np.divide(taken, rows, out=np.zeros_like(rows), where=rows > 0)
        return np.sum(frauds * share, axis=0), np.sum(taken, axis=0)
