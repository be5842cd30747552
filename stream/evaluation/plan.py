"""What a test is about, settled and frozen before its first cohort: nothing that is tested may choose its own test."""

from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schemas.errors import DataError
from schemas.messages import EventTimeMs, Identifier
from stream.evaluation.cohorts import DAY_MS, MISSING, Pairs
from stream.evaluation.costs import CappedCosts

#: A challenger whose policy is of kind expected_loss ranks by score · amount.
RankKind = Literal["score", "expected_loss"]
#: Fewer earlier frauds do not tell how large frauds are.
MINIMUM_EARLIER_FRAUDS = 20
#: Of the earlier frauds' amounts, the quantile that becomes the cap.
CAP_QUANTILE = 0.9
#: How many capped frauds of one card count in one cohort.
CARD_CAP_FRAUDS = 2

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]


class Limits(Struct, frozen=True):
    """What a challenger must keep to besides being better."""

    #: Its alert rate, as a multiple of the champion's; at most.
    alert_rate_ratio: Annotated[float, Meta(gt=0)] = 1.1
    #: Its 99th percentile of milliseconds for scoring one transaction; at most.
    latency_p99_ms: Annotated[float, Meta(gt=0)] = 20.0
    #: Frauds that its scores expect over frauds that came, or the inverse; at most.
    calibration_ratio: Annotated[float, Meta(ge=1)] = 2.0
    #: The largest difference between a live score and the same transaction scored again offline; at most.
    parity_gap: Annotated[float, Meta(ge=0)] = 1e-5
    #: Matured frauds; at least.
    minimum_frauds: Positive = 100
    #: Of all transactions, those without its score; at most.
    missing_share: Share = 0.01
    #: Of the transactions that the two models judge differently, those whose outcome cannot be seen; at most.
    undecided_share: Share = 0.05


class Plan(Struct, frozen=True):
    """A test of one challenger against the champion of its time.

    Raises:
        ValueError: If a field is out of range (msgspec, when decoded).
    """

    challenger: Identifier
    #: From `stream.evaluation.alpha.next_alpha`.
    alpha: Annotated[float, Meta(gt=0, lt=1)]
    #: Start of the first tested cohort; everything that was looked at to make this plan lies before.
    starts_ms: EventTimeMs
    #: How long a label may take; beyond, silence means legitimate.
    maturity_ms: Positive
    costs: CappedCosts
    #: The challenger's rank from which it alerts as often as the champion did before.
    threshold: float
    rank: RankKind = "score"
    #: Long beside a card's spell of frauds, so that few spells are cut by a border.
    cohort_ms: Positive = 7 * DAY_MS
    #: The loss of recall that a cheaper challenger may have.
    recall_margin: Annotated[float, Meta(ge=0, lt=1)] = 0.02
    #: How many of one card's frauds count for recall in one cohort; at least the largest weight.
    card_cap_frauds: Annotated[float, Meta(ge=1)] = 1.0
    #: Matured frauds after which the champion is kept if nothing was shown.
    horizon_frauds: Positive = 3000
    limits: Limits = Limits()

    def ranks(self, pairs: Pairs) -> NDArray[np.float64]:
        """Return (n,) by what the challenger ranks transactions; NaN where it has no score."""
        return _ranks(pairs, self.rank)


def freeze(
    challenger: str,
    before: Pairs,
    *,
    alpha: float,
    starts_ms: int,
    maturity_ms: int,
    rank: RankKind = "score",
    review_cost_minor: int = 500,
    recovered_share: float = 0.9,
    false_decline_cost_minor: int = 2000,
    largest_weight: float = 1.0,
) -> Plan:
    """Return a plan whose cap and threshold come from an earlier period.

    Args:
        challenger: Its name, for the record.
        before: Matured pairs of the earlier period.
        alpha: From `stream.evaluation.alpha.next_alpha`.
        starts_ms: Start of the first tested cohort, after all of `before`.
        maturity_ms: How long a label may take.
        rank: By what the challenger's policy ranks.
        review_cost_minor: As in `CappedCosts`.
        recovered_share: As in `CappedCosts`.
        false_decline_cost_minor: As in `CappedCosts`.
        largest_weight: 1 / `Exploration.share`, or 1 without exploration.

    Raises:
        DataError: If `before` reaches into the test, has too few frauds, or no alert and score to compare.
    """
    frauds = before.amount_minor[before.fraud]
    if len(before) and int(before.event_time_ms.max()) >= starts_ms:
        raise DataError("the earlier period reaches into the test: begin the test later, or take an earlier period")
    if len(frauds) < MINIMUM_EARLIER_FRAUDS:
        raise DataError(f"the earlier period has {len(frauds)} frauds; take one with {MINIMUM_EARLIER_FRAUDS} or more")
    cap = max(1, int(np.quantile(frauds, CAP_QUANTILE)))
    dearest = max(cap, review_cost_minor + cap, false_decline_cost_minor)
    costs = CappedCosts(
        cap_minor=cap,
        card_cap_minor=int(max(CARD_CAP_FRAUDS * cap, dearest, largest_weight * cap)),
        review_cost_minor=review_cost_minor,
        recovered_share=recovered_share,
        false_decline_cost_minor=false_decline_cost_minor,
    )
    return Plan(
        challenger,
        alpha,
        starts_ms,
        maturity_ms,
        costs,
        _equal_alerts(before, rank),
        rank,
        card_cap_frauds=largest_weight,
    )


def _ranks(pairs: Pairs, kind: RankKind) -> NDArray[np.float64]:
    return pairs.challenger_score * (pairs.amount_minor if kind == "expected_loss" else 1)


def _equal_alerts(before: Pairs, kind: RankKind) -> float:
    """Return the lowest rank that alerts at most as often as the champion, where both have a score."""
    scored = before.take(before.challenger_verdict != MISSING)
    alerts = int((scored.champion_verdict > 0).sum())
    if not 0 < alerts < len(scored):
        raise DataError("the champion alerted none or all of the earlier period; there is no alert rate to equal")
    ranks = np.sort(_ranks(scored, kind))[::-1]
    # Of equal ranks all alert or none; the next higher one where they are too many.
    return float(np.nextafter(ranks[alerts], np.inf))
