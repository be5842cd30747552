"""Requests for a new model, asked and answered on a real Kafka."""

import json
import threading
from collections.abc import Callable

import msgspec
import pytest

from schemas.errors import KafkaError
from schemas.messages import RetrainAnswer, RetrainRequest, encode
from stream.control.retrain_requests import Cause, answer_request, request_retraining, new_request, read_requests
from stream.kafka.topics import DAY_MS
from stream.settings import Settings
from tests.support.topics import produce_all, read_all

CHAMPION, ANOTHER = "a" * 64, "b" * 64
DECLINED = RetrainAnswer("declined", "112 matured frauds are fewer than the 200 it takes", 1)


def request(cause: Cause = "hand", champion: str = CHAMPION, *, days: float = 0) -> RetrainRequest:
    """A request of some days from now."""
    made = new_request(cause, champion, "it is time", author="test")
    return msgspec.structs.replace(made, asked_at_ms=made.asked_at_ms + int(days * DAY_MS))


def test_what_was_asked_is_read_with_its_answer(settings: Settings) -> None:
    """In the order of asking; an answer given twice stays the first."""
    first, second = request(), request(champion=ANOTHER)
    assert [request_retraining(settings, each).written for each in (first, second)] == [True, True]
    answer_request(settings, first, DECLINED)
    answer_request(settings, first, RetrainAnswer("challenger", "version 2", 2))
    assert read_requests(settings) == [msgspec.structs.replace(first, answer=DECLINED), second]


@pytest.mark.parametrize("cause", ["drift", "performance", "schedule", "hand"])
def test_one_champion_has_one_open_request(settings: Settings, cause: Cause) -> None:
    """Whatever the cause of the second, the first stands and is named; once it is answered, a person may ask again."""
    first = request("drift")
    request_retraining(settings, first)
    again = request_retraining(settings, request(cause, days=100))
    assert (again.written, again.request, again.what) == (False, first, "asked for already (drift: it is time)")
    assert len(read_all(settings.kafka.bootstrap, settings.topic.retrain_requests)) == 1
    answer_request(settings, first, DECLINED)
    assert request_retraining(settings, request("hand")).written


@pytest.mark.parametrize("cause", ["drift", "performance", "schedule"])
def test_a_cause_asks_once_in_a_cool_down(settings: Settings, cause: Cause) -> None:
    """Also about another champion and after an answer; other causes do not cool with it, and it is over one day."""
    first = request(cause)
    request_retraining(settings, first)
    answer_request(settings, first, DECLINED)
    early = request_retraining(settings, request(cause, ANOTHER, days=6.9))
    assert not early.written
    assert early.what == f"{cause} asked 6.9 days ago and may again after 7 (FRAUD_RETRAIN_COOLDOWN_DAYS)"
    assert request_retraining(settings, request(cause, ANOTHER, days=7.1)).written
    assert request_retraining(settings, request("hand")).written


def test_the_same_request_is_not_written_twice(settings: Settings) -> None:
    """Not even after its answer: an asker that is not sure may ask with it once more."""
    made = request()
    request_retraining(settings, made)
    answer_request(settings, made, DECLINED)
    assert not request_retraining(settings, made).written


def test_two_who_ask_at_once_make_one_request(settings: Settings) -> None:
    """The second sees the first's request or is fenced before it writes."""
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        try:
            request_retraining(settings, request("drift"))
        except KafkaError as error:
            assert "another program wrote" in str(error)  # noqa: PT017 - whether there is one is chance

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(read_requests(settings)) <= 1
    request_retraining(settings, request("drift"))
    assert len(read_requests(settings)) == 1


def test_what_cannot_be_read_is_passed_over(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """The topic is anybody's: rubbish, nothing, an unknown version and a hash that is none block nobody."""
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
    assert request_retraining(settings, request()).written
    assert len(read_requests(settings)) == 1
    assert caplog.text.count("passed over") >= len(bad)


def test_a_missing_topic_is_one_line(make_settings: Callable[..., Settings]) -> None:
    """Nothing is created by accident."""
    with pytest.raises(KafkaError, match="does not exist; create it with `fraud-stream topics`"):
        request_retraining(make_settings(), request())
