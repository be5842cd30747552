"""What a challenger would have changed: flips, money and false positives, by day of event time.

Of transactions whose outcome is known, each counts for those it stands for; of the others only the verdicts are known.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stream.evaluation.cohorts import DAY_MS, MISSING, Pairs
from stream.evaluation.costs import CappedCosts
from stream.evaluation.outcome import Outcome
from stream.scoring.policy import VERDICTS


class CounterfactualChange(Struct, frozen=True):
    """A challenger beside the champion over some transactions."""

    #: UTC milliseconds; half-open.
    start_ms: int
    end_ms: int
    transactions: int
    #: Without the challenger's score.
    missing: int
    #: Not old enough to be judged, and never to be known.
    waiting: int
    censored: int
    #: Transactions by champion's verdict, then challenger's: approve, review, decline.
    flips: tuple[tuple[int, ...], ...]
    #: Challenger's less champion's, over those that both scored; NaN without any.
    mean_score_difference: float
    #: Minor units that the challenger would have saved where it does better, and lost where it does worse.
    saved_minor: float
    lost_minor: float
    #: Legitimate transactions that only the champion alerts, and only the challenger.
    false_positives_removed: float
    false_positives_added: float
    #: Frauds that only the challenger alerts, and only the champion.
    frauds_gained: float
    frauds_lost: float


def changes_by_day(pairs: Pairs, costs: CappedCosts) -> Iterator[CounterfactualChange]:
    """Yield what changes on each day (UTC) that has transactions, in order."""
    days = pairs.event_time_ms // DAY_MS
    for day in np.unique(days).tolist():
        yield change(pairs.take(days == day), costs, day * DAY_MS, (day + 1) * DAY_MS)


def change(pairs: Pairs, costs: CappedCosts, start_ms: int, end_ms: int) -> CounterfactualChange:
    """Return what changes over all of some pairs.

    Args:
        pairs: Champion's and challenger's verdicts, outcomes and weights.
        costs: Of verdicts, capped.
        start_ms: For the record.
        end_ms: For the record.
    """
    both = pairs.take(pairs.challenger_verdict != MISSING)
    fraud, known = both.fraud, both.weight > 0
    gain = both.weight * (
        costs.of(both.champion_verdict, fraud, both.amount_minor)
        - costs.of(both.challenger_verdict, fraud, both.amount_minor)
    )
    champion, challenger = both.champion_verdict > 0, both.challenger_verdict > 0

    def weigh(which: NDArray[np.bool_]) -> float:
        return float(both.weight[which].sum())

    legitimate = known & ~fraud
    return CounterfactualChange(
        start_ms,
        end_ms,
        len(pairs),
        missing=len(pairs) - len(both),
        waiting=int((pairs.outcome == Outcome.WAITING).sum()),
        censored=int((pairs.outcome == Outcome.CENSORED).sum()),
        flips=_matrix(both),
        mean_score_difference=float(np.mean(both.challenger_score - both.champion_score)) if len(both) else np.nan,
        saved_minor=float(gain[gain > 0].sum()),
        lost_minor=float(-gain[gain < 0].sum()),
        false_positives_removed=weigh(legitimate & champion & ~challenger),
        false_positives_added=weigh(legitimate & ~champion & challenger),
        frauds_gained=weigh(fraud & ~champion & challenger),
        frauds_lost=weigh(fraud & champion & ~challenger),
    )


def _matrix(pairs: Pairs) -> tuple[tuple[int, ...], ...]:
    width = len(VERDICTS)
    cells = np.bincount(pairs.champion_verdict.astype(np.intp) * width + pairs.challenger_verdict, minlength=width**2)
    return tuple(tuple(row) for row in cells.reshape(width, width).tolist())
