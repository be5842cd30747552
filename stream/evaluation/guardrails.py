"""Guardrails: conditions that a challenger must meet besides being better, each with its value and its limit."""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from stream.evaluation.dependence import variance_ratio
from stream.evaluation.evidence import Evidence
from stream.evaluation.plan import Plan, cost_gains, scale_and_clip


class ServingHealth(Struct, frozen=True):
    """Metrics of the challenger in production, which the caller measures because pairs do not contain them."""

    #: 99th percentile of the time to score one transaction, in milliseconds.
    latency_p99_ms: float
    #: Largest difference between a live score and the offline score of the same transaction.
    parity_gap: float


class Guardrail(Struct, frozen=True):
    """One condition, and whether it is met."""

    name: str
    holds: bool
    #: One line with the value and the limit.
    detail: str


def guardrails(plan: Plan, evidence: Sequence[Evidence], health: ServingHealth) -> tuple[Guardrail, ...]:
    """Return every guardrail over all cohorts so far; a guardrail whose value is undefined counts as not met."""
    limits = plan.limits

    def total(field: str) -> float:
        return float(sum(getattr(each, field) for each in evidence))

    alert_ratio = _ratio(total("challenger_alerts"), total("champion_alerts"))
    calibration = _ratio(total("expected_frauds"), total("scored_frauds"))
    frauds, missing = total("frauds"), _ratio(total("missing"), total("transactions"))
    # If the verdicts never differ, the share is 0.
    undecided = _ratio(total("undecided"), max(1.0, total("differing")))
    # The test clips a loss that is larger than any in the earlier period; here it counts in full.
    gain = total("champion_cost_minor") - total("challenger_cost_minor")
    gains = scale_and_clip(cost_gains(evidence), plan.cost_bound_minor)
    dependence = variance_ratio(np.concatenate([plan.earlier_gains, gains]))
    latency, gap = health.latency_p99_ms, health.parity_gap
    off = max(calibration, 1 / calibration) if calibration > 0 else math.nan
    factor = limits.calibration_ratio
    return (
        Guardrail(
            "labels",
            frauds >= limits.minimum_frauds,
            f"{frauds:.0f} matured frauds, at least {limits.minimum_frauds}",
        ),
        Guardrail("unclipped gain", gain >= 0, f"{gain:.0f} minor units saved before clipping, at least 0"),
        _at_most("independence", dependence, limits.variance_ratio, "times the variance of independent cohorts"),
        _at_most("alert rate", alert_ratio, limits.alert_rate_ratio, "times the champion's"),
        _at_most("latency", latency, limits.latency_p99_ms, "ms at the 99th percentile"),
        Guardrail(
            "calibration",
            off <= factor,
            f"{calibration:.3g} expected frauds for each actual fraud; must be within a factor of {factor:.3g}",
        ),
        _at_most("parity", gap, limits.parity_gap, "difference between live and offline scores"),
        _at_most("missing scores", missing, limits.missing_share, "of the transactions"),
        _at_most("undecided", undecided, limits.undecided_share, "of the differing verdicts"),
    )


def _at_most(name: str, value: float, limit: float, unit: str) -> Guardrail:
    return Guardrail(name, value <= limit, f"{value:.3g} {unit}, at most {limit:.3g}")


def _ratio(part: float, total: float) -> float:
    return part / total if total > 0 else math.nan
