"""The gate's path over the experiment's hours: a plan from what came before, one look at each cohort that closes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream.evaluation.cohorts import CohortTiming, Pairs, closed_cohorts
from stream.evaluation.costs import CappedCosts
from stream.evaluation.counterfactual import CounterfactualChange, change
from stream.evaluation.evidence import take_evidence
from stream.evaluation.gate import GateResult, evaluate_gate
from stream.evaluation.guardrails import ServingHealth
from stream.evaluation.plan import Plan, freeze, usual_cap

#: Scores are computed here, so they are their own parity; latency is the bench's business.
HEALTHY = ServingHealth(latency_p99_ms=0.0, parity_gap=0.0)
#: Resamples of transactions for the interval of the reduction, and the false positives that it needs at least.
RESAMPLES, LEAST_FALSE_POSITIVES = 1000, 50


@dataclass(frozen=True)
class Path:
    """What the gate said after each cohort."""

    name: str
    plan: Plan
    judgements: Sequence[GateResult]
    #: Over all tested cohorts.
    change: CounterfactualChange


@dataclass(frozen=True)
class Reduction:
    """False positives at equal recall."""

    #: Frauds caught by both; of all tested.
    caught: int
    frauds: int
    champion: int
    challenger: int
    #: 1 - challenger / champion, with its 95 % bootstrap interval over transactions.
    value: float
    low: float
    high: float


def walk(name: str, pairs: Pairs, timing: CohortTiming, alpha: float) -> Path:
    """Freeze a plan, look at every cohort as it closes, and stop where the verdict stands."""
    before = pairs.take(pairs.event_time_ms < timing.starts_ms)
    plan = freeze(name, before, timing, CappedCosts(usual_cap(before)), alpha=alpha)
    end_ms = int(pairs.event_time_ms.max())
    cohorts = closed_cohorts(pairs, timing, from_ms=timing.starts_ms, watermark_ms=end_ms + timing.closing_ms)
    evidence, judgements = [], list[GateResult]()
    for cohort in cohorts:
        evidence.append(take_evidence(plan.measure, cohort))
        judgements.append(evaluate_gate(plan, evidence, HEALTHY))
        if judgements[-1].verdict != "continue":
            break
    tested = pairs.take(pairs.event_time_ms >= timing.starts_ms)
    return Path(name, plan, judgements, change(tested, plan.measure.costs, timing.starts_ms, end_ms))


def reduction(pairs: Pairs, timing: CohortTiming, seed: int = 0) -> Reduction:
    """Return how many fewer false positives the challenger takes for the frauds that the champion catches.

    At the champion's strictest threshold with `LEAST_FALSE_POSITIVES` false positives or more in the tested hours; the
    challenger's is the strictest that catches as many frauds. Both thresholds are chosen anew in each resample.
    """
    tested = pairs.take(pairs.event_time_ms >= timing.starts_ms)
    random = np.random.default_rng(seed)
    caught, champion, challenger = _false_positives(tested)
    found = []
    for _ in range(RESAMPLES):
        _, ours, theirs = _false_positives(tested.take(random.integers(len(tested), size=len(tested))))
        found.append(1 - theirs / ours)
    low, high = np.percentile(found, (2.5, 97.5))
    frauds = int(tested.fraud.sum())
    return Reduction(caught, frauds, champion, challenger, 1 - challenger / champion, float(low), float(high))


def _false_positives(pairs: Pairs) -> tuple[int, int, int]:
    """Return the frauds that the champion catches at its point, and both models' false positives for as many."""
    fraud, champion, challenger = pairs.fraud, pairs.champion_score, pairs.challenger_score
    limit = np.partition(champion[~fraud], -LEAST_FALSE_POSITIVES)[-LEAST_FALSE_POSITIVES]
    caught = int((champion[fraud] >= limit).sum())
    as_many = np.partition(challenger[fraud], -caught)[-caught]
    return caught, int((champion[~fraud] >= limit).sum()), int((challenger[~fraud] >= as_many).sum())
