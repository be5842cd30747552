"""The plan of a gate test, frozen before the first cohort, so that no result can influence the test."""

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schemas.errors import DataError
from schemas.messages import Identifier
from stream.evaluation.cohorts import MISSING, CohortTiming, Pairs, Positive, closed_cohorts
from stream.evaluation.costs import CappedCosts
from stream.evaluation.evidence import ComparisonMetric, Evidence, RankKind, rank_values, take_evidence

#: Smallest number of frauds in the earlier period that is enough to estimate the distribution of fraud amounts.
MINIMUM_EARLIER_FRAUDS = 20
#: Smallest number of cohorts in the earlier period that is enough to estimate how much cohorts vary.
MINIMUM_EARLIER_COHORTS = 14
#: Quantile of the earlier frauds' amounts that becomes the cap. The more of a heavy tail the cap admits, the more
#: frauds a test needs: with 1,000 frauds and a recall higher by 5 points, a test shows the gain in 88, 82 and 70 of
#: 100 simulated histories if the cap is the median, this quantile or the 0.9 quantile.
CAP_QUANTILE = 0.75
#: Bound on a cohort's gain, as a multiple of the root mean square of the earlier cohorts' gains. A lower bound would
#: cut off the effect to be measured; a higher bound would keep bets below the best bet for cohorts of about ten frauds.
BOUND_FACTOR = 2.5

Share = Annotated[float, Meta(ge=0, le=1)]
Factor = Annotated[float, Meta(gt=0)]


class GuardrailLimits(Struct, frozen=True):
    """Limits within which a challenger must stay besides being better."""

    #: Largest alert rate, as a multiple of the champion's alert rate.
    alert_rate_ratio: Factor = 1.1
    #: Largest 99th percentile of the time to score one transaction, in milliseconds.
    latency_p99_ms: Factor = 20.0
    #: Largest factor between the number of frauds expected from the scores and the actual number, in either direction.
    calibration_ratio: Annotated[float, Meta(ge=1)] = 2.0
    #: Largest difference between a live score and the offline score of the same transaction.
    parity_gap: Annotated[float, Meta(ge=0)] = 1e-5
    #: Largest variance of weekly sums of cohorts, earlier cohorts included, as a multiple of what independent cohorts
    #: would have. The estimate needs at least 14 cohorts; 100 independent cohorts exceed 1.6 in about 3 of 100
    #: histories.
    variance_ratio: Factor = 1.6
    #: Smallest number of matured frauds.
    minimum_frauds: Positive = 100
    #: Largest share of transactions without a score from the challenger.
    missing_share: Share = 0.01
    #: Largest share of unobservable transactions among the transactions with different verdicts.
    undecided_share: Share = 0.05


class Plan(Struct, frozen=True):
    """The plan of a test of one challenger against the champion."""

    challenger: Identifier
    #: Error probability of this test, from `stream.evaluation.alpha.next_alpha`.
    alpha: Annotated[float, Meta(gt=0, lt=1)]
    timing: CohortTiming
    measure: ComparisonMetric
    #: Bounds to which one cohort's gain is clipped, in minor units and in frauds.
    cost_bound_minor: Factor
    recall_bound: Factor
    #: Cost gains of the earlier cohorts in units of their bound. Without them, the independence guardrail would have
    #: too few cohorts in the first evaluations.
    earlier_gains: tuple[float, ...] = ()
    #: Largest loss of recall that is acceptable in a cheaper challenger.
    recall_margin: Annotated[float, Meta(ge=0, lt=1)] = 0.02
    #: Number of matured frauds after which the champion is kept if the test has shown nothing.
    horizon_frauds: Positive = 3000
    limits: GuardrailLimits = GuardrailLimits()


def default_cap(before: Pairs) -> int:
    """Return the default cap on a fraud's loss in minor units: the quantile `CAP_QUANTILE` of earlier fraud amounts.

    Args:
        before: Matured pairs from a period before the test.

    Raises:
        DataError: If the earlier period has too few frauds.
    """
    frauds = before.amount_minor[before.fraud & (before.weight > 0)]
    if len(frauds) < MINIMUM_EARLIER_FRAUDS:
        raise DataError(
            f"the earlier period has {len(frauds)} frauds; use a longer period with at least {MINIMUM_EARLIER_FRAUDS}"
        )
    return max(1, int(np.quantile(frauds, CAP_QUANTILE)))


def freeze_plan(
    challenger: str,
    before: Pairs,
    timing: CohortTiming,
    costs: CappedCosts,
    *,
    alpha: float,
    rank: RankKind = "score",
    recall_margin: float = 0.02,
) -> Plan:
    """Return a plan whose threshold and bounds are estimated from an earlier period.

    Args:
        challenger: Name of the challenger.
        before: Matured pairs from the earlier period, with the challenger's scores (live, or computed afterwards). The
            more pairs there are, the closer the alert rates match.
        timing: How the test cuts the stream into cohorts, and when they close.
        costs: Costs of verdicts, with a cap chosen before the test: `default_cap(before)`, or a business decision.
        alpha: Error probability of the test, from `stream.evaluation.alpha.next_alpha`.
        rank: How the challenger's policy ranks transactions.
        recall_margin: Largest loss of recall that is acceptable in a cheaper challenger.

    Raises:
        DataError: If the earlier period overlaps the test, is too short, has no alert rate to match or no fraud, or if
            the models never differ in it.
    """
    if before.event_time_ms.max(initial=-1) >= timing.starts_ms:
        raise DataError("the earlier period overlaps the test; start the test later, or end the earlier period sooner")
    first_ms = int(before.event_time_ms.min(initial=timing.starts_ms))
    cohorts = (timing.starts_ms - first_ms) // timing.cohort_ms
    if cohorts < MINIMUM_EARLIER_COHORTS:
        raise DataError(
            f"the earlier period has {cohorts} cohorts; use a longer period with at least {MINIMUM_EARLIER_COHORTS}"
        )
    metric = ComparisonMetric(costs, _equal_alert_threshold(before, rank), rank)
    evidence = [
        take_evidence(metric, cohort)
        for cohort in closed_cohorts(
            before,
            timing,
            from_ms=timing.starts_ms - cohorts * timing.cohort_ms,
            # The caller guarantees that the pairs have matured.
            watermark_ms=timing.starts_ms + timing.closing_ms,
        )
    ]
    cost_bound, recall_bound = (
        BOUND_FACTOR * math.sqrt(np.mean(np.square(gains)))
        for gains in (cost_gains(evidence), recall_gains(evidence, recall_margin))
    )
    if not (cost_bound and recall_bound):
        raise DataError(
            "there is nothing to test, because the earlier period has no fraud or the models never differ in it; use "
            "another earlier period or another challenger"
        )
    earlier = tuple(scale_and_clip(cost_gains(evidence), cost_bound).tolist())
    return Plan(challenger, alpha, timing, metric, cost_bound, recall_bound, earlier, recall_margin)


def cost_gains(evidence: Sequence[Evidence]) -> NDArray[np.float64]:
    """Return (c,) each cohort's cost under the champion minus its cost under the challenger, in minor units."""
    return np.array([each.champion_cost_minor - each.challenger_cost_minor for each in evidence], dtype=np.float64)


def recall_gains(evidence: Sequence[Evidence], margin: float) -> NDArray[np.float64]:
    """Return (c,) how many more frauds the challenger caught in each cohort than the recall margin requires."""
    return np.array(
        [each.challenger_caught - each.champion_caught + margin * each.fraud_weight for each in evidence],
        dtype=np.float64,
    )


def scale_and_clip(gains: NDArray[np.float64], bound: float) -> NDArray[np.float64]:
    """Return the (c,) gains divided by their bound and clipped to [-1, 1]."""
    return np.clip(gains / bound, -1.0, 1.0)


def _equal_alert_threshold(before: Pairs, kind: RankKind) -> float:
    """Return the lowest threshold at which the challenger alerts no more often than the champion.

    Only transactions that both models scored are compared.
    """
    scored = before.take(before.challenger_verdict != MISSING)
    alerts = int((scored.champion_verdict > 0).sum())
    if not 0 < alerts < len(scored):
        raise DataError(
            "there is no alert rate to match, because the champion alerted on none or all of the transactions in the "
            "earlier period; use another earlier period"
        )
    descending = np.sort(rank_values(scored, kind))[::-1]
    # Transactions with equal rank values alert together; if they are too many, the threshold is above their value.
    return float(np.nextafter(descending[alerts], np.inf))
