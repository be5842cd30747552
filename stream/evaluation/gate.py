"""The gate: a sequential test that decides whether to promote a challenger, keep the champion or continue testing."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stream.evaluation.betting import best_log_growth, confidence_interval, log_capital
from stream.evaluation.evidence import Evidence
from stream.evaluation.guardrails import Guardrail, ServingHealth, guardrails
from stream.evaluation.plan import Plan, cost_gains, recall_gains, scale_and_clip

#: Error probability of keeping the champion. A wrong "keep" misses an opportunity but costs no money, so each
#: challenger's test may use this whole probability.
KEEP_ALPHA = 0.05

GateVerdict = Literal["promote", "keep", "continue"]


class EProcess(Struct, frozen=True):
    """The state of one test: its capital, and what follows from the capital."""

    #: Current log capital against "the challenger is not better".
    log_capital: float
    #: Highest log capital so far.
    highest: float
    #: Whether the highest capital has reached 1/alpha; stays true whatever happens later (by Ville's inequality).
    shown: bool
    #: Whether the capital against "the challenger is not worse" has ever reached 1/`KEEP_ALPHA`.
    opposite_shown: bool
    #: Estimated number of additional matured frauds until the capital reaches 1/alpha; 0 once it has, None if the best
    #: bet has not gained.
    frauds_needed: int | None


class GateResult(Struct, frozen=True):
    """What to do with a challenger, and why."""

    verdict: GateVerdict
    #: One-line explanation of the verdict.
    reason: str
    cohorts: int
    frauds: int
    #: Estimated number of additional matured frauds until both tests are decided, if the trend continues; 0 once both
    #: are decided, None if nothing suggests a better challenger.
    frauds_needed: int | None
    #: The champion's capped cost minus the challenger's, in minor units per transaction; positive if the challenger is
    #: cheaper.
    cost_gain_minor: float
    #: Confidence interval for the mean of the cohorts' clipped gains, in the same unit. Each end is valid over all
    #: evaluations together with probability at least 1 - alpha.
    cost_gain_interval: tuple[float, float]
    #: The challenger's recall minus the champion's at equal alert rates, in [-1, 1].
    recall_gain: float
    cost: EProcess
    recall: EProcess
    guardrails: tuple[Guardrail, ...]


def evaluate_gate(plan: Plan, evidence: Sequence[Evidence], health: ServingHealth) -> GateResult:
    """Evaluate a challenger on all cohorts closed so far.

    The challenger is promoted if three conditions are met: the capital against "its capped cost is no lower" has
    reached 1/alpha; the capital against "its recall at equal alert rates is lower by the margin or more" has reached
    1/alpha; and every guardrail is met. Since both tests must pass, each may use the whole alpha (R. Berger,
    "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 1982).

    The champion is kept when a test shows the opposite (at level 0.05), or at the horizon, a number of matured frauds
    that the plan fixes. Otherwise the test continues. A failing guardrail may recover, so it only delays a promotion.
    The first verdict other than "continue" ends the test.

    Args:
        plan: Plan of the test, frozen before the first cohort.
        evidence: Evidence from each closed cohort in time order, as taken when the cohort closed.
        health: The challenger's latency and parity in production.

    Raises:
        ValueError: If the cohorts are not consecutive from the plan's start.
    """
    starts = [plan.timing.starts_ms, *(each.end_ms for each in evidence)]
    if starts[:-1] != [each.start_ms for each in evidence]:
        raise ValueError("cohorts are missing, repeated or out of order; pass all cohorts since the start of the plan")
    frauds = sum(each.frauds for each in evidence)
    gains = scale_and_clip(cost_gains(evidence), plan.cost_bound_minor)
    cost = _e_process(gains, plan.alpha, frauds)
    recall_values = scale_and_clip(recall_gains(evidence, plan.recall_margin), plan.recall_bound)
    recall = _e_process(recall_values, plan.alpha, frauds)
    rails = guardrails(plan, evidence, health)
    verdict, reason = _decide(plan, frauds, cost, recall, rails)
    weight = sum(each.weight for each in evidence) or math.nan
    low, high = confidence_interval(gains, plan.alpha)
    # Factor that converts a cohort's clipped gain to minor units per transaction.
    unit = plan.cost_bound_minor * len(evidence) / weight
    caught = sum(each.challenger_caught - each.champion_caught for each in evidence)
    needed = [each.frauds_needed for each in (cost, recall)]
    estimated = [each for each in needed if each is not None]
    return GateResult(
        verdict,
        reason,
        len(evidence),
        frauds,
        max(estimated) if len(estimated) == len(needed) else None,
        sum(each.champion_cost_minor - each.challenger_cost_minor for each in evidence) / weight,
        (low * unit, high * unit),
        caught / (sum(each.fraud_weight for each in evidence) or math.nan),
        cost,
        recall,
        rails,
    )


def _decide(
    plan: Plan, frauds: int, cost: EProcess, recall: EProcess, rails: Sequence[Guardrail]
) -> tuple[GateVerdict, str]:
    better = cost.shown and recall.shown
    failing = "; ".join(f"{rail.name}: {rail.detail}" for rail in rails if not rail.holds)
    if cost.opposite_shown:
        return "keep", f"the challenger is shown to cost no less (level {KEEP_ALPHA})"
    if recall.opposite_shown:
        loss = f"{plan.recall_margin} or more"
        return "keep", f"the challenger's recall is shown to be lower by {loss} (level {KEEP_ALPHA})"
    if better and not failing:
        level = f"level {plan.alpha:.2g}"
        return "promote", f"the challenger is shown to cost less, with its recall within the margin ({level})"
    if frauds >= plan.horizon_frauds:
        detail = f"guardrails fail: {failing}" if better else "the challenger is not shown to be better"
        return "keep", f"{frauds} matured frauds reach the horizon of {plan.horizon_frauds}, and {detail}"
    if better:
        return "continue", f"the challenger is shown to be better, but guardrails fail: {failing}"
    return "continue", _undecided(cost, recall)


def _undecided(cost: EProcess, recall: EProcess) -> str:
    name, needed = ("recall", recall.frauds_needed) if cost.shown else ("cost", cost.frauds_needed)
    if needed is None:
        return f"{name}: nothing suggests a better challenger yet"
    return f"{name}: about {needed} more matured frauds needed"


def _e_process(values: NDArray[np.float64], alpha: float, frauds: int) -> EProcess:
    enough = -math.log(alpha)
    path, against = log_capital(values), log_capital(-values)
    now, highest = float(path[-1]), float(path.max())
    shown = highest >= enough
    return EProcess(
        now,
        highest,
        shown,
        bool(against.max() >= -math.log(KEEP_ALPHA)),
        0 if shown else _frauds_needed(best_log_growth(values), now, enough, frauds),
    )


def _frauds_needed(growth: float, now: float, enough: float, frauds: int) -> int | None:
    """Return how many more frauds are needed if the best bet keeps growing at its current rate.

    The estimate assumes that the log capital stays as far below the best bet's as it is now, by `growth - now`.
    """
    return math.ceil(frauds * (enough - now) / growth) if growth > 0 and frauds > 0 else None
