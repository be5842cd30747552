"""Promote, keep or continue: what the evidence so far allows, at any look."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stream.evaluation.betting import confidence_interval, growth, log_capital
from stream.evaluation.evidence import Evidence
from stream.evaluation.guardrails import Guardrail, ServingHealth, guardrails
from stream.evaluation.plan import Plan, bounded, cost_gains, recall_gains

#: To keep a champion wrongly costs a chance, not money: this level is not spent over challengers.
KEEP_ALPHA = 0.05

Verdict = Literal["promote", "keep", "continue"]


class Comparison(Struct, frozen=True):
    """One e-process and the figures beside it."""

    #: Logarithms of the capital against "not better": now, and the highest that it ever was.
    log_capital: float
    highest: float
    #: Whether the highest reached 1/alpha: that stays, whatever comes after (Ville).
    shown: bool
    #: Whether the capital against the opposite ever reached 1/`KEEP_ALPHA`.
    opposite_shown: bool
    #: About how many more matured frauds it takes; 0 once shown, None when nothing points that way.
    frauds_needed: int | None


class GateResult(Struct, frozen=True):
    """What to do with a challenger, and why."""

    verdict: Verdict
    #: One line.
    reason: str
    cohorts: int
    frauds: int
    #: About how many more matured frauds until both tests are decided, if it goes on so; 0 when they are, None when
    #: nothing points to a better challenger.
    frauds_needed: int | None
    #: Of capped cost: champion's minus challenger's, minor units a transaction; above 0 the challenger is cheaper.
    cost_gain_minor: float
    #: Of the mean of the cohorts' gains, each up to its bound. Each end holds at all looks at once with a chance of at
    #: least 1 - alpha.
    cost_gain_interval: tuple[float, float]
    #: At equal alert rate: challenger's minus champion's, in [-1, 1].
    recall_gain: float
    cost: Comparison
    recall: Comparison
    guardrails: tuple[Guardrail, ...]


def evaluate_gate(plan: Plan, evidence: Sequence[Evidence], observed: ServingHealth) -> GateResult:
    """Judge a challenger on all closed cohorts so far.

    Promote needs all three: the capital against "its capped cost is no lower" has reached 1/alpha; so has the one
    against "its recall at equal alert rate is lower by the margin or more"; every guardrail holds. Both tests must be
    passed, so each may use the whole alpha (R. Berger, "Multiparameter hypothesis testing and acceptance sampling",
    Technometrics 24, 1982).

    Keep when the opposite of either is shown (level 0.05), or at the horizon, a number of matured frauds frozen in the
    plan. Everything else continues; a guardrail that fails may still recover, so it only holds up a promotion. The
    first verdict that is not "continue" ends the test.

    Args:
        plan: Frozen before the first cohort.
        evidence: Of each closed cohort in order, as it was taken when it closed.
        observed: Latency and parity.

    Raises:
        ValueError: If the cohorts do not follow each other from the plan's start.
    """
    starts = [plan.timing.starts_ms, *(each.end_ms for each in evidence)]
    if starts[:-1] != [each.start_ms for each in evidence]:
        raise ValueError("cohorts are missing, doubled or out of order; bring all of them from the plan's start on")
    frauds = sum(each.frauds for each in evidence)
    gains = bounded(cost_gains(evidence), plan.cost_bound_minor)
    cost = _compare(gains, plan.alpha, frauds)
    recall = _compare(bounded(recall_gains(evidence, plan.recall_margin), plan.recall_bound), plan.alpha, frauds)
    rails = guardrails(plan, evidence, observed)
    verdict, reason = _decide(plan, frauds, cost, recall, rails)
    weight = sum(each.weight for each in evidence) or math.nan
    low, high = confidence_interval(gains, plan.alpha)
    # From a value for each cohort to minor units for each transaction.
    unit = plan.cost_bound_minor * len(evidence) / weight
    caught = sum(each.challenger_caught - each.champion_caught for each in evidence)
    needed = [each.frauds_needed for each in (cost, recall)]
    known = [each for each in needed if each is not None]
    return GateResult(
        verdict,
        reason,
        len(evidence),
        frauds,
        max(known) if len(known) == len(needed) else None,
        sum(each.champion_cost_minor - each.challenger_cost_minor for each in evidence) / weight,
        (low * unit, high * unit),
        caught / (sum(each.fraud_weight for each in evidence) or math.nan),
        cost,
        recall,
        rails,
    )


def _decide(
    plan: Plan, frauds: int, cost: Comparison, recall: Comparison, rails: Sequence[Guardrail]
) -> tuple[Verdict, str]:
    better = cost.shown and recall.shown
    failing = "; ".join(f"{rail.name}: {rail.detail}" for rail in rails if not rail.holds)
    if cost.opposite_shown:
        return "keep", f"the challenger is shown to cost no less (level {KEEP_ALPHA})"
    if recall.opposite_shown:
        return "keep", f"its recall is shown to be lower by {plan.recall_margin} or more (level {KEEP_ALPHA})"
    if better and not failing:
        return "promote", f"it is shown to cost less, at a recall that holds (level {plan.alpha:.2g})"
    if frauds >= plan.horizon_frauds:
        what = failing if better else "nothing was shown"
        return "keep", f"{frauds} frauds reach the horizon of {plan.horizon_frauds}, and {what}"
    return "continue", f"it is shown to be better, but {failing}" if better else _still_open(cost, recall)


def _still_open(cost: Comparison, recall: Comparison) -> str:
    name, needed = ("recall", recall.frauds_needed) if cost.shown else ("cost", cost.frauds_needed)
    if needed is None:
        return f"{name}: nothing points to a better challenger yet"
    return f"{name}: about {needed} more matured frauds needed"


def _compare(values: NDArray[np.float64], alpha: float, frauds: int) -> Comparison:
    enough = -math.log(alpha)
    path, against = log_capital(values), log_capital(-values)
    now, highest = float(path[-1]), float(path.max())
    shown = highest >= enough
    return Comparison(
        now,
        highest,
        shown,
        bool(against.max() >= -math.log(KEEP_ALPHA)),
        0 if shown else _needed(growth(values), now, enough, frauds),
    )


def _needed(grown: float, now: float, enough: float, frauds: int) -> int | None:
    """Return how many more frauds it takes if the best bet goes on growing as it has.

    The capital stays about as far behind its best bet as it is, `grown - now`.
    """
    return math.ceil(frauds * (enough - now) / grown) if grown > 0 and frauds > 0 else None
