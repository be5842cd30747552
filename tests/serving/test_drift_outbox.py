"""Counting for drift beside the stream: when messages are due, and that each is sent until it is committed."""

import time

import msgspec
import pytest

from schemas.messages import DriftCounts
from stream.scoring.batch_scores import BatchScores
from stream.serving.drift_outbox import DriftOutbox
from stream.settings import Settings
from tests.scoring.fake_model import SCORING_TIME, fake_model, raw_batch, scorer, scorer_for
from tests.serving.test_drift_counts import values
from tests.support.until import until


def unexpected(error: BaseException) -> None:
    """Nothing ends the thread here."""
    raise AssertionError from error


def counting(**settings: object) -> DriftOutbox:
    """Return counting that is not begun."""
    return DriftOutbox(Settings().replace(**settings), unexpected)


def observed(rows: int) -> BatchScores:
    """Return what a champion made of some transactions."""
    found = scorer_for(scorer(fake_model()).roles).score(raw_batch(values(rows)), SCORING_TIME).batch_scores
    assert found is not None
    return found


def rows_of(found: DriftOutbox) -> list[int]:
    """Return the rows of each message that is to be sent."""
    return [msgspec.json.decode(raw, type=DriftCounts).rows for raw in found.unsent()]


def test_the_same_messages_are_due_until_they_are_sent() -> None:
    """What comes meanwhile waits for the next round, with the next sequence number."""
    with counting(drift_interval_s=0.01) as made:
        made.add(observed(10))
        until(lambda: bool(made.unsent()), 5)
        first = made.unsent()
        made.add(observed(7))
        time.sleep(0.2)
        assert made.unsent() == first
        made.sent(first)
        until(lambda: bool(made.unsent()), 5)
        assert rows_of(made) == [7]
        (message,) = made.unsent()
    assert msgspec.json.decode(message, type=DriftCounts).sequence == 2


def test_what_becomes_due_during_a_transaction_is_not_taken_for_sent() -> None:
    """A transaction that took nothing along says so; one that took a round along says which."""
    with counting(drift_interval_s=0.01) as made:
        before = made.unsent()
        made.add(observed(10))
        until(lambda: bool(made.unsent()), 5)
        made.sent(before)
        assert rows_of(made) == [10]
        taken = made.unsent()
        made.add(observed(5))
    made.sent(taken)  # the end has put more behind it
    assert rows_of(made) == [5]


def test_nothing_is_due_before_its_time_but_all_at_the_end() -> None:
    """However often it is counted until then."""
    with counting(drift_interval_s=60) as made:
        for rows in (3, 4):
            made.add(observed(rows))
            time.sleep(0.15)
        assert not made.unsent()
    assert rows_of(made) == [7]


def test_switched_off_nothing_is_counted() -> None:
    """Nor kept."""
    with counting(drift_monitor="off") as made:
        made.add(observed(10))
    assert not made.unsent()


def test_a_fault_in_counting_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the program that counts, instead of leaving the rest of its rows uncounted."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    ended: list[BaseException] = []
    monkeypatch.setattr("stream.serving.drift_counts.DriftCounter.add", fail)
    with DriftOutbox(Settings(), ended.append) as made:
        made.add(observed(1))
        until(lambda: bool(ended), 5)
    assert [type(error) for error in ended] == [ZeroDivisionError]
