"""What a challenger would have changed on each day of event time: verdicts, money and false positives.

Money, false positives and frauds are weighted sums over the transactions with an outcome. For all other transactions,
only the verdicts are compared.
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
    """The differences between a challenger and the champion over a set of transactions."""

    #: Half-open time span of the transactions, UTC milliseconds.
    start_ms: int
    end_ms: int
    transactions: int
    #: Transactions without a score from the challenger.
    missing: int
    #: Transactions that have not matured.
    waiting: int
    #: Transactions whose outcome will never be known.
    censored: int
    #: Transactions by the champion's verdict, then the challenger's: approve, review, decline.
    flips: tuple[tuple[int, ...], ...]
    #: Mean of the challenger's score minus the champion's, over transactions scored by both; NaN if there are none.
    mean_score_difference: float
    #: Minor units that the challenger would have saved on transactions where it does better.
    saved_minor: float
    #: Minor units that the challenger would have lost on transactions where it does worse.
    lost_minor: float
    #: Legitimate transactions that only the champion alerts on.
    false_positives_removed: float
    #: Legitimate transactions that only the challenger alerts on.
    false_positives_added: float
    #: Frauds that only the challenger alerts on.
    frauds_gained: float
    #: Frauds that only the champion alerts on.
    frauds_lost: float


def changes_by_day(pairs: Pairs, costs: CappedCosts) -> Iterator[CounterfactualChange]:
    """Yield the change on each UTC day that has transactions, in time order."""
    days = pairs.event_time_ms // DAY_MS
    for day in np.unique(days).tolist():
        yield counterfactual_change(pairs.take(days == day), costs, day * DAY_MS, (day + 1) * DAY_MS)


def counterfactual_change(pairs: Pairs, costs: CappedCosts, start_ms: int, end_ms: int) -> CounterfactualChange:
    """Return what the challenger would have changed over all pairs.

    Args:
        pairs: Verdicts of champion and challenger, outcomes and weights.
        costs: Capped costs of verdicts.
        start_ms: Start of the pairs' time span, copied to the result.
        end_ms: End of the pairs' time span, copied to the result.
    """
    both = pairs.take(pairs.challenger_verdict != MISSING)
    fraud, resolved = both.fraud, both.weight > 0
    gain = both.weight * (
        costs.cost_of(both.champion_verdict, fraud, both.amount_minor)
        - costs.cost_of(both.challenger_verdict, fraud, both.amount_minor)
    )
    champion, challenger = both.champion_verdict > 0, both.challenger_verdict > 0

    def total_weight(selected: NDArray[np.bool_]) -> float:
        return float(both.weight[selected].sum())

    legitimate = resolved & ~fraud
    return CounterfactualChange(
        start_ms,
        end_ms,
        len(pairs),
        missing=len(pairs) - len(both),
        waiting=int((pairs.outcome == Outcome.WAITING).sum()),
        censored=int((pairs.outcome == Outcome.CENSORED).sum()),
        flips=_flips(both),
        mean_score_difference=float(np.mean(both.challenger_score - both.champion_score)) if len(both) else np.nan,
        saved_minor=float(gain[gain > 0].sum()),
        lost_minor=float(-gain[gain < 0].sum()),
        false_positives_removed=total_weight(legitimate & champion & ~challenger),
        false_positives_added=total_weight(legitimate & ~champion & challenger),
        frauds_gained=total_weight(fraud & ~champion & challenger),
        frauds_lost=total_weight(fraud & champion & ~challenger),
    )


def _flips(pairs: Pairs) -> tuple[tuple[int, ...], ...]:
    width = len(VERDICTS)
    cells = np.bincount(pairs.champion_verdict.astype(np.intp) * width + pairs.challenger_verdict, minlength=width**2)
    return tuple(tuple(row) for row in cells.reshape(width, width).tolist())
