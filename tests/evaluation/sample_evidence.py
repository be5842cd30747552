"""Pairs and evidence for tests; columns and fields that a test does not set have unremarkable values."""

from typing import Any

import numpy as np

from stream.evaluation.cohorts import CohortTiming, Pairs
from stream.evaluation.costs import CappedCosts
from stream.evaluation.evidence import ComparisonMetric, Evidence
from stream.evaluation.guardrails import ServingHealth
from stream.evaluation.outcome import Outcome
from stream.evaluation.plan import Plan

HEALTHY = ServingHealth(latency_p99_ms=1.0, parity_gap=0.0)
COSTS = CappedCosts(cap_minor=10_000, review_cost_minor=500, recovered_share=0.75, false_decline_cost_minor=2000)
MEASURE = ComparisonMetric(COSTS, threshold=0.5)
#: Cohorts of 10 ms, in each of which a gain of at most 1,000 minor units, or of two frauds, counts.
PLAN = Plan("c", 0.05, CohortTiming(0, 10, 10, 0), MEASURE, cost_bound_minor=1000.0, recall_bound=2.0)
_TYPES = {
    "event_time_ms": np.int64,
    "card": np.int64,
    "amount_minor": np.int64,
    "champion_verdict": np.int8,
    "champion_score": np.float64,
    "challenger_verdict": np.int8,
    "challenger_score": np.float64,
    "outcome": np.int8,
    "weight": np.float64,
    "unobservable": np.bool_,
}


def pairs(count: int, **columns: Any) -> Pairs:
    """Return pairs, by default legitimate transactions on different cards that both models approve."""
    defaults: dict[str, Any] = {
        "event_time_ms": np.arange(count),
        "card": np.arange(count),
        "amount_minor": np.full(count, 1000),
        "champion_verdict": np.zeros(count),
        "champion_score": np.full(count, 0.125),
        "challenger_verdict": np.zeros(count),
        "challenger_score": np.full(count, 0.125),
        "outcome": np.full(count, Outcome.LEGITIMATE_BY_MATURITY),
        "weight": np.ones(count),
        "unobservable": np.zeros(count),
    }
    return Pairs(**{name: np.array(value, dtype=_TYPES[name]) for name, value in (defaults | columns).items()})


def evidence(nth: int, **fields: Any) -> Evidence:
    """Return evidence from cohort `nth` of `PLAN`, by default with ten frauds and no difference between the models."""
    defaults: dict[str, Any] = {
        "start_ms": 10 * nth,
        "end_ms": 10 * nth + 10,
        "transactions": 1000,
        "frauds": 10,
        "missing": 0,
        "differing": 20,
        "undecided": 0,
        "champion_alerts": 20,
        "challenger_alerts": 20,
        "weight": 1000.0,
        "fraud_weight": 10.0,
        "scored_frauds": 10.0,
        "expected_frauds": 10.0,
        "champion_cost_minor": 5000.0,
        "challenger_cost_minor": 5000.0,
        "champion_caught": 7.0,
        "challenger_caught": 7.0,
    }
    return Evidence(**(defaults | fields))
