"""Which transactions make a cohort, and when it is closed."""

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


def cut(each: Pairs, *, from_ms: int = 0, spell_ms: int = 0, watermark_ms: int = 1000) -> list[Cohort]:
    """Return closed cohorts of 10 ms that mature in 100 ms."""
    return list(closed_cohorts(each, CohortTiming(0, 100, 10, spell_ms), from_ms=from_ms, watermark_ms=watermark_ms))


def frauds(times: list[int], cards: list[int]) -> Pairs:
    """Return frauds of these cards."""
    return pairs(len(times), event_time_ms=times, card=cards, outcome=np.full(len(times), Outcome.FRAUD))


def test_a_cohort_closes_when_its_last_transaction_is_mature() -> None:
    """And not a millisecond before; a spell that starts at its end must be over too."""
    each = pairs(1, event_time_ms=[9])
    assert [len(cut(each, watermark_ms=at)) for at in (109, 110, 119, 120)] == [0, 1, 1, 2]
    assert [len(cut(each, spell_ms=5, watermark_ms=at)) for at in (114, 115)] == [0, 1]


def test_a_transaction_on_a_border_belongs_to_the_later_cohort() -> None:
    """Each belongs to one and only one."""
    first, second = cut(pairs(3, event_time_ms=[0, 9, 10]), watermark_ms=120)
    assert (first.start_ms, first.end_ms, first.pairs.event_time_ms.tolist()) == (0, 10, [0, 9])
    assert (second.start_ms, second.end_ms, second.pairs.event_time_ms.tolist()) == (10, 20, [10])


@given(TIMES, st.randoms())
def test_order_of_arrival_does_not_matter(times: list[int], random: np.random.Generator) -> None:
    """Cohorts hold the same transactions, those within the closed spans, each once."""
    shuffled = times.copy()
    random.shuffle(shuffled)
    one, other = (
        [sorted(cohort.pairs.event_time_ms.tolist()) for cohort in cut(pairs(len(lot), event_time_ms=lot))[:4]]
        for lot in (times, shuffled)
    )
    assert one == other
    assert list(itertools.chain(*one)) == sorted(time for time in times if 0 <= time < 40)


@given(TIMES)
def test_cohorts_taken_one_look_at_a_time_are_those_taken_at_once(times: list[int]) -> None:
    """The caller goes on from the end of the last one, with what lies up to a spell before."""
    each = frauds(times, [time % 3 for time in times])
    at_once = [cohort.pairs.event_time_ms.tolist() for cohort in cut(each, spell_ms=15, watermark_ms=155)]
    one_by_one = []
    for start in (0, 10, 20, 30):
        recent = each.take(each.event_time_ms >= start - 15)
        one_by_one += [
            cohort.pairs.event_time_ms.tolist()
            for cohort in cut(recent, from_ms=start, spell_ms=15, watermark_ms=start + 125)
        ]
    assert one_by_one == at_once


def test_a_spell_of_frauds_on_a_card_is_not_cut() -> None:
    """Later frauds belong where the spell began; another card's, and another spell's, do not."""
    each = frauds([8, 12, 14, 13, 29], [1, 1, 1, 2, 1])
    assert [sorted(cohort.pairs.event_time_ms.tolist()) for cohort in cut(each, spell_ms=6)[:3]] == [
        [8, 12, 14],
        [13],
        [29],
    ]


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 2)), max_size=12), st.integers(0, 12))
def test_a_fraud_belongs_where_its_spell_began(each: list[tuple[int, int]], spell_ms: int) -> None:
    """With the earliest fraud of its card within the spell before it, looked up one by one."""
    began = [min(at for at, of in each if of == card and time - spell_ms <= at <= time) for time, card in each]
    expected = [sorted(each[i] for i, at in enumerate(began) if at // 10 == nth) for nth in range(4)]
    found = cut(frauds([time for time, _ in each], [card for _, card in each]), spell_ms=spell_ms)[:4]
    assert expected == [
        sorted(zip(cohort.pairs.event_time_ms.tolist(), cohort.pairs.card.tolist(), strict=True)) for cohort in found
    ]


def test_a_legitimate_payment_of_the_same_card_stays_where_it_is() -> None:
    """Only frauds come in spells."""
    each = frauds([8, 12], [1, 1])
    each = replace(each, outcome=np.array([Outcome.FRAUD, Outcome.LEGITIMATE], dtype=np.int8))
    assert [len(cohort.pairs) for cohort in cut(each, spell_ms=6)[:2]] == [1, 1]


def test_columns_of_different_length_are_refused() -> None:
    """They cannot be of the same transactions."""
    with pytest.raises(ValueError, match="differ in length"):
        replace(pairs(2), weight=np.ones(3))
