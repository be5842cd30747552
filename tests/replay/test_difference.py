"""What counts as the same decision."""

import msgspec
import pytest

from schemas.messages import Decision
from stream.replay.difference import TOLERANCE, differences
from tests.scoring.fake_model import SCORING_TIME, fake_model, features, raw_batch, scorer, transaction

(DECISION,) = scorer(fake_model()).score(raw_batch([transaction(features(2))]), SCORING_TIME).decisions


def test_the_clock_makes_no_difference() -> None:
    """A replay is never as quick, nor at the same time."""
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
def test_any_other_field_does(field: str, other: object) -> None:
    """Each is named, with what it was and what it is."""
    now: Decision = msgspec.structs.replace(DECISION, **{field: other})
    found = differences(DECISION, now)
    assert found.keys() == {field}


def test_scores_and_contributions_may_differ_in_the_last_digits() -> None:
    """As a logistic model's do with the size of the batch."""
    near = msgspec.structs.replace(DECISION, score=DECISION.score + TOLERANCE / 2)
    assert differences(DECISION, near) == {}


def test_what_an_old_decision_does_not_say_is_no_difference() -> None:
    """Decisions of before the ledger carry no amount."""
    assert differences(msgspec.structs.replace(DECISION, amount_minor=None, currency=None), DECISION) == {}
