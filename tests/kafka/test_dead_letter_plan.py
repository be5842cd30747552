"""Which dead letters' messages are sent again, and why the others are not."""

from typing import Any

import pytest

from schemas.errors import DeadLetterReason
from stream.kafka.dead_letter_plan import ReplayRules, SkipReason, plan_replay
from stream.kafka.dead_letter_reader import StoredDeadLetter
from tests.support.dead_letters import dead_letter

INPUTS = frozenset({"transactions", "labels"})


def stored(offset: int, **overrides: Any) -> StoredDeadLetter:
    """Return a dead letter at this offset of partition 0, whose message can be sent again."""
    fields: dict[str, Any] = {"value": b"%d" % offset, "refused_at_ms": 1_000 + offset} | overrides
    return StoredDeadLetter(0, offset, dead_letter(1_000 + offset, **fields))


def test_messages_are_counted_by_topic_and_reason() -> None:
    """Every message that can be sent again is chosen, and counted for the question to the operator."""
    rejected = [stored(0), stored(1, reason=DeadLetterReason.NOT_JSON), stored(2, source_topic="labels")]
    plan = plan_replay(rejected, set(), ReplayRules(INPUTS))
    assert plan.chosen == {(0, 0), (0, 1), (0, 2)}
    assert plan.counts == {
        ("transactions", DeadLetterReason.MISSING_FEATURE): 1,
        ("transactions", DeadLetterReason.NOT_JSON): 1,
        ("labels", DeadLetterReason.MISSING_FEATURE): 1,
    }
    assert (plan.later, plan.skipped) == (0, {})


@pytest.mark.parametrize(
    ("overrides", "skip"),
    [
        ({"truncated": True}, SkipReason.TRUNCATED),
        ({"value": None}, SkipReason.EMPTY),
        ({"value": b""}, SkipReason.EMPTY),
        ({"replays": 1}, SkipReason.MAX_REPLAYS),
        ({"source_topic": "decisions"}, SkipReason.TOPIC),
    ],
)
def test_a_message_that_must_not_be_sent_is_skipped(overrides: dict[str, Any], skip: SkipReason) -> None:
    """A message is skipped, and counted with the reason, if it is incomplete, sent too often or not an input."""
    plan = plan_replay([stored(0, **overrides), stored(1)], set(), ReplayRules(INPUTS))
    assert plan.chosen == {(0, 1)}
    assert plan.skipped == {skip: 1}


def test_more_replays_are_possible_on_request() -> None:
    """A message that was rejected again is sent again while it was sent fewer times than the rules allow."""
    rejected = [stored(offset, replays=offset) for offset in range(4)]
    plan = plan_replay(rejected, set(), ReplayRules(INPUTS, max_replays=3))
    assert plan.chosen == {(0, 0), (0, 1), (0, 2)}


def test_a_message_is_never_sent_twice() -> None:
    """A message is skipped if it was sent before; a dead letter that a crash repeated counts once."""
    sent, repeated = stored(0), stored(1)
    again = StoredDeadLetter(0, 7, repeated.content)
    plan = plan_replay([sent, repeated, again], {sent.message}, ReplayRules(INPUTS, max_replays=9))
    assert plan.chosen == {(0, 1)}
    assert plan.skipped == {SkipReason.REPLAYED: 1}


def test_a_message_of_a_recreated_topic_is_another_message() -> None:
    """If the source topic was recreated, positions repeat; another message at the same position is sent."""
    sent = stored(0)
    other = stored(1, source_offset=sent.content.source_offset)
    assert plan_replay([other], {sent.message}, ReplayRules(INPUTS)).chosen == {(0, 1)}


def test_the_limit_keeps_the_oldest() -> None:
    """With a limit, the messages that were rejected first are sent first; the others are left for another run."""
    rejected = [stored(offset, refused_at_ms=5_000 - offset) for offset in range(5)]
    plan = plan_replay(rejected, set(), ReplayRules(INPUTS, limit=2))
    assert plan.chosen == {(0, 3), (0, 4)}
    assert plan.counts.total() == 2
    assert plan.later == 3
