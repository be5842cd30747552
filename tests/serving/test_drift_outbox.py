"""The drift outbox: when messages are due, and that each message is kept until it is acknowledged."""

import time

import msgspec
import pytest

from schemas.messages import DriftCounts
from stream.scoring.batch_scores import BatchScores
from stream.serving.drift_outbox import DriftOutbox
from stream.settings import DriftSettings, Settings, WatermarkSettings
from tests.scoring.fake_model import SCORING_TIME, fake_model, raw_batch, scorer, scorer_for
from tests.serving.test_drift_counts import values
from tests.support.until import until


def unexpected(error: BaseException) -> None:
    """Fail the test, because no error is expected."""
    raise AssertionError from error


def make_outbox(**settings: object) -> DriftOutbox:
    """Return an outbox whose thread has not been started."""
    values = Settings().replace(**settings)
    return DriftOutbox("0", values.drift, values.watermark, unexpected)


def scored(rows: int) -> BatchScores:
    """Return the scores of some transactions."""
    scores = scorer_for(scorer(fake_model()).roles).score(raw_batch(values(rows)), SCORING_TIME).batch_scores
    assert scores is not None
    return scores


def rows_of(outbox: DriftOutbox) -> list[int]:
    """Return the number of rows in each unsent message."""
    return [msgspec.json.decode(raw, type=DriftCounts).rows for raw in outbox.unsent()]


def test_the_same_messages_stay_unsent_until_they_are_acknowledged() -> None:
    """Batches added before the acknowledgement wait for the next message, which has the next sequence number."""
    with make_outbox(drift_interval_s=0.01) as outbox:
        outbox.add(scored(10))
        until(lambda: bool(outbox.unsent()), 5)
        first = outbox.unsent()
        outbox.add(scored(7))
        time.sleep(0.2)
        assert outbox.unsent() == first
        outbox.sent(first)
        until(lambda: bool(outbox.unsent()), 5)
        assert rows_of(outbox) == [7]
        (message,) = outbox.unsent()
    assert msgspec.json.decode(message, type=DriftCounts).sequence == 2


def test_messages_that_become_due_during_a_transaction_stay_unsent() -> None:
    """When a transaction commits, only the messages that it sent are removed."""
    with make_outbox(drift_interval_s=0.01) as outbox:
        before = outbox.unsent()
        outbox.add(scored(10))
        until(lambda: bool(outbox.unsent()), 5)
        outbox.sent(before)
        assert rows_of(outbox) == [10]
        taken = outbox.unsent()
        outbox.add(scored(5))
    outbox.sent(taken)  # stopping the outbox added another message
    assert rows_of(outbox) == [5]


def test_messages_are_due_after_the_interval_or_at_the_stop() -> None:
    """Messages are due after the interval or when the worker stops, however often batches are counted."""
    with make_outbox(drift_interval_s=60) as outbox:
        for rows in (3, 4):
            outbox.add(scored(rows))
            time.sleep(0.15)
        assert not outbox.unsent()
    assert rows_of(outbox) == [7]


def test_nothing_is_counted_if_drift_monitoring_is_off() -> None:
    """With drift monitoring off, batches are neither counted nor kept."""
    with make_outbox(drift_monitor="off") as outbox:
        outbox.add(scored(10))
    assert not outbox.unsent()


def test_an_error_while_counting_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while counting ends the program, so that no further rows are left uncounted."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    errors: list[BaseException] = []
    monkeypatch.setattr("stream.serving.drift_counts.DriftCounter.add", fail)
    with DriftOutbox("0", DriftSettings(), WatermarkSettings(), errors.append) as outbox:
        outbox.add(scored(1))
        until(lambda: bool(errors), 5)
    assert [type(error) for error in errors] == [ZeroDivisionError]
