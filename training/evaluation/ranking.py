"""How well scores rank: PR-AUC, ROC-AUC, and what a fixed number of alerts catches."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from training.evaluation.additive_figures import AdditiveFigures, Floats
from training.evaluation.scored_rows import ScoredRows

DAY_MS = 86_400_000


def ranking_figures(scored: ScoredRows, alert_rate: float) -> AdditiveFigures:
    """AdditiveFigures `pr_auc` (average precision), `roc_auc` and `recall_at_alert_rate`.

    The last is the share of frauds among the `alert_rate` · n highest scores. Equal scores are in random order: the
    figure is the mean over all orders.
    """
    steps = _Steps(scored, np.zeros(len(scored), dtype=np.int64))

    def figures(sums: Floats) -> dict[str, Floats]:
        frauds, legitimate = np.split(sums, 2)
        caught, false_alarms = np.cumsum(frauds, axis=0), np.cumsum(legitimate, axis=0)
        all_frauds, all_legitimate = caught[-1], false_alarms[-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision_at = np.nan_to_num(caught / (caught + false_alarms))
            # Each fraud beats the legitimate rows below its step, and half of those on it.
            beaten = all_legitimate - false_alarms + legitimate / 2
            within, _ = steps.within(frauds, legitimate, alert_rate * (all_frauds + all_legitimate))
            return {
                "pr_auc": np.sum(frauds * precision_at, axis=0) / all_frauds,
                "roc_auc": np.sum(frauds * beaten, axis=0) / (all_frauds * all_legitimate),
                "recall_at_alert_rate": within / all_frauds,
            }

    return AdditiveFigures(steps.terms, figures)


def daily_figures(scored: ScoredRows, alerts_a_day: int) -> AdditiveFigures:
    """AdditiveFigures `precision_at_alerts_a_day`: the share of frauds among each UTC day's `alerts_a_day` highest scores.

    A day with fewer transactions alerts all of them; equal scores as in `ranking_figures`. The card holder's analogue,
    card precision at k, is in Y. Le Borgne et al., "Reproducible Machine Learning for Credit Card Fraud Detection",
    2022.
    """
    steps = _Steps(scored, scored.event_time_ms // DAY_MS)

    def figures(sums: Floats) -> dict[str, Floats]:
        frauds, legitimate = np.split(sums, 2)
        caught, alerts = steps.within(frauds, legitimate, np.full(sums.shape[1], float(alerts_a_day)))
        return {"precision_at_alerts_a_day": caught / alerts}

    return AdditiveFigures(steps.terms, figures)


class _Steps:
    """The steps of a ranking within groups, best score first.

    Equal scores are one step. Neighbouring steps without frauds are merged, never across groups: a figure asks only
    how many legitimate rows stand above or beside each fraud. So a step either is one score, or holds no fraud.

    Attributes:
        terms: (2k, n): k counts of frauds, then k of legitimate rows.
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
        # Index of the first step of each step's group.
        first_of_group = step[new_group]
        self._group_start = np.repeat(first_of_group, np.diff(np.append(first_of_group, k)))

    def within(self, frauds: Floats, legitimate: Floats, budget: Floats) -> tuple[Floats, Floats]:
        """Return frauds (b,) and all rows (b,) among the `budget` (b,) highest of every group.

        A step that does not fit whole gives its share, as the mean over all orders of its rows does.
        """
        rows = frauds + legitimate
        above = np.cumsum(rows, axis=0) - rows
        taken = np.clip(budget - (above - above[self._group_start]), 0, rows)
        share = np.divide(taken, rows, out=np.zeros_like(rows), where=rows > 0)
        return np.sum(frauds * share, axis=0), np.sum(taken, axis=0)
