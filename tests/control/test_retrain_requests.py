"""Tests requests for a new model, which are written and answered on a real Kafka."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import Mock

import msgspec
import pytest

from schemas.errors import KafkaError, TransactionError
from schemas.messages import RetrainAnswer, RetrainRequest, encode
from stream.control import retrain_requests
from stream.control.retrain_requests import Cause, answer_request, new_request, read_requests, request_retraining
from stream.kafka.topics import DAY_MS
from stream.settings import Settings
from tests.support.topics import produce_all, read_all

CHAMPION, ANOTHER = "a" * 64, "b" * 64
DECLINED = RetrainAnswer("declined", "112 matured frauds are fewer than the required 200", 1)


def request(cause: Cause = "hand", champion: str = CHAMPION, *, days: float = 0) -> RetrainRequest:
    """Return a request dated a number of days from now."""
    made = new_request(cause, champion, "it is time", author="test")
    return msgspec.structs.replace(made, asked_at_ms=made.asked_at_ms + int(days * DAY_MS))


def test_requests_are_read_with_their_answers(settings: Settings) -> None:
    """Requests are returned in the order in which they were written, and the first of two answers counts."""
    first, second = request(), request(champion=ANOTHER)
    assert [
        request_retraining(settings.kafka, settings.topic, settings.retrain, each).written for each in (first, second)
    ] == [True, True]
    answer_request(settings.kafka, settings.topic, first, DECLINED)
    answer_request(settings.kafka, settings.topic, first, RetrainAnswer("challenger", "version 2", 2))
    assert read_requests(settings.kafka, settings.topic) == [msgspec.structs.replace(first, answer=DECLINED), second]


@pytest.mark.parametrize("cause", ["drift", "performance", "schedule", "hand"])
def test_a_champion_has_at_most_one_open_request(settings: Settings, cause: Cause) -> None:
    """While a request is open, no second request is written; after the answer, a person may request again."""
    first = request("drift")
    request_retraining(settings.kafka, settings.topic, settings.retrain, first)
    again = request_retraining(settings.kafka, settings.topic, settings.retrain, request(cause, days=100))
    assert (again.written, again.request, again.detail) == (False, first, "already requested (drift: it is time)")
    assert len(read_all(settings.kafka.bootstrap, settings.topic.retrain_requests)) == 1
    answer_request(settings.kafka, settings.topic, first, DECLINED)
    assert request_retraining(settings.kafka, settings.topic, settings.retrain, request("hand")).written


@pytest.mark.parametrize("cause", ["drift", "performance", "schedule"])
def test_a_cause_requests_once_in_a_cool_down(settings: Settings, cause: Cause) -> None:
    """The cool-down also applies to another champion and after an answer; each cause has a separate cool-down."""
    first = request(cause)
    request_retraining(settings.kafka, settings.topic, settings.retrain, first)
    answer_request(settings.kafka, settings.topic, first, DECLINED)
    early = request_retraining(settings.kafka, settings.topic, settings.retrain, request(cause, ANOTHER, days=6.9))
    assert not early.written
    assert early.cooling
    assert early.detail == (
        f"not requested: {cause} already requested retraining 6.9 days ago, and the cool-down is 7 days "
        "(FRAUD_RETRAIN_COOLDOWN_DAYS)"
    )
    assert request_retraining(
        settings.kafka, settings.topic, settings.retrain, request(cause, ANOTHER, days=7.1)
    ).written
    assert request_retraining(settings.kafka, settings.topic, settings.retrain, request("hand")).written


def test_the_same_request_is_not_written_twice(settings: Settings) -> None:
    """A program that does not know whether its request was written can send it again without writing it twice."""
    made = request()
    request_retraining(settings.kafka, settings.topic, settings.retrain, made)
    answer_request(settings.kafka, settings.topic, made, DECLINED)
    assert not request_retraining(settings.kafka, settings.topic, settings.retrain, made).written


def test_concurrent_requests_become_one(settings: Settings) -> None:
    """Of several concurrent requests, one is written: later writers see it, or are fenced before they write."""
    barrier = threading.Barrier(4)

    def write() -> None:
        barrier.wait()
        try:
            request_retraining(settings.kafka, settings.topic, settings.retrain, request("drift"))
        except KafkaError as error:
            assert "another program wrote" in str(error)  # noqa: PT017 - whether there is one is chance

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(read_requests(settings.kafka, settings.topic)) <= 1
    request_retraining(settings.kafka, settings.topic, settings.retrain, request("drift"))
    assert len(read_requests(settings.kafka, settings.topic)) == 1


def test_unreadable_messages_are_skipped(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """Messages with no value, garbage, an unknown version or an invalid hash are logged and do not block others."""
    good = json.loads(encode(request()))
    bad = [
        b"rubbish",
        None,
        *(
            json.dumps({**good, **each}).encode()
            for each in ({"schema_version": 2}, {"bundle_sha256": "x"}, {"cause": "whim"}, {"why": ""})
        ),
    ]
    produce_all(settings.kafka.bootstrap, settings.topic.retrain_requests, [(None, each) for each in bad])
    assert request_retraining(settings.kafka, settings.topic, settings.retrain, request()).written
    assert len(read_requests(settings.kafka, settings.topic)) == 1
    assert caplog.text.count("skipping message") >= len(bad)


def test_a_missing_topic_is_an_error(make_settings: Callable[..., Settings]) -> None:
    """A missing topic raises a one-line error that says what to do, and the topic is not created by accident."""
    settings = make_settings()
    with pytest.raises(KafkaError, match="does not exist; create it with `fraud-stream topics`"):
        request_retraining(settings.kafka, settings.topic, settings.retrain, request())


@pytest.mark.parametrize(
    ("fenced", "written_nothing", "message"),
    [
        (True, True, "another program wrote to retrain-requests at the same time; try again"),
        (False, True, r"nothing was written to retrain-requests \(away\); check the broker, then try again"),
        (False, False, r"cannot tell whether the message was written .*check with: fraud-stream tail retrain-requests"),
    ],
    ids=["fenced", "nothing", "unknown"],
)
def test_a_failed_write_says_what_was_written(
    monkeypatch: pytest.MonkeyPatch, message: str, *, fenced: bool, written_nothing: bool
) -> None:
    """A failed write says whether the request was written, with a fake writer: Kafka cannot be made to fail so."""

    @contextmanager
    def failing_writer(*_: object) -> Iterator[Callable[[bytes], None]]:
        error = TransactionError("away", fenced=fenced, written_nothing=written_nothing, unavailable=not fenced)
        yield Mock(side_effect=error)

    monkeypatch.setattr(retrain_requests, "sole_writer", failing_writer)
    monkeypatch.setattr(retrain_requests, "read_requests", lambda *_: [])
    settings = Settings()
    with pytest.raises(KafkaError, match=message):
        request_retraining(settings.kafka, settings.topic, settings.retrain, request())
