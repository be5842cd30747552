"""Comparing two decisions: which differences count, and which are ignored."""

import msgspec
import pytest

from schemas.messages import Decision
from stream.replay.difference import TOLERANCE, differences
from tests.scoring.fake_model import SCORING_TIME, fake_model, features, raw_batch, scorer, transaction

(DECISION,) = scorer(fake_model()).score(raw_batch([transaction(features(2))]), SCORING_TIME).decisions


def test_scoring_time_and_latency_are_not_compared() -> None:
    """Decisions that differ only in scoring time and latency count as the same."""
    assert differences(DECISION, msgspec.structs.replace(DECISION, scored_at_ms=1, latency_ms=9.0)) == {}


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("verdict", "approve"),
        ("score", DECISION.score - 3 * TOLERANCE),
        ("threshold", 0.1),
        ("arm", "exploration"),
        ("propensity", 0.5),
        ("reasons", DECISION.reasons[:-1]),
        ("model_version", "2"),
        ("policy_version", "p2"),
        ("card_id", "c-9"),
        ("source_offset", 10**6),
    ],
)
def test_every_other_field_is_compared(field: str, other: object) -> None:
    """A difference in any other field is reported."""
    now: Decision = msgspec.structs.replace(DECISION, **{field: other})
    assert differences(DECISION, now).keys() == {field}


def test_scores_and_contributions_may_differ_in_the_last_digits() -> None:
    """Differences in the last digits of scores and contributions, which depend on the batch size, do not count."""
    near = msgspec.structs.replace(DECISION, score=DECISION.score + TOLERANCE / 2)
    assert differences(DECISION, near) == {}


def test_fields_that_an_old_decision_lacks_are_not_compared() -> None:
    """The amount is not compared if the older decision dates from before decisions contained an amount."""
    assert differences(msgspec.structs.replace(DECISION, amount_minor=None, currency=None), DECISION) == {}
