"""What is known about a transaction, whatever order its labels come in."""

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stream.evaluation.outcome
import stream.evaluation.weights
from schemas.messages import Label, Verdict
from stream.evaluation.outcome import SOURCES, LabelColumns, Outcome, outcome_of, outcomes
from stream.evaluation.weights import is_unobservable, weights
from stream.scoring.policy import VERDICTS

MATURITY_MS = 10
#: Few of everything, so that ties and repetitions are common.
LABELS = st.lists(
    st.builds(
        Label,
        label_id=st.sampled_from(["a", "b", "a\0", "é"]),
        transaction_id=st.sampled_from(["t0", "t1", "t2", "of somebody else"]),
        source=st.sampled_from(SOURCES),
        fraud=st.sampled_from([True, False, None]),
        event_time_ms=st.integers(0, 3),
    ),
    max_size=12,
)
DECISIONS = st.lists(st.tuples(st.sampled_from(VERDICTS), st.integers(0, 12)), min_size=3, max_size=3)


def label(source: Any, event_time_ms: int = 0, label_id: str = "l", *, fraud: bool | None) -> Label:
    """Return a label of transaction t."""
    return Label(label_id, "t", source, fraud, event_time_ms)


def decided(verdict: Verdict, *labels: Label, watermark_ms: int = MATURITY_MS) -> str:
    """Return the outcome of a transaction at time 0."""
    return outcome_of(verdict, 0, labels, watermark_ms=watermark_ms, maturity_ms=MATURITY_MS).name


def test_the_examples_in_the_documentation_hold() -> None:
    """They are the shortest way to see what is decided."""
    for module in (stream.evaluation.outcome, stream.evaluation.weights):
        result = doctest.testmod(module)
        assert (result.failed, result.attempted > 0) == (0, True)


@pytest.mark.parametrize(
    ("verdict", "labels", "expected"),
    [
        pytest.param("approve", [], "LEGITIMATE_BY_MATURITY", id="approved, and nobody complained"),
        pytest.param("review", [], "CENSORED", id="a review nobody answered"),
        pytest.param("decline", [], "CENSORED", id="a decline nobody reviewed"),
        pytest.param("review", [label("analyst", fraud=False)], "LEGITIMATE", id="released"),
        pytest.param("decline", [label("analyst", fraud=True)], "FRAUD", id="the analyst agrees"),
        pytest.param(
            "review",
            [label("analyst", fraud=False), label("chargeback", fraud=True)],
            "FRAUD",
            id="released, and charged back",
        ),
        pytest.param(
            "approve",
            [label("cardholder", 9, fraud=True), label("analyst", fraud=False)],
            "LEGITIMATE",
            id="precedence, not time",
        ),
        pytest.param(
            "approve",
            [label("analyst", 1, fraud=True), label("analyst", 2, fraud=False)],
            "LEGITIMATE",
            id="the later one counts",
        ),
        pytest.param(
            "approve",
            [label("analyst", 1, "b", fraud=True), label("analyst", 1, "a", fraud=False)],
            "FRAUD",
            id="tie: label_id",
        ),
        pytest.param(
            "approve",
            [label("chargeback", 1, fraud=True), label("chargeback", 2, fraud=None), label("cardholder", fraud=False)],
            "LEGITIMATE",
            id="a retracted source leaves the word to the next",
        ),
        pytest.param(
            "approve",
            [label("chargeback", 1, fraud=True), label("chargeback", 2, fraud=None)],
            "LEGITIMATE_BY_MATURITY",
            id="all retracted",
        ),
        pytest.param(
            "decline",
            [label("analyst", 1, fraud=True), label("analyst", 2, fraud=None)],
            "CENSORED",
            id="all retracted, declined",
        ),
        pytest.param(
            "review",
            [label("analyst", 1, fraud=False), label("analyst", 2, fraud=None)],
            "LEGITIMATE_BY_MATURITY",
            id="the release is taken back, the money is gone",
        ),
    ],
)
def test_what_is_known_once_it_is_mature(verdict: Verdict, labels: list[Label], expected: str) -> None:
    """Labels by precedence, then time, then id; silence only of what went through."""
    assert decided(verdict, *labels) == expected


def test_silence_means_nothing_before_maturity_and_a_label_does() -> None:
    """A transaction is mature at event time + maturity, not a millisecond earlier."""
    assert decided("approve", watermark_ms=MATURITY_MS - 1) == "WAITING"
    assert decided("decline", watermark_ms=MATURITY_MS - 1) == "WAITING"
    assert decided("approve", label("cardholder", fraud=True), watermark_ms=0) == "FRAUD"


@given(LABELS, DECISIONS, st.integers(8, 25), st.randoms())
def test_neither_order_nor_repetition_matters_one_by_one_or_all_at_once(
    labels: list[Label], decisions: list[tuple[Verdict, int]], watermark_ms: int, random: np.random.Generator
) -> None:
    """The scalar form on the labels as they came, and both forms on a shuffled and doubled lot, agree."""
    shuffled = labels + labels[::2]
    random.shuffle(shuffled)
    place = {f"t{i}": i for i in range(3)}
    scalar, again = (
        [
            outcome_of(
                verdict,
                event_time_ms,
                [each for each in lot if each.transaction_id == f"t{i}"],
                watermark_ms=watermark_ms,
                maturity_ms=MATURITY_MS,
            )
            for i, (verdict, event_time_ms) in enumerate(decisions)
        ]
        for lot in (labels, shuffled)
    )
    at_once = outcomes(
        np.array([VERDICTS.index(verdict) for verdict, _ in decisions]),
        np.array([event_time_ms for _, event_time_ms in decisions]),
        LabelColumns.from_labels(shuffled, place),
        watermark_ms=watermark_ms,
        maturity_ms=MATURITY_MS,
    )
    assert scalar == again == at_once.tolist()


def test_an_explored_transaction_without_a_chance_is_refused() -> None:
    """It would stand for infinitely many."""
    one = np.array([True])
    with pytest.raises(ValueError, match="share of 0"):
        weights(np.array([Outcome.FRAUD], dtype=np.int8), one, one, np.zeros(1))


def test_only_what_nothing_stands_for_is_unseen() -> None:
    """A censored decline that might have been explored is stood for by those that were."""
    outcome = np.full(3, Outcome.CENSORED, dtype=np.int8)
    unobservable = is_unobservable(outcome, np.array([True, True, False]), np.array([0.1, 0.0, 0.0]))
    assert unobservable.tolist() == [False, True, True]
