"""Conditions that a challenger must meet besides being better, each with its figure and its limit."""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from stream.evaluation.dependence import variance_ratio
from stream.evaluation.evidence import Evidence
from stream.evaluation.plan import Plan, cost_gains, scale_and_clip


class ServingHealth(Struct, frozen=True):
    """Figures of the challenger in serving, which pairs do not show; the caller measures them."""

    #: 99th percentile of the milliseconds to score one transaction.
    latency_p99_ms: float
    #: Largest difference between live scores and the scores of the same transactions offline.
    parity_gap: float


class Guardrail(Struct, frozen=True):
    """One condition, and whether it holds."""

    name: str
    holds: bool
    #: One line with the figure and the limit.
    detail: str


def guardrails(plan: Plan, evidence: Sequence[Evidence], health: ServingHealth) -> tuple[Guardrail, ...]:
    """Return every guardrail over all cohorts so far; one whose figure is undefined does not hold."""
    limits = plan.limits

    def total(field: str) -> float:
        return float(sum(getattr(each, field) for each in evidence))

    alert_ratio = _ratio(total("challenger_alerts"), total("champion_alerts"))
    calibration = _ratio(total("expected_frauds"), total("scored_frauds"))
    frauds, missing = total("frauds"), _ratio(total("missing"), total("transactions"))
    # Models that never differ leave nothing undecided.
    undecided = _ratio(total("undecided"), max(1.0, total("differing")))
    # A disaster rarer than anything in the earlier period is clipped in the test, but counts in full here.
    gain = total("champion_cost_minor") - total("challenger_cost_minor")
    gains = scale_and_clip(cost_gains(evidence), plan.cost_bound_minor)
    dependence = variance_ratio(np.concatenate([plan.earlier_gains, gains]))
    latency, gap = health.latency_p99_ms, health.parity_gap
    off = max(calibration, 1 / calibration) if calibration > 0 else math.nan
    factor = limits.calibration_ratio
    return (
        Guardrail("labels", frauds >= limits.minimum_frauds, f"{frauds:.0f} frauds of {limits.minimum_frauds} needed"),
        Guardrail(
            "unclipped gain", gain >= 0, f"{gain:.0f} minor units saved so far, without clipping cohorts; at least 0"
        ),
        _at_most("independence", dependence, limits.variance_ratio, "times the variance of independent cohorts"),
        _at_most("alert rate", alert_ratio, limits.alert_rate_ratio, "times the champion's"),
        _at_most("latency", latency, limits.latency_p99_ms, "ms at the 99th percentile"),
        Guardrail(
            "calibration",
            off <= factor,
            f"{calibration:.3g} frauds expected for each actual one; must be within a factor of {factor:.3g}",
        ),
        _at_most("parity", gap, limits.parity_gap, "between live and offline scores"),
        _at_most("missing scores", missing, limits.missing_share, "of the transactions"),
        _at_most("undecided", undecided, limits.undecided_share, "of the differing verdicts"),
    )


def _at_most(name: str, value: float, limit: float, unit: str) -> Guardrail:
    return Guardrail(name, value <= limit, f"{value:.3g} {unit}, at most {limit:.3g}")


def _ratio(part: float, total: float) -> float:
    return part / total if total > 0 else math.nan
