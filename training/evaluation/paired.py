"""Compare two models on the same transactions with the paired bootstrap."""

import math

import numpy as np
from msgspec import Struct

from schemas.errors import DataError
from schemas.manifest import Metric
from schemas.messages import Policy
from training.evaluation.additive_figures import AdditiveFigures, Floats, join
from training.evaluation.bootstrap import RESAMPLES, interval, resample
from training.evaluation.figures import DEFAULTS, FigureSettings, all_figures
from training.evaluation.scored_rows import ScoredRows

#: Metrics that are better when lower. All others are better when higher, except `mean_score_ratio`, which is best at 1.
LESS_IS_BETTER = frozenset({"false_positives_per_fraud", "expected_cost", "brier"})


class PairedDifference(Struct, frozen=True):
    """One metric of two models, a and b, and its difference."""

    a: float
    b: float
    #: Difference b - a in the unit of the metric, with the 95% interval over resamples.
    difference: Metric
    #: Share of resamples on which b is better, in [0, 1], with ties counted half; 0.5 means no difference.
    b_better: float


def compare_paired(
    a: ScoredRows,
    policy_a: Policy,
    b: ScoredRows,
    policy_b: Policy,
    *,
    settings: FigureSettings = DEFAULTS,
    resamples: int = RESAMPLES,
) -> dict[str, PairedDifference]:
    """Compare every metric of two models, each under its own policy.

    Both are measured on the same resampled transactions (B. Efron and R. Tibshirani, 1993). Whatever makes a resample
    easy or hard cancels out in the difference, so the interval of the difference is narrower than two separate
    intervals suggest. A metric that is undefined for one of the models is left out.

    Raises:
        DataError: If the models scored different transactions, or the transactions have only one class.
    """
    for name in ("labels", "amount_minor", "event_time_ms"):
        if not np.array_equal(getattr(a, name), getattr(b, name)):
            raise DataError(f"the models' {name} differ; score both on the same transactions in the same order")
    a.require_both_classes()
    both = join(
        [_named("a", all_figures(a, policy_a, settings)), _named("b", all_figures(b, policy_b, settings))],
    )
    draws, values = resample(both, resamples), both.values()
    names = [name.removeprefix("a:") for name in values if name.startswith("a:")]
    pairs = {
        name: _difference(name, values[f"a:{name}"], values[f"b:{name}"], draws[f"a:{name}"], draws[f"b:{name}"])
        for name in names
    }
    return {name: pair for name, pair in pairs.items() if not math.isnan(pair.difference.value + pair.difference.low)}


def _difference(name: str, a: float, b: float, draws_a: Floats, draws_b: Floats) -> PairedDifference:
    defined = ~np.isnan(draws_a + draws_b)
    goodness_a, goodness_b = _goodness(name, draws_a[defined]), _goodness(name, draws_b[defined])
    # np.sign: 1 where b is better, 0 for a tie, -1 where a is better.
    b_better = float(np.mean(np.sign(goodness_b - goodness_a))) / 2 + 0.5 if defined.any() else math.nan
    return PairedDifference(a, b, interval(b - a, draws_b - draws_a), b_better)


def _goodness(name: str, values: Floats) -> Floats:
    if name == "mean_score_ratio":
        # A ratio of 0.5 is as wrong as a ratio of 2.
        return -np.abs(np.log(np.maximum(values, np.finfo(np.float64).tiny)))
    return -values if name in LESS_IS_BETTER else values


def _named(prefix: str, group: AdditiveFigures) -> AdditiveFigures:
    def figures(sums: Floats) -> dict[str, Floats]:
        return {f"{prefix}:{name}": value for name, value in group.figures(sums).items()}

    return AdditiveFigures(group.terms, figures)
