"""Only bad rows are rejected, with a reason but without their values; a champion at fault rejects nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DeadLetterReason, ModelFaultError
from stream.scoring.scorer import Refusal
from tests.scoring.fake_model import ALL_KINDS, failing_where, fake_model, features, transaction
from tests.scoring.refused_messages import POISON, is_poison, score

#: At least 10^4: a number that could be card data.
CARD_DATA = 4_976_123.25


def test_a_categorical_feature_must_be_present() -> None:
    """A transaction without one of the champion's categorical features is rejected; the error names the feature."""
    (refusal,) = score([transaction({"V1": 0})], fake_model(ALL_KINDS)).refusals
    assert refusal.reason == DeadLetterReason.MISSING_FEATURE
    assert "country" in refusal.detail


def test_a_row_with_two_defects_is_refused_once() -> None:
    """A row with both a null and a value that is not finite is rejected once, for the value that is not finite."""
    (refusal,) = score([transaction(features(v1=None, v3=1e39))]).refusals
    detail = "feature V3 is not finite as float32"
    assert refusal == Refusal(0, DeadLetterReason.NOT_FINITE, detail, "features.V3")


@pytest.mark.parametrize(
    "raw",
    [
        transaction(features(v1=CARD_DATA, v2=None)),
        transaction(features(v1=CARD_DATA, v2=1e39)),
        transaction(features(v1=POISON, v2=CARD_DATA)),
        transaction({"V1": CARD_DATA}),
        transaction(features(v1=[CARD_DATA])),  # type: ignore[arg-type]  # wrong on purpose
        transaction(features(), card_id=CARD_DATA),
        transaction(features(v1=CARD_DATA))[:-1],
        transaction(features(), currency=str(CARD_DATA)),
    ],
)
def test_a_refusal_is_one_line_without_the_transaction_s_values(raw: bytes) -> None:
    """A rejection's text is one line without the transaction's values, because card data must never be logged."""
    (refusal,) = score([raw]).refusals
    assert refusal.detail
    assert "\n" not in refusal.detail
    assert str(CARD_DATA) not in refusal.detail


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.sampled_from([None, float("nan"), -0.5, 2.0]))
def test_only_rows_that_cannot_be_scored_are_refused(poisoned: list[bool], failure: float | None) -> None:
    """The decisions about the other rows are the same as without the bad rows."""
    values = [transaction(features(POISON if bad else number % 3 - 1), number) for number, bad in enumerate(poisoned)]
    scored = score(values, fake_model(rule=failing_where(is_poison, failure)))
    assert [(each.index, each.reason) for each in scored.refusals] == [
        (index, DeadLetterReason.UNSCORABLE) for index, bad in enumerate(poisoned) if bad
    ]
    without_failures = score(values, fake_model()).decisions
    assert scored.decisions == [each for each, bad in zip(without_failures, poisoned, strict=True) if not bad]


@pytest.mark.parametrize("failure", [None, float("nan")])
def test_a_champion_at_fault_blames_no_message(failure: float | None) -> None:
    """If the champion is at fault, scoring raises, and no message is rejected."""
    broken = fake_model(rule=failing_where(is_poison, failure), parity_holds=False)
    with pytest.raises(ModelFaultError):
        score([transaction(features(POISON)), transaction(features())], broken)
