"""Writes, answers and reads requests for a new model, on the topic `retrain-requests`.

The topic has one partition and is always read from beginning to end. A request stays open until it is written
to the topic a second time, with its answer.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import msgspec

from schemas.errors import KafkaError, RefusedMessageError, TransactionError
from schemas.message_codec import MessageCodec
from schemas.messages import RetrainAnswer, RetrainRequest, encode
from stream.kafka.sole_writer import sole_writer
from stream.kafka.topic_reader import read_topic
from stream.kafka.topics import DAY_MS
from stream.settings import KafkaSettings, RetrainSettings, TopicSettings

log = logging.getLogger(__name__)

Cause = Literal["drift", "performance", "schedule", "hand"]
_codec = MessageCodec(RetrainRequest)


@dataclass(frozen=True)
class RequestOutcome:
    """The result of an attempt to write a request."""

    #: Request that was written, or the earlier request that prevented it.
    request: RetrainRequest
    written: bool
    #: One line that says whether the request was written and, if not, why.
    detail: str
    #: Whether only the cool-down prevented the request, so that it may be written later.
    cooling: bool = False


def new_request(cause: Cause, bundle_sha256: str, why: str, *, author: str) -> RetrainRequest:
    """Return a request with the current time and a new id.

    Args:
        cause: Category of the reason.
        bundle_sha256: Hash of the champion's bundle that a new model should replace.
        why: Reason in one line.
        author: Person or program that requests the model.
    """
    return RetrainRequest(uuid.uuid4().hex, cause, bundle_sha256, why, time.time_ns() // 1_000_000, author)


def request_retraining(
    kafka: KafkaSettings, topics: TopicSettings, retrain: RetrainSettings, request: RetrainRequest
) -> RequestOutcome:
    """Write a request, unless a request for the same champion is open or the cause is in its cool-down period.

    For each of the causes drift, performance and schedule, a model may be requested once in `retrain.cooldown_days`
    days, whatever the champion and the answer of the last such request. A person may request a model at any time.

    Raises:
        RefusedMessageError: If the request is not valid: its reason is empty or longer than 1,000 characters.
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
        KafkaError: If another writer wrote first, Kafka failed, or it is unknown whether the request was written.
    """
    _codec.decode(encode(request))
    with _write_errors(topics.retrain_requests), sole_writer(kafka, topics.retrain_requests) as write:
        earlier = read_requests(kafka, topics)
        if open_request := next((each for each in earlier if _is_same(each, request)), None):
            detail = f"already requested ({open_request.cause}: {open_request.why})"
            return RequestOutcome(open_request, written=False, detail=detail)
        if recent := next((each for each in reversed(earlier) if _cools(retrain.cooldown_days, each, request)), None):
            days = (request.asked_at_ms - recent.asked_at_ms) / DAY_MS
            return RequestOutcome(
                recent,
                written=False,
                detail=f"not requested: {request.cause} already requested retraining {days:.1f} days ago, and the "
                f"cool-down is {retrain.cooldown_days:g} days (FRAUD_RETRAIN_COOLDOWN_DAYS)",
                cooling=True,
            )
        write(encode(request))
    return RequestOutcome(request, written=True, detail=f"requested ({request.cause}: {request.why})")


def answer_request(kafka: KafkaSettings, topics: TopicSettings, request: RetrainRequest, answer: RetrainAnswer) -> None:
    """Write the answer to a request, unless the request has an answer already.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
        KafkaError: If another writer wrote first, Kafka failed, or it is unknown whether the answer was written.
    """
    with _write_errors(topics.retrain_requests), sole_writer(kafka, topics.retrain_requests) as write:
        current = {each.request_id: each for each in read_requests(kafka, topics)}.get(request.request_id)
        if current is None or current.answer is None:
            write(encode(msgspec.structs.replace(request, answer=answer)))


def read_requests(kafka: KafkaSettings, topics: TopicSettings) -> list[RetrainRequest]:
    """Return every request with its answer, in the order in which the requests were written.

    A message that cannot be decoded is logged and skipped. If a request has several answers, the first counts.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
    """
    requests: dict[str, RetrainRequest] = {}
    for number, raw in enumerate(read_topic(kafka, topics.retrain_requests)):
        try:
            request = _codec.decode(raw)
        except RefusedMessageError as error:
            log.warning("skipping message %d on %s: %s", number, topics.retrain_requests, error)
            continue
        current = requests.get(request.request_id)
        if current is None:
            requests[request.request_id] = request
        elif current.answer is None:
            requests[request.request_id] = msgspec.structs.replace(current, answer=request.answer)
    return list(requests.values())


def _is_same(earlier: RetrainRequest, request: RetrainRequest) -> bool:
    repeated = earlier.request_id == request.request_id
    return repeated or (earlier.answer is None and earlier.bundle_sha256 == request.bundle_sha256)


def _cools(cooldown_days: float, earlier: RetrainRequest, request: RetrainRequest) -> bool:
    if request.cause == "hand" or earlier.cause != request.cause:
        return False
    return request.asked_at_ms - earlier.asked_at_ms < cooldown_days * DAY_MS


@contextmanager
def _write_errors(topic: str) -> Iterator[None]:
    try:
        yield
    except TransactionError as error:
        if error.fenced:
            raise KafkaError(f"another program wrote to {topic} at the same time; try again") from None
        if error.written_nothing:
            raise KafkaError(f"nothing was written to {topic} ({error}); check the broker, then try again") from error
        raise KafkaError(
            f"cannot tell whether the message was written to {topic} ({error}); check with: fraud-stream tail {topic}"
        ) from error
