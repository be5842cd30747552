"""Which transactions belong to a cohort, and when it closes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.evaluation.cohorts import Cohort, CohortTiming, Pairs, closed_cohorts
from stream.evaluation.outcome import Outcome
from tests.evaluation.sample_evidence import pairs

TIMES = st.lists(st.integers(-20, 60), max_size=25)


def cohorts_of(all_pairs: Pairs, *, from_ms: int = 0, spell_ms: int = 0, watermark_ms: int = 1000) -> list[Cohort]:
    """Return the closed cohorts of these pairs, with cohorts of 10 ms and a maturity of 100 ms."""
    return list(
        closed_cohorts(all_pairs, CohortTiming(0, 100, 10, spell_ms), from_ms=from_ms, watermark_ms=watermark_ms)
    )


def frauds(times: list[int], cards: list[int]) -> Pairs:
    """Return frauds at these times on these cards."""
    return pairs(len(times), event_time_ms=times, card=cards, outcome=np.full(len(times), Outcome.FRAUD))


def test_a_cohort_closes_when_its_last_transaction_is_mature() -> None:
    """A cohort closes no earlier than its last transaction is mature and a spell that starts at its end is over."""
    one = pairs(1, event_time_ms=[9])
    assert [len(cohorts_of(one, watermark_ms=at)) for at in (109, 110, 119, 120)] == [0, 1, 1, 2]
    assert [len(cohorts_of(one, spell_ms=5, watermark_ms=at)) for at in (114, 115)] == [0, 1]


def test_a_transaction_on_a_border_belongs_to_the_later_cohort() -> None:
    """A transaction on the border between two cohorts belongs to the later cohort only."""
    first, second = cohorts_of(pairs(3, event_time_ms=[0, 9, 10]), watermark_ms=120)
    assert (first.start_ms, first.end_ms, first.pairs.event_time_ms.tolist()) == (0, 10, [0, 9])
    assert (second.start_ms, second.end_ms, second.pairs.event_time_ms.tolist()) == (10, 20, [10])


@given(TIMES, st.randoms())
def test_order_of_arrival_does_not_matter(times: list[int], random: np.random.Generator) -> None:
    """In any order of arrival, cohorts contain each transaction in the closed time spans exactly once."""
    shuffled = times.copy()
    random.shuffle(shuffled)
    one, other = (
        [
            sorted(cohort.pairs.event_time_ms.tolist())
            for cohort in cohorts_of(pairs(len(order), event_time_ms=order))[:4]
        ]
        for order in (times, shuffled)
    )
    assert one == other
    assert list(itertools.chain(*one)) == sorted(time for time in times if 0 <= time < 40)


@given(TIMES)
def test_cohorts_taken_one_by_one_are_those_taken_at_once(times: list[int]) -> None:
    """Taking cohorts one at a time, with one spell of earlier transactions, gives the same cohorts as all at once."""
    all_frauds = frauds(times, [time % 3 for time in times])
    at_once = [cohort.pairs.event_time_ms.tolist() for cohort in cohorts_of(all_frauds, spell_ms=15, watermark_ms=155)]
    one_by_one = []
    for start in (0, 10, 20, 30):
        recent = all_frauds.take(all_frauds.event_time_ms >= start - 15)
        one_by_one += [
            cohort.pairs.event_time_ms.tolist()
            for cohort in cohorts_of(recent, from_ms=start, spell_ms=15, watermark_ms=start + 125)
        ]
    assert one_by_one == at_once


def test_a_spell_of_frauds_on_a_card_stays_in_one_cohort() -> None:
    """Later frauds in a spell belong to the cohort in which it started; frauds in other spells do not."""
    spells = frauds([8, 12, 14, 13, 29], [1, 1, 1, 2, 1])
    assert [sorted(cohort.pairs.event_time_ms.tolist()) for cohort in cohorts_of(spells, spell_ms=6)[:3]] == [
        [8, 12, 14],
        [13],
        [29],
    ]


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 2)), max_size=12), st.integers(0, 12))
def test_a_fraud_belongs_to_the_cohort_of_its_spell_s_start(
    times_and_cards: list[tuple[int, int]], spell_ms: int
) -> None:
    """A fraud belongs to the cohort of the card's earliest fraud within the preceding spell."""
    starts = [
        min(at for at, of in times_and_cards if of == card and time - spell_ms <= at <= time)
        for time, card in times_and_cards
    ]
    expected = [sorted(times_and_cards[i] for i, at in enumerate(starts) if at // 10 == nth) for nth in range(4)]
    cohorts = cohorts_of(
        frauds([time for time, _ in times_and_cards], [card for _, card in times_and_cards]), spell_ms=spell_ms
    )[:4]
    assert expected == [
        sorted(zip(cohort.pairs.event_time_ms.tolist(), cohort.pairs.card.tolist(), strict=True)) for cohort in cohorts
    ]


def test_legitimate_transactions_do_not_move() -> None:
    """Legitimate transactions stay in the cohort of their own event time, because only frauds form spells."""
    fraud_only = frauds([8, 12], [1, 1])
    mixed = replace(fraud_only, outcome=np.array([Outcome.FRAUD, Outcome.LEGITIMATE], dtype=np.int8))
    assert [len(cohort.pairs) for cohort in cohorts_of(mixed, spell_ms=6)[:2]] == [1, 1]


def test_columns_of_different_length_are_refused() -> None:
    """Columns of different lengths are rejected, because they cannot describe the same transactions."""
    with pytest.raises(ValueError, match="differ in length"):
        replace(pairs(2), weight=np.ones(3))
