"""Closed cohorts: the transactions in one time span, once all of them have matured."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schemas.messages import EventTimeMs
from stream.evaluation.outcome import Outcome

DAY_MS = 86_400_000
Positive = Annotated[int, Meta(ge=1)]

#: Value in `Pairs.challenger_verdict` if the challenger gave no score.
MISSING = -1


class CohortTiming(Struct, frozen=True):
    """How a stream is cut into cohorts, and when each cohort closes."""

    #: Start of the first tested cohort, UTC milliseconds. All data used to make the plan is from before this time.
    starts_ms: EventTimeMs
    #: Time that a label may take to arrive, in milliseconds; after that, a transaction without a label is legitimate.
    maturity_ms: Positive
    #: Length of a cohort, in milliseconds. About ten frauds in each cohort are best: shorter cohorts gain nothing, and
    #: longer cohorts leave too few bets.
    cohort_ms: Positive = DAY_MS
    #: Longest spell of frauds on one card, in milliseconds. A longer spell counts as several spells, and a campaign
    #: that hits many cards over days is not recognised. If the independence guardrail fails, use longer cohorts, or
    #: identify campaigns instead of cards.
    spell_ms: Annotated[int, Meta(ge=0)] = 3 * DAY_MS

    @property
    def closing_ms(self) -> int:
        """Time from the end of a cohort until the cohort closes, in milliseconds."""
        return self.spell_ms + self.maturity_ms


@dataclass(frozen=True)
class Pairs:
    """n transactions, each with its outcome and the verdicts of both models.

    Each verdict is the one given by the model's own policy, whichever model decided, and before exploration: a would-be
    decline that was let through counts as a decline here. The deciding model's verdict comes from the decision, the
    other model's from its shadow score.

    Raises:
        ValueError: If the columns differ in length.
    """

    #: (n,) event times, UTC milliseconds.
    event_time_ms: NDArray[np.int64]
    #: (n,) integers that identify the card, or the campaign if a known campaign hits several cards together.
    card: NDArray[np.int64]
    #: (n,) amounts in minor units of one currency.
    amount_minor: NDArray[np.int64]
    #: (n,) the champion's verdicts, as indices into `stream.scoring.policy.VERDICTS`.
    champion_verdict: NDArray[np.int8]
    #: (n,) the champion's scores, in [0, 1].
    champion_score: NDArray[np.float64]
    #: (n,) the challenger's verdicts, as indices into `VERDICTS`; `MISSING` where the challenger gave no score.
    challenger_verdict: NDArray[np.int8]
    #: (n,) the challenger's scores, in [0, 1]; NaN where the challenger gave no score.
    challenger_score: NDArray[np.float64]
    #: (n,) `Outcome` codes.
    outcome: NDArray[np.int8]
    #: (n,) weights from `stream.evaluation.weights.weights`.
    weight: NDArray[np.float64]
    #: (n,) whether the outcome is unobservable, from `stream.evaluation.weights.is_unobservable`.
    unobservable: NDArray[np.bool_]

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns of pairs differ in length: {lengths}")

    def __len__(self) -> int:
        return len(self.event_time_ms)

    def take(self, selection: Any) -> "Pairs":
        """Return the pairs that are selected by a mask, a slice or an array of indices."""
        return Pairs(*(getattr(self, field.name)[selection] for field in fields(self)))

    @property
    def fraud(self) -> NDArray[np.bool_]:
        """(n,) whether the outcome is fraud."""
        return np.equal(self.outcome, Outcome.FRAUD)


@dataclass(frozen=True)
class Cohort:
    """All transactions with start_ms ≤ time < end_ms, where a fraud's time is the start of its spell of frauds."""

    start_ms: int
    end_ms: int
    pairs: Pairs


def closed_cohorts(pairs: Pairs, timing: CohortTiming, *, from_ms: int, watermark_ms: int) -> Iterator[Cohort]:
    """Yield the closed cohorts in time order, including empty cohorts.

    A cohort closes once end_ms + timing.closing_ms ≤ watermark_ms. Only then have its frauds and its legitimate
    transactions had the same time to get a label. Because frauds are reported first, a model that only trades missed
    frauds for false alarms always looks better on early labels (`tests/evaluation/test_gate_simulated.py`).

    Frauds on one card come in spells and are caught or missed together. A spell that was split between two cohorts
    would make one cohort predict the next, so a fraud belongs to the cohort of its card's earliest fraud within the
    preceding `spell_ms` milliseconds.

    Cohorts are cut by time, not by number of transactions, so a late transaction changes one cohort but no boundary.

    Args:
        pairs: All pairs with an event time of at least from_ms - timing.spell_ms, in any order; pairs in open cohorts
            are ignored.
        timing: Timing of the gate's plan.
        from_ms: Start of the first cohort: `timing.starts_ms`, or the end of the last cohort whose evidence was taken.
        watermark_ms: Event time up to which transactions and labels have been read, UTC milliseconds.
    """
    span_ms = timing.cohort_ms
    count = max(0, (watermark_ms - timing.closing_ms - from_ms) // span_ms)
    borders = from_ms + span_ms * np.arange(count + 1)
    time_ms = _spell_starts(pairs, timing.spell_ms)
    order = np.argsort(time_ms, kind="stable")
    cuts = np.searchsorted(time_ms[order], borders)
    for start_ms, first, last in zip(borders.tolist(), cuts, cuts[1:], strict=False):
        yield Cohort(start_ms, start_ms + span_ms, pairs.take(order[first:last]))


def _spell_starts(pairs: Pairs, spell_ms: int) -> NDArray[np.int64]:
    """Return (n,) event times, where a fraud's is that of its card's earliest fraud in the preceding `spell_ms`."""
    starts, frauds = pairs.event_time_ms.copy(), np.flatnonzero(pairs.fraud)
    if not len(frauds):
        return starts
    times = starts[frauds] - starts[frauds].min()
    # Put all cards on one number line, further apart than the length of a spell.
    line = np.unique(pairs.card[frauds], return_inverse=True)[1] * (times.max() + spell_ms + 1) + times
    order = np.argsort(line, kind="stable")
    earliest = order[np.searchsorted(line[order], line - spell_ms)]
    starts[frauds] = starts[frauds[earliest]]
    return starts
