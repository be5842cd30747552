"""Requests for a new model on `retrain-requests`: asked once, and answered.

One partition, read whole. A request is open until it stands there again with its answer.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import msgspec
from confluent_kafka import KafkaException

from schemas.errors import KafkaError, RefusedMessageError
from schemas.message_codec import MessageCodec
from schemas.messages import RetrainAnswer, RetrainRequest, encode
from stream.kafka.sole_writer import sole_writer, was_fenced
from stream.kafka.topics import DAY_MS
from stream.kafka.topic_reader import read_topic
from stream.settings import Settings

log = logging.getLogger(__name__)

Cause = Literal["drift", "performance", "schedule", "hand"]
_codec = MessageCodec(RetrainRequest)


@dataclass(frozen=True)
class Asked:
    """What became of asking."""

    #: The one written; else the one that stands in its way.
    request: RetrainRequest
    written: bool
    #: One line: what was done, or why nothing.
    what: str
    #: Whether it is only too early: asked later, it may be written.
    cooling: bool = False


def new_request(cause: Cause, bundle_sha256: str, why: str, *, author: str) -> RetrainRequest:
    """Return a request of now, with an id of its own."""
    return RetrainRequest(uuid.uuid4().hex, cause, bundle_sha256, why, time.time_ns() // 1_000_000, author)


def request_retraining(settings: Settings, request: RetrainRequest) -> Asked:
    """Write a request, unless its champion's replacement is asked for already, or its cause asked a short time ago.

    Drift, performance and schedule each ask once at most in `retrain_cooldown_days`, whatever became of it and
    whichever champion it was about; a person may ask again.

    Raises:
        RefusedMessageError: If no reader would take it: without a reason, or with one of more than 1,000 characters.
        BrokerUnavailableError: If no broker answers.
        TopicMissingError: If the topic is not there.
        KafkaError: If another writer was quicker, or whether it was written is not known; ask again.
    """
    _codec.decode(encode(request))
    with _errors(settings), sole_writer(settings.kafka, settings.topic.retrain_requests) as write:
        before = read_requests(settings)
        if open_one := next((each for each in before if _same(each, request)), None):
            return Asked(open_one, written=False, what=f"asked for already ({open_one.cause}: {open_one.why})")
        if recent := next((each for each in reversed(before) if _cools(settings, each, request)), None):
            days = (request.asked_at_ms - recent.asked_at_ms) / DAY_MS
            return Asked(
                recent,
                written=False,
                what=f"{request.cause} asked {days:.1f} days ago and may again after "
                f"{settings.retrain.cooldown_days:g} (FRAUD_RETRAIN_COOLDOWN_DAYS)",
                cooling=True,
            )
        write(encode(request))
    return Asked(request, written=True, what=f"asked ({request.cause}: {request.why})")


def answer_request(settings: Settings, request: RetrainRequest, answer: RetrainAnswer) -> None:
    """Write what became of a request; one that has an answer keeps it.

    Raises:
        As `request_retraining`.
    """
    with _errors(settings), sole_writer(settings.kafka, settings.topic.retrain_requests) as write:
        standing = {each.request_id: each for each in read_requests(settings)}.get(request.request_id)
        if standing is None or standing.answer is None:
            write(encode(msgspec.structs.replace(request, answer=answer)))


def read_requests(settings: Settings) -> list[RetrainRequest]:
    """Return every request with its answer, in the order in which they were asked.

    What cannot be read is passed over with a line on the log; of several answers the first holds.

    Raises:
        BrokerUnavailableError: If no broker answers.
        TopicMissingError: If the topic is not there.
    """
    found: dict[str, RetrainRequest] = {}
    for place, raw in enumerate(read_topic(settings.kafka, settings.topic.retrain_requests)):
        try:
            request = _codec.decode(raw)
        except RefusedMessageError as error:
            log.warning("message %d of %s passed over: %s", place, settings.topic.retrain_requests, error)
            continue
        standing = found.get(request.request_id)
        if standing is None:
            found[request.request_id] = request
        elif standing.answer is None:
            found[request.request_id] = msgspec.structs.replace(standing, answer=request.answer)
    return list(found.values())


def _same(before: RetrainRequest, request: RetrainRequest) -> bool:
    repeated = before.request_id == request.request_id
    return repeated or (before.answer is None and before.bundle_sha256 == request.bundle_sha256)


def _cools(settings: Settings, before: RetrainRequest, request: RetrainRequest) -> bool:
    if request.cause == "hand" or before.cause != request.cause:
        return False
    return request.asked_at_ms - before.asked_at_ms < settings.retrain.cooldown_days * DAY_MS


@contextmanager
def _errors(settings: Settings) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        name = settings.topic.retrain_requests
        if was_fenced(error):
            raise KafkaError(f"another program wrote to {name} just now; try again") from None
        raise KafkaError(
            f"whether {name} was written is not known ({error.args[0].str()}); look with: fraud-stream tail {name}"
        ) from error
