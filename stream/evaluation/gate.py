"""The gate: a sequential test that says, at any evaluation, whether to promote, keep or continue."""

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

#: Error probability of keeping the champion. A wrong "keep" misses an opportunity but costs no money, so this is not
#: spent over challengers.
KEEP_ALPHA = 0.05

GateVerdict = Literal["promote", "keep", "continue"]


class EProcess(Struct, frozen=True):
    """The state of one test: its capital, and figures derived from it."""

    #: Log capital against "not better", now.
    log_capital: float
    #: Highest log capital so far.
    highest: float
    #: Whether the highest capital has reached 1/alpha. It stays true, whatever comes after (Ville).
    shown: bool
    #: Whether the capital against the opposite has ever reached 1/`KEEP_ALPHA`.
    opposite_shown: bool
    #: Estimate of the further matured frauds needed; 0 once shown, None if nothing points that way.
    frauds_needed: int | None


class GateResult(Struct, frozen=True):
    """What to do with a challenger, and why."""

    verdict: GateVerdict
    #: One line.
    reason: str
    cohorts: int
    frauds: int
    #: Estimate of the further matured frauds until both tests are decided, if the trend continues; 0 once they are,
    #: None if nothing points to a better challenger.
    frauds_needed: int | None
    #: Capped cost, champion's minus challenger's, in minor units for each transaction; above 0 the challenger is
    #: cheaper.
    cost_gain_minor: float
    #: Confidence interval for the mean of the cohorts' clipped gains, in the same unit. Each end holds at all
    #: evaluations together with probability at least 1 - alpha.
    cost_gain_interval: tuple[float, float]
    #: Recall at equal alert rate, challenger's minus champion's, in [-1, 1].
    recall_gain: float
    cost: EProcess
    recall: EProcess
    guardrails: tuple[Guardrail, ...]


def evaluate_gate(plan: Plan, evidence: Sequence[Evidence], health: ServingHealth) -> GateResult:
    """Evaluate a challenger on all cohorts closed so far.

    To promote, three things must hold: the capital against "its capped cost is no lower" has reached 1/alpha; so has
    the capital against "its recall at equal alert rate is lower by the margin or more"; and every guardrail holds.
    Since both tests must pass, each may use the whole alpha (R. Berger, "Multiparameter hypothesis testing and
    acceptance sampling", Technometrics 24, 1982).

    The champion is kept when the opposite of either is shown (at 0.05), or at the horizon, a number of matured frauds
    that the plan has frozen. Otherwise the test continues. A guardrail that fails may recover, so it only delays a
    promotion. The first verdict other than "continue" ends the test.

    Args:
        plan: Plan, frozen before the first cohort.
        evidence: Evidence of each closed cohort in order, as it was taken when the cohort closed.
        health: The challenger's latency and parity.

    Raises:
        ValueError: If the cohorts are not consecutive from the plan's start.
    """
    starts = [plan.timing.starts_ms, *(each.end_ms for each in evidence)]
    if starts[:-1] != [each.start_ms for each in evidence]:
        raise ValueError("cohorts are missing, repeated or out of order; pass all of them from the plan's start on")
    frauds = sum(each.frauds for each in evidence)
    gains = scale_and_clip(cost_gains(evidence), plan.cost_bound_minor)
    cost = _e_process(gains, plan.alpha, frauds)
    recall_values = scale_and_clip(recall_gains(evidence, plan.recall_margin), plan.recall_bound)
    recall = _e_process(recall_values, plan.alpha, frauds)
    rails = guardrails(plan, evidence, health)
    verdict, reason = _decide(plan, frauds, cost, recall, rails)
    weight = sum(each.weight for each in evidence) or math.nan
    low, high = confidence_interval(gains, plan.alpha)
    # Converts a cohort's clipped value to minor units for each transaction.
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
        return "keep", f"its recall is shown to be lower by {plan.recall_margin} or more (level {KEEP_ALPHA})"
    if better and not failing:
        return "promote", f"it is shown to cost less, and its recall holds (level {plan.alpha:.2g})"
    if frauds >= plan.horizon_frauds:
        detail = failing if better else "nothing was shown"
        return "keep", f"{frauds} frauds reach the horizon of {plan.horizon_frauds}, and {detail}"
    return "continue", f"it is shown to be better, but {failing}" if better else _undecided(cost, recall)


def _undecided(cost: EProcess, recall: EProcess) -> str:
    name, needed = ("recall", recall.frauds_needed) if cost.shown else ("cost", cost.frauds_needed)
    if needed is None:
        return f"{name}: nothing points to a better challenger yet"
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
    """Return how many more frauds are needed if the best bet keeps growing at its present rate.

    It assumes that the capital stays as far behind the best bet as it is now: by `growth - now`.
    """
    return math.ceil(frauds * (enough - now) / growth) if growth > 0 and frauds > 0 else None
