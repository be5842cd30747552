"""Closed cohorts: transactions of one span of event time, once all of them are mature."""

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

#: In `Pairs.challenger_verdict`: the challenger could not score.
MISSING = -1


class CohortTiming(Struct, frozen=True):
    """How a stream is cut into cohorts, and when they close."""

    #: Start of the first tested cohort; everything that was looked at to make a plan lies before.
    starts_ms: EventTimeMs
    #: How long a label may take; beyond, silence means legitimate.
    maturity_ms: Positive
    #: Length of a cohort. Some ten frauds each is best: fewer gain nothing, more leave too few bets.
    cohort_ms: Positive = DAY_MS
    #: How long a spell of frauds on one card lasts. Longer ones are not seen as one, nor is a campaign over many cards
    #: that lasts for days. Where the guardrail of independence fails, longer cohorts, or campaigns in the cards' place,
    #: keep cohorts apart.
    spell_ms: Annotated[int, Meta(ge=0)] = 3 * DAY_MS

    @property
    def closing_ms(self) -> int:
        """How long after its end a cohort closes."""
        return self.spell_ms + self.maturity_ms


@dataclass(frozen=True)
class Pairs:
    """n transactions, what both models would have done about each, and what became of it.

    A verdict is what the model's own policy says, whoever decided and whatever was explored: decline for a would-be
    decline that was let through. The deciding model's stands in the decision, the other's in the shadow score.

    Raises:
        ValueError: If the columns differ in length.
    """

    #: (n,) UTC milliseconds.
    event_time_ms: NDArray[np.int64]
    #: (n,) any whole number that is the card's own; or its campaign's, where one is known: whatever is hit together.
    card: NDArray[np.int64]
    #: (n,) minor units of one currency.
    amount_minor: NDArray[np.int64]
    #: (n,) index into `stream.scoring.policy.VERDICTS`.
    champion_verdict: NDArray[np.int8]
    #: (n,) in [0, 1].
    champion_score: NDArray[np.float64]
    #: (n,) as the champion's; `MISSING` where the challenger has no score.
    challenger_verdict: NDArray[np.int8]
    #: (n,) in [0, 1]; NaN where missing.
    challenger_score: NDArray[np.float64]
    #: (n,) `Outcome` codes.
    outcome: NDArray[np.int8]
    #: (n,) by `stream.evaluation.weights.weights`.
    weight: NDArray[np.float64]
    #: (n,) by `stream.evaluation.weights.is_unseen`.
    unseen: NDArray[np.bool_]

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns of pairs differ in length: {lengths}")

    def __len__(self) -> int:
        return len(self.event_time_ms)

    def take(self, which: Any) -> "Pairs":
        """Return those that a mask, a slice or an array of places selects."""
        return Pairs(*(getattr(self, field.name)[which] for field in fields(self)))

    @property
    def fraud(self) -> NDArray[np.bool_]:
        """(n,) which are known to be frauds."""
        return np.equal(self.outcome, Outcome.FRAUD)


@dataclass(frozen=True)
class Cohort:
    """All transactions of one span of time: start_ms ≤ time < end_ms, by event time, or by their spell's."""

    start_ms: int
    end_ms: int
    pairs: Pairs


def closed_cohorts(pairs: Pairs, timing: CohortTiming, *, from_ms: int, watermark_ms: int) -> Iterator[Cohort]:
    """Yield the closed cohorts in order of time, empty ones too.

    A cohort is closed when its end_ms + timing.closing_ms ≤ watermark_ms. Only then have its frauds and its legitimate
    transactions had the same time to become known. Frauds report first: a model that only trades missed frauds for
    false alarms looks better every time on what is known so far (`tests/evaluation/test_gate_simulated.py`).

    The frauds of one card come in spells and are caught or missed together. So a fraud belongs to the cohort of the
    earliest fraud of its card within the spell_ms before it: a spell that a border cuts would make one cohort foretell
    the next.

    Cohorts are spans of time, not counts: a late transaction then changes one cohort and no border.

    Args:
        pairs: In any order, all from from_ms - timing.spell_ms on; those of open cohorts are passed over.
        timing: Of the plan.
        from_ms: Start of the first: the timing's, or the end of the last one whose evidence was taken.
        watermark_ms: Up to where transactions and labels are known to be read.
    """
    span_ms = timing.cohort_ms
    count = max(0, (watermark_ms - timing.closing_ms - from_ms) // span_ms)
    borders = from_ms + span_ms * np.arange(count + 1)
    time_ms = _spell_starts(pairs, timing.spell_ms)
    order = np.argsort(time_ms, kind="stable")
    places = np.searchsorted(time_ms[order], borders)
    for start_ms, first, last in zip(borders.tolist(), places, places[1:], strict=False):
        yield Cohort(start_ms, start_ms + span_ms, pairs.take(order[first:last]))


def _spell_starts(pairs: Pairs, spell_ms: int) -> NDArray[np.int64]:
    """Return (n,) event times; of a fraud that of its card's earliest fraud within spell_ms before it."""
    starts, frauds = pairs.event_time_ms.copy(), np.flatnonzero(pairs.fraud)
    if not len(frauds):
        return starts
    times = starts[frauds] - starts[frauds].min()
    # One number line on which the cards lie apart by more than a spell.
    line = np.unique(pairs.card[frauds], return_inverse=True)[1] * (times.max() + spell_ms + 1) + times
    order = np.argsort(line, kind="stable")
    earliest = order[np.searchsorted(line[order], line - spell_ms)]
    starts[frauds] = starts[frauds[earliest]]
    return starts
