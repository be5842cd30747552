"""Simulation of the ledger's history from scores: verdicts, delayed labels and outcomes."""

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Policy
from stream.evaluation.cohorts import CohortTiming, Pairs
from stream.evaluation.outcome import SOURCES, LabelColumns, outcomes
from stream.evaluation.weights import is_unobservable, weights
from stream.scoring.policy import VERDICTS, severities
from training.data.dataset import Dataset
from training.evaluation.costs import Costs
from training.evaluation.operating_points import choose_by_cost
from training.evaluation.scored_rows import ScoredRows

HOUR_MS = 3_600_000
#: Two days of data represent a longer stream: a cohort lasts an hour, and chargebacks take at most half a day.
MATURITY_MS = 12 * HOUR_MS
SPELL_MS = 2 * HOUR_MS
#: Number of hours before the test, from which thresholds, cap and bounds are derived.
EARLIER_HOURS = 16
#: Simulated delays: an analyst's label an hour after the review, a chargeback after four hours on average, less than
#: the time to maturity.
ANALYST_MS = HOUR_MS
CHARGEBACK_MEAN_MS = 4 * HOUR_MS

Scores = NDArray[np.float64]


def cohort_timing(data: Dataset) -> CohortTiming:
    """Return the timing of the cohorts, which begin `EARLIER_HOURS` after the first transaction."""
    return CohortTiming(
        int(data.event_time_ms[0]) + EARLIER_HOURS * HOUR_MS,
        maturity_ms=MATURITY_MS,
        cohort_ms=HOUR_MS,
        spell_ms=SPELL_MS,
    )


def choose_policy(data: Dataset, scores: Scores, timing: CohortTiming, name: str) -> Policy:
    """Return a policy with the review threshold that had the lowest cost in the hours before the test.

    Nothing is declined: every alert gets an analyst's label, so no outcome is censored.
    """
    before = data.event_time_ms < timing.starts_ms
    scored = ScoredRows(
        scores[before].astype(np.float32), data.label[before], data.amount_minor[before], data.event_time_ms[before]
    )
    chosen = choose_by_cost(scored, Costs(), "score", name)
    return Policy(name, review=chosen.review, decline=1.0)


def simulate_history(
    data: Dataset, champion: Scores, challenger: Scores, policies: tuple[Policy, Policy], seed: int = 0
) -> Pairs:
    """Simulate the champion's decisions, and labels that arrive with a delay.

    Args:
        data: Rows in order of event time.
        champion: (n,) scores of the champion.
        challenger: (n,) scores of the challenger.
        policies: Policies of the champion and the challenger.
        seed: Seed for the delays.

    Returns:
        The pairs of verdicts with all labels. Labels arrive before maturity, so each cohort closes with all its labels.
    """
    verdicts = [
        severities(scores, policy, data.amount_minor).astype(np.int8)
        for scores, policy in zip((champion, challenger), policies, strict=True)
    ]
    reviewed, fraud = verdicts[0] == VERDICTS.index("review"), data.label == 1
    delay = np.minimum(np.random.default_rng(seed).exponential(CHARGEBACK_MEAN_MS, len(data)), MATURITY_MS - 1)
    arrived_ms = data.event_time_ms + np.where(reviewed, ANALYST_MS, delay).astype(np.int64)
    labelled = np.flatnonzero(reviewed | fraud)
    labels = LabelColumns(
        labelled,
        np.where(reviewed[labelled], SOURCES.index("analyst"), SOURCES.index("chargeback")).astype(np.int8),
        arrived_ms[labelled],
        labelled.astype(np.object_),
        fraud[labelled].astype(np.int8),
    )
    end_ms = int(data.event_time_ms[-1]) + MATURITY_MS + SPELL_MS + HOUR_MS
    outcome = outcomes(verdicts[0], data.event_time_ms, labels, watermark_ms=end_ms, maturity_ms=MATURITY_MS)
    no_flags, zeros = np.zeros(len(data), dtype=np.bool_), np.zeros(len(data))
    return Pairs(
        data.event_time_ms,
        np.unique(data.card_id.astype(str), return_inverse=True)[1].astype(np.int64),
        data.amount_minor,
        verdicts[0],
        champion,
        verdicts[1],
        challenger,
        outcome,
        weights(outcome, no_flags, no_flags, zeros),
        is_unobservable(outcome, no_flags, zeros),
    )
