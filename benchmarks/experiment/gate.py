"""Runs the gate over the experiment: a plan from the hours before the test, one evaluation per closed cohort."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream.evaluation.cohorts import CohortTiming, Pairs, closed_cohorts
from stream.evaluation.costs import CappedCosts
from stream.evaluation.counterfactual import CounterfactualChange, counterfactual_change
from stream.evaluation.evidence import take_evidence
from stream.evaluation.gate import GateResult, evaluate_gate
from stream.evaluation.guardrails import ServingHealth
from stream.evaluation.plan import Plan, default_cap, freeze_plan

#: Fixed values: live and offline scores are identical here, and latency is measured by the pipeline benchmark.
HEALTHY = ServingHealth(latency_p99_ms=0.0, parity_gap=0.0)
#: Number of bootstrap resamples for the interval of the reduction; the champion's minimum number of false positives.
RESAMPLES, MIN_FALSE_POSITIVES = 1000, 50


@dataclass(frozen=True)
class GatePath:
    """The gate's results after each cohort, with the plan that they follow."""

    name: str
    plan: Plan
    results: Sequence[GateResult]
    #: Difference between challenger and champion over all tested cohorts.
    change: CounterfactualChange


@dataclass(frozen=True)
class FalsePositiveReduction:
    """Comparison of the models' false positives at equal recall."""

    #: Number of frauds that each model catches, and number of all tested frauds.
    caught: int
    frauds: int
    #: Number of false positives of each model.
    champion: int
    challenger: int
    #: 1 - challenger / champion, with its 95% bootstrap interval over transactions.
    value: float
    low: float
    high: float


def run_gate(name: str, pairs: Pairs, timing: CohortTiming, alpha: float) -> GatePath:
    """Freeze a plan, evaluate the gate after every cohort that closes, and stop at the first final verdict."""
    before = pairs.take(pairs.event_time_ms < timing.starts_ms)
    plan = freeze_plan(name, before, timing, CappedCosts(default_cap(before)), alpha=alpha)
    end_ms = int(pairs.event_time_ms.max())
    cohorts = closed_cohorts(pairs, timing, from_ms=timing.starts_ms, watermark_ms=end_ms + timing.closing_ms)
    evidence, results = [], list[GateResult]()
    for cohort in cohorts:
        evidence.append(take_evidence(plan.measure, cohort))
        results.append(evaluate_gate(plan, evidence, HEALTHY))
        if results[-1].verdict != "continue":
            break
    tested = pairs.take(pairs.event_time_ms >= timing.starts_ms)
    return GatePath(name, plan, results, counterfactual_change(tested, plan.measure.costs, timing.starts_ms, end_ms))


def reduce_false_positives(pairs: Pairs, timing: CohortTiming, seed: int = 0) -> FalsePositiveReduction:
    """Compare the false positives of both models when they catch the same number of frauds.

    The champion's threshold is the strictest with at least `MIN_FALSE_POSITIVES` false positives in the tested hours;
    the challenger's threshold is the strictest that catches as many frauds. Both are chosen again in each resample.
    """
    tested = pairs.take(pairs.event_time_ms >= timing.starts_ms)
    random = np.random.default_rng(seed)
    caught, champion, challenger = _false_positives(tested)
    reductions = []
    for _ in range(RESAMPLES):
        _, ours, theirs = _false_positives(tested.take(random.integers(len(tested), size=len(tested))))
        reductions.append(1 - theirs / ours)
    low, high = np.percentile(reductions, (2.5, 97.5))
    frauds = int(tested.fraud.sum())
    return FalsePositiveReduction(
        caught, frauds, champion, challenger, 1 - challenger / champion, float(low), float(high)
    )


def _false_positives(pairs: Pairs) -> tuple[int, int, int]:
    """Return the number of frauds that the champion catches, and both models' false positives at that number."""
    fraud, champion, challenger = pairs.fraud, pairs.champion_score, pairs.challenger_score
    limit = np.partition(champion[~fraud], -MIN_FALSE_POSITIVES)[-MIN_FALSE_POSITIVES]
    caught = int((champion[fraud] >= limit).sum())
    as_many = np.partition(challenger[fraud], -caught)[-caught]
    return caught, int((champion[~fraud] >= limit).sum()), int((challenger[~fraud] >= as_many).sum())
