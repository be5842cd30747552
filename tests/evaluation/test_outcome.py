"""The outcome of a transaction, whatever the order of its labels."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.messages import Label, Verdict
from stream.evaluation.outcome import SOURCES, LabelColumns, Outcome, outcome_of, outcomes
from stream.evaluation.weights import is_unobservable, weights
from stream.scoring.policy import VERDICTS

MATURITY_MS = 10
#: Few different values, so that ties and repetitions are common.
LABELS = st.lists(
    st.builds(
        Label,
        label_id=st.sampled_from(["a", "b", "a\0", "é"]),
        transaction_id=st.sampled_from(["t0", "t1", "t2", "another"]),
        source=st.sampled_from(SOURCES),
        fraud=st.sampled_from([True, False, None]),
        event_time_ms=st.integers(0, 3),
    ),
    max_size=12,
)
DECISIONS = st.lists(st.tuples(st.sampled_from(VERDICTS), st.integers(0, 12)), min_size=3, max_size=3)


def label(source: Any, event_time_ms: int = 0, label_id: str = "l", *, fraud: bool | None) -> Label:
    """Return a label for transaction t."""
    return Label(label_id, "t", source, fraud, event_time_ms)


def outcome_name(verdict: Verdict, *labels: Label, watermark_ms: int = MATURITY_MS) -> str:
    """Return the name of the outcome of a transaction at time 0."""
    return outcome_of(verdict, 0, labels, watermark_ms=watermark_ms, maturity_ms=MATURITY_MS).name


@pytest.mark.parametrize(
    ("verdict", "labels", "expected"),
    [
        pytest.param("approve", [], "LEGITIMATE_BY_MATURITY", id="approved without a label"),
        pytest.param("review", [], "CENSORED", id="review without a label"),
        pytest.param("decline", [], "CENSORED", id="decline without a label"),
        pytest.param("review", [label("analyst", fraud=False)], "LEGITIMATE", id="released by an analyst"),
        pytest.param("decline", [label("analyst", fraud=True)], "FRAUD", id="decline confirmed by an analyst"),
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
            id="precedence of sources, not time",
        ),
        pytest.param(
            "approve",
            [label("analyst", 1, fraud=True), label("analyst", 2, fraud=False)],
            "LEGITIMATE",
            id="the latest label of a source counts",
        ),
        pytest.param(
            "approve",
            [label("analyst", 1, "b", fraud=True), label("analyst", 1, "a", fraud=False)],
            "FRAUD",
            id="tie broken by label_id",
        ),
        pytest.param(
            "approve",
            [label("chargeback", 1, fraud=True), label("chargeback", 2, fraud=None), label("cardholder", fraud=False)],
            "LEGITIMATE",
            id="a retracted source does not count",
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
            id="all retracted, after a decline",
        ),
        pytest.param(
            "review",
            [label("analyst", 1, fraud=False), label("analyst", 2, fraud=None)],
            "LEGITIMATE_BY_MATURITY",
            id="release retracted, but the money has left",
        ),
    ],
)
def test_the_outcome_of_a_matured_transaction(verdict: Verdict, labels: list[Label], expected: str) -> None:
    """Labels rank by source, then time, then id; silence counts only if the transaction was let through."""
    assert outcome_name(verdict, *labels) == expected


def test_before_maturity_only_a_label_counts() -> None:
    """Until a millisecond before event time + maturity, a transaction has an outcome only if it has a label."""
    assert outcome_name("approve", watermark_ms=MATURITY_MS - 1) == "WAITING"
    assert outcome_name("decline", watermark_ms=MATURITY_MS - 1) == "WAITING"
    assert outcome_name("approve", label("cardholder", fraud=True), watermark_ms=0) == "FRAUD"


@given(LABELS, DECISIONS, st.integers(8, 25), st.randoms())
def test_order_and_repetition_of_labels_do_not_matter(
    labels: list[Label], decisions: list[tuple[Verdict, int]], watermark_ms: int, random: np.random.Generator
) -> None:
    """Shuffling and repeating labels changes no outcome, neither from `outcome_of` nor from `outcomes`."""
    shuffled = labels + labels[::2]
    random.shuffle(shuffled)
    index_of = {f"t{i}": i for i in range(3)}
    original, repeated = (
        [
            outcome_of(
                verdict,
                event_time_ms,
                [each for each in some_labels if each.transaction_id == f"t{i}"],
                watermark_ms=watermark_ms,
                maturity_ms=MATURITY_MS,
            )
            for i, (verdict, event_time_ms) in enumerate(decisions)
        ]
        for some_labels in (labels, shuffled)
    )
    at_once = outcomes(
        np.array([VERDICTS.index(verdict) for verdict, _ in decisions]),
        np.array([event_time_ms for _, event_time_ms in decisions]),
        LabelColumns.from_labels(shuffled, index_of),
        watermark_ms=watermark_ms,
        maturity_ms=MATURITY_MS,
    )
    assert original == repeated == at_once.tolist()


def test_an_explored_transaction_with_a_share_of_0_is_refused() -> None:
    """An explored transaction with a share of 0 is rejected, because its weight would be infinite."""
    one = np.array([True])
    with pytest.raises(ValueError, match="share of 0"):
        weights(np.array([Outcome.FRAUD], dtype=np.int8), one, one, np.zeros(1))


def test_only_unrepresented_transactions_are_unobservable() -> None:
    """A censored decline is unobservable only if it could not have been explored; explored ones represent the rest."""
    outcome = np.full(3, Outcome.CENSORED, dtype=np.int8)
    unobservable = is_unobservable(outcome, np.array([True, True, False]), np.array([0.1, 0.0, 0.0]))
    assert unobservable.tolist() == [False, True, True]
