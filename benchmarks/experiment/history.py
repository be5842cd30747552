"""Scores become a history as the ledger keeps it: verdicts, labels that come late, and what became of each."""

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
from training.evaluation.scored_rows import Scored

HOUR_MS = 3_600_000
#: Two days of cards stand for a longer stream: an hour is a cohort, half a day is what chargebacks take at most.
MATURITY_MS = 12 * HOUR_MS
SPELL_MS = 2 * HOUR_MS
#: Hours before the test: thresholds, cap and bounds come from them.
EARLIER_HOURS = 16
#: Made-up delays: an analyst's label an hour after the review, a chargeback after four on average, cut at maturity.
ANALYST_MS = HOUR_MS
CHARGEBACK_MEAN_MS = 4 * HOUR_MS

Scores = NDArray[np.float64]


def timing_of(data: Dataset) -> CohortTiming:
    """Return the experiment's cohorts: they begin `EARLIER_HOURS` after the first transaction."""
    return CohortTiming(
        int(data.event_time_ms[0]) + EARLIER_HOURS * HOUR_MS,
        maturity_ms=MATURITY_MS,
        cohort_ms=HOUR_MS,
        spell_ms=SPELL_MS,
    )


def policy_of(data: Dataset, scores: Scores, timing: CohortTiming, name: str) -> Policy:
    """Choose the review threshold that cost least in the hours before the test.

    Nothing is declined: whatever is alerted gets an analyst's label, so nothing is censored.
    """
    before = data.event_time_ms < timing.starts_ms
    scored = Scored(
        scores[before].astype(np.float32), data.label[before], data.amount_minor[before], data.event_time_ms[before]
    )
    chosen = choose_by_cost(scored, Costs(), "score", name)
    return Policy(name, review=chosen.review, decline=1.0)


def live(data: Dataset, champion: Scores, challenger: Scores, policies: tuple[Policy, Policy], seed: int = 0) -> Pairs:
    """Let the champion decide and the labels come.

    Args:
        data: In order of event time.
        champion: (n,) scores.
        challenger: (n,) scores.
        policies: Of both.
        seed: Of the delays.

    Returns:
        The pairs as they are known in the end: labels come before maturity, so each cohort closes knowing its own.
    """
    verdicts = [
        severities(scores, policy, data.amount_minor).astype(np.int8)
        for scores, policy in zip((champion, challenger), policies, strict=True)
    ]
    reviewed, fraud = verdicts[0] == VERDICTS.index("review"), data.label == 1
    delay = np.minimum(np.random.default_rng(seed).exponential(CHARGEBACK_MEAN_MS, len(data)), MATURITY_MS - 1)
    came_ms = data.event_time_ms + np.where(reviewed, ANALYST_MS, delay).astype(np.int64)
    labelled = np.flatnonzero(reviewed | fraud)
    labels = LabelColumns(
        labelled,
        np.where(reviewed[labelled], SOURCES.index("analyst"), SOURCES.index("chargeback")).astype(np.int8),
        came_ms[labelled],
        labelled.astype(np.object_),
        fraud[labelled].astype(np.int8),
    )
    end_ms = int(data.event_time_ms[-1]) + MATURITY_MS + SPELL_MS + HOUR_MS
    outcome = outcomes(verdicts[0], data.event_time_ms, labels, watermark_ms=end_ms, maturity_ms=MATURITY_MS)
    nobody, nothing = np.zeros(len(data), dtype=np.bool_), np.zeros(len(data))
    return Pairs(
        data.event_time_ms,
        np.unique(data.card_id.astype(str), return_inverse=True)[1].astype(np.int64),
        data.amount_minor,
        verdicts[0],
        champion,
        verdicts[1],
        challenger,
        outcome,
        weights(outcome, nobody, nobody, nothing),
        is_unobservable(outcome, nobody, nothing),
    )
