"""Simulated scored rows for which the true metrics are known."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from training.evaluation.ranking import DAY_MS
from training.evaluation.scored_rows import ScoredRows


def scored(
    scores: ArrayLike, labels: ArrayLike, amounts: ArrayLike | None = None, times: ArrayLike | None = None
) -> ScoredRows:
    """Return rows with arrays of the right types; by default all amounts are 100 and all times equal."""
    n = len(np.asarray(labels))
    return ScoredRows(
        np.asarray(scores, dtype=np.float32),
        np.asarray(labels, dtype=np.int8),
        np.asarray(np.full(n, 100) if amounts is None else amounts, dtype=np.int64),
        np.asarray(np.zeros(n) if times is None else times, dtype=np.int64),
    )


def simulated(n: int = 5000, seed: int = 0, skill: float = 4.0, fraud_share: float = 0.01, days: int = 3) -> ScoredRows:
    """Return rows whose scores are true probabilities of fraud.

    The evidence behind each score is normally distributed with variance 1; the means of the classes differ by `skill`.
    """
    random = np.random.default_rng(seed)
    labels = random.random(n) < fraud_share
    evidence = random.normal(labels * skill)
    # By Bayes' rule for two normal distributions with variance 1.
    log_odds = np.log(fraud_share / (1 - fraud_share)) + skill * evidence - skill**2 / 2
    amounts = np.rint(100 * random.lognormal(3, 1.5, n))
    return scored(1 / (1 + np.exp(-log_odds)), labels, amounts, np.sort(random.integers(0, days * DAY_MS, n)))


@st.composite
def small(draw: st.DrawFn, classes: int = 2) -> ScoredRows:
    """Draw a few rows over up to three days with many ties; if `classes` is 2, both classes occur."""
    n = draw(st.integers(2, 40))

    def column(values: Sequence[int]) -> list[int]:
        return draw(st.lists(st.sampled_from(values), min_size=n, max_size=n))

    labels = np.array(column([0, 0, 1]))
    if classes > 1:
        labels[:2] = [0, 1]
    times = np.array(column([0, 1, 2])) * DAY_MS + 5
    return scored(np.array(column(range(9))) / 8, labels, column([0, 1, 250, 9_999]), times)
