"""What a test is about, settled and frozen before its first cohort: nothing that is tested may choose its own test."""

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
from stream.evaluation.evidence import ComparisonMetric, Evidence, RankKind, ranks, take_evidence

#: Fewer earlier frauds do not tell how large frauds are.
MINIMUM_EARLIER_FRAUDS = 20
#: Fewer earlier cohorts do not tell how much cohorts vary.
MINIMUM_EARLIER_COHORTS = 14
#: Of the earlier frauds' amounts, the quantile that becomes the cap. The heavier the tail that is let in, the more
#: frauds a test takes: with 1,000 frauds and +5 points of recall it shows the gain in 88, 82 and 70 of 100 simulated
#: histories with a cap at the median, here and at 0.9.
CAP_QUANTILE = 0.75
#: A cohort's gain counts up to this many times the earlier cohorts' root mean square. Lower ones cut what is to be
#: measured; higher ones keep the bets below the best one for a cohort that holds some ten frauds.
BOUND_FACTOR = 2.5

Share = Annotated[float, Meta(ge=0, le=1)]
Factor = Annotated[float, Meta(gt=0)]


class GuardrailLimits(Struct, frozen=True):
    """What a challenger must keep to besides being better."""

    #: Its alert rate, as a multiple of the champion's; at most.
    alert_rate_ratio: Factor = 1.1
    #: Its 99th percentile of milliseconds for scoring one transaction; at most.
    latency_p99_ms: Factor = 20.0
    #: Frauds that its scores expect over frauds that came, or the inverse; at most.
    calibration_ratio: Annotated[float, Meta(ge=1)] = 2.0
    #: The largest difference between a live score and the same transaction scored again offline; at most.
    parity_gap: Annotated[float, Meta(ge=0)] = 1e-5
    #: How much more weeks of cohorts vary, earlier ones too, than cohorts that do not foretell each other; at most, and
    #: only from 14 cohorts on. Of these, 100 independent ones have more in some 3 of 100 histories.
    variance_ratio: Factor = 1.6
    #: Matured frauds; at least.
    minimum_frauds: Positive = 100
    #: Of all transactions, those without its score; at most.
    missing_share: Share = 0.01
    #: Of the transactions that the two models judge differently, those whose outcome cannot be seen; at most.
    undecided_share: Share = 0.05


class Plan(Struct, frozen=True):
    """A test of one challenger against the champion of its time."""

    challenger: Identifier
    #: From `stream.evaluation.alpha.next_alpha`.
    alpha: Annotated[float, Meta(gt=0, lt=1)]
    timing: CohortTiming
    measure: ComparisonMetric
    #: The most that one cohort's gain counts: in minor units, and in frauds.
    cost_bound_minor: Factor
    recall_bound: Factor
    #: What each earlier cohort saved, in units of its bound: the first looks know little about independence without.
    earlier_gains: tuple[float, ...] = ()
    #: The loss of recall that a cheaper challenger may have.
    recall_margin: Annotated[float, Meta(ge=0, lt=1)] = 0.02
    #: Matured frauds after which the champion is kept if nothing was shown.
    horizon_frauds: Positive = 3000
    limits: GuardrailLimits = GuardrailLimits()


def usual_cap(before: Pairs) -> int:
    """Return the `CAP_QUANTILE` of the frauds' amounts in an earlier period, in minor units: what a fraud may count.

    Raises:
        DataError: If it has too few frauds.
    """
    frauds = before.amount_minor[before.fraud & (before.weight > 0)]
    if len(frauds) < MINIMUM_EARLIER_FRAUDS:
        raise DataError(f"the earlier period has {len(frauds)} frauds; take one with {MINIMUM_EARLIER_FRAUDS} or more")
    return max(1, int(np.quantile(frauds, CAP_QUANTILE)))


def freeze(
    challenger: str,
    before: Pairs,
    timing: CohortTiming,
    costs: CappedCosts,
    *,
    alpha: float,
    rank: RankKind = "score",
    recall_margin: float = 0.02,
) -> Plan:
    """Return a plan whose threshold and bounds come from an earlier period.

    Args:
        challenger: Its name, for the record.
        before: Matured pairs of the earlier period, with the challenger's scores, live or scored afterwards. The more
            there are, the nearer the alert rates come to each other.
        timing: Of the test.
        costs: With a cap chosen before the test: `usual_cap(before)`, or what the business says.
        alpha: From `stream.evaluation.alpha.next_alpha`.
        rank: By what the challenger's policy ranks.
        recall_margin: As in `Plan`.

    Raises:
        DataError: If `before` reaches into the test, is too short, or nothing differs in it.
    """
    if before.event_time_ms.max(initial=-1) >= timing.starts_ms:
        raise DataError("the earlier period reaches into the test: begin the test later, or take an earlier period")
    first_ms = int(before.event_time_ms.min(initial=timing.starts_ms))
    cohorts = (timing.starts_ms - first_ms) // timing.cohort_ms
    if cohorts < MINIMUM_EARLIER_COHORTS:
        raise DataError(f"the earlier period has {cohorts} cohorts; take one with {MINIMUM_EARLIER_COHORTS} or more")
    measure = ComparisonMetric(costs, _equal_alerts(before, rank), rank)
    evidence = [
        take_evidence(measure, cohort)
        for cohort in closed_cohorts(
            before,
            timing,
            from_ms=timing.starts_ms - cohorts * timing.cohort_ms,
            # The caller vouches that they are matured.
            watermark_ms=timing.starts_ms + timing.closing_ms,
        )
    ]
    cost_bound, recall_bound = (
        BOUND_FACTOR * math.sqrt(np.mean(np.square(gains)))
        for gains in (cost_gains(evidence), recall_gains(evidence, recall_margin))
    )
    if not (cost_bound and recall_bound):
        raise DataError("the models never differ in the earlier period, or it has no fraud; there is nothing to test")
    earlier = tuple(bounded(cost_gains(evidence), cost_bound).tolist())
    return Plan(challenger, alpha, timing, measure, cost_bound, recall_bound, earlier, recall_margin)


def cost_gains(evidence: Sequence[Evidence]) -> NDArray[np.float64]:
    """Return (c,) each cohort's cost by the champion minus that by the challenger, in minor units."""
    return np.array([each.champion_cost_minor - each.challenger_cost_minor for each in evidence], dtype=np.float64)


def recall_gains(evidence: Sequence[Evidence], margin: float) -> NDArray[np.float64]:
    """Return (c,) how many frauds each cohort's challenger caught beyond what it must, margin given."""
    return np.array(
        [each.challenger_caught - each.champion_caught + margin * each.fraud_weight for each in evidence],
        dtype=np.float64,
    )


def bounded(gains: NDArray[np.float64], bound: float) -> NDArray[np.float64]:
    """Return (c,) gains in units of their bound, in [-1, 1]."""
    return np.clip(gains / bound, -1.0, 1.0)


def _equal_alerts(before: Pairs, kind: RankKind) -> float:
    """Return the lowest rank that alerts at most as often as the champion, where both have a score."""
    scored = before.take(before.challenger_verdict != MISSING)
    alerts = int((scored.champion_verdict > 0).sum())
    if not 0 < alerts < len(scored):
        raise DataError("the champion alerted none or all of the earlier period; there is no alert rate to equal")
    falling = np.sort(ranks(scored, kind))[::-1]
    # Of equal ranks all alert or none; the next higher one where they are too many.
    return float(np.nextafter(falling[alerts], np.inf))
