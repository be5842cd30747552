"""Closed cohorts: the transactions of one time span, once all of them have matured."""

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

#: In `Pairs.challenger_verdict`: the challenger gave no score.
MISSING = -1


class CohortTiming(Struct, frozen=True):
    """How a stream is cut into cohorts, and when they close."""

    #: Start of the first tested cohort. All data used to make the plan are earlier.
    starts_ms: EventTimeMs
    #: Time that a label may take; after it, silence means legitimate.
    maturity_ms: Positive
    #: Length of a cohort. About ten frauds in each is best: fewer gain nothing, more leave too few bets.
    cohort_ms: Positive = DAY_MS
    #: Length of a spell of frauds on one card. Longer spells are not recognised as one, nor are campaigns over many
    #: cards that last for days. If the independence guardrail fails, use longer cohorts, or campaigns instead of cards.
    spell_ms: Annotated[int, Meta(ge=0)] = 3 * DAY_MS

    @property
    def closing_ms(self) -> int:
        """Time from a cohort's end until it closes."""
        return self.spell_ms + self.maturity_ms


@dataclass(frozen=True)
class Pairs:
    """n transactions, each with the verdicts of both models and its outcome.

    A verdict is that of the model's own policy, whichever model decided and before exploration: a would-be decline
    that was let through is a decline here. The deciding model's verdict comes from the decision, the other's from the
    shadow score.

    Raises:
        ValueError: If the columns differ in length.
    """

    #: (n,) UTC milliseconds.
    event_time_ms: NDArray[np.int64]
    #: (n,) an integer that identifies the card; or the campaign, if one is known that hits several cards together.
    card: NDArray[np.int64]
    #: (n,) minor units of one currency.
    amount_minor: NDArray[np.int64]
    #: (n,) index into `stream.scoring.policy.VERDICTS`.
    champion_verdict: NDArray[np.int8]
    #: (n,) in [0, 1].
    champion_score: NDArray[np.float64]
    #: (n,) index into `VERDICTS`; `MISSING` where the challenger gave no score.
    challenger_verdict: NDArray[np.int8]
    #: (n,) in [0, 1]; NaN where the challenger gave no score.
    challenger_score: NDArray[np.float64]
    #: (n,) `Outcome` codes.
    outcome: NDArray[np.int8]
    #: (n,) from `stream.evaluation.weights.weights`.
    weight: NDArray[np.float64]
    #: (n,) from `stream.evaluation.weights.is_unobservable`.
    unobservable: NDArray[np.bool_]

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns of pairs differ in length: {lengths}")

    def __len__(self) -> int:
        return len(self.event_time_ms)

    def take(self, selection: Any) -> "Pairs":
        """Return the pairs that a mask, a slice or an array of indices selects."""
        return Pairs(*(getattr(self, field.name)[selection] for field in fields(self)))

    @property
    def fraud(self) -> NDArray[np.bool_]:
        """(n,) whether the outcome is fraud."""
        return np.equal(self.outcome, Outcome.FRAUD)


@dataclass(frozen=True)
class Cohort:
    """All transactions with start_ms ≤ time < end_ms, by event time, or by the start of their spell of frauds."""

    start_ms: int
    end_ms: int
    pairs: Pairs


def closed_cohorts(pairs: Pairs, timing: CohortTiming, *, from_ms: int, watermark_ms: int) -> Iterator[Cohort]:
    """Yield the closed cohorts in order of time, including empty ones.

    A cohort closes once end_ms + timing.closing_ms ≤ watermark_ms. Only then have its frauds and its legitimate
    transactions had the same time to get a label. Frauds are reported first: judged on early labels, a model that only
    trades missed frauds for false alarms always looks better (`tests/evaluation/test_gate_simulated.py`).

    Frauds on one card come in spells and are caught or missed together. So a fraud belongs to the cohort of its card's
    earliest fraud within the spell_ms before it. A spell cut by a border would make one cohort predict the next.

    Cohorts are time spans, not counts, so a late transaction changes one cohort and no border.

    Args:
        pairs: All pairs from from_ms - timing.spell_ms on, in any order; those of open cohorts are ignored.
        timing: Timing of the plan.
        from_ms: Start of the first cohort: `timing.starts_ms`, or the end of the last cohort whose evidence was taken.
        watermark_ms: Event time up to which transactions and labels have been read.
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
    """Return (n,) event times; for a fraud, that of its card's earliest fraud within spell_ms before it."""
    starts, frauds = pairs.event_time_ms.copy(), np.flatnonzero(pairs.fraud)
    if not len(frauds):
        return starts
    times = starts[frauds] - starts[frauds].min()
    # One number line on which cards are further apart than a spell.
    line = np.unique(pairs.card[frauds], return_inverse=True)[1] * (times.max() + spell_ms + 1) + times
    order = np.argsort(line, kind="stable")
    earliest = order[np.searchsorted(line[order], line - spell_ms)]
    starts[frauds] = starts[frauds[earliest]]
    return starts
