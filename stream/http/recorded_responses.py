"""Reads the responses of all edges from Kafka, so that a repeat gets the same response from any edge.

The edges record each decision on the decisions topic, with the digest of its request's body in a header. An edge reads
the newest of them when it starts, and follows them: it also has the responses of an edge that it replaces, and of one
that was killed.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import msgspec
from confluent_kafka import Message

from stream.http.idempotency import IdempotencyCache, RecordedResponse
from stream.kafka.recent_messages import RecentMessages
from stream.runtime.background import Background
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Header of a decision that was requested over HTTP: the digest of the request's body.
REQUEST_DIGEST = "request-digest"


class _Identity(msgspec.Struct, gc=False):
    transaction_id: str


_decode_identity = msgspec.json.Decoder(_Identity).decode


class RecordedResponses(Background):
    """Adds the responses of all edges to a cache, on a separate thread. Create and start it on the event loop.

    Args:
        kafka: Kafka connection.
        topic: Name of the decisions topic.
        lifetime_s: How far back to read, in seconds.
        cache: Cache to add them to.
        on_error: Called with the error that ends the thread.

    Attributes:
        caught_up: Whether the responses from before the start have been read.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        lifetime_s: float,
        cache: IdempotencyCache,
        on_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__("recorded-responses")
        self._kafka, self._topic, self._lifetime_s = kafka, topic, lifetime_s
        self._cache = cache
        self._on_error = on_error
        self.caught_up = False

    def start(self) -> None:
        """Start reading."""
        self._loop = asyncio.get_running_loop()
        super().start()

    def _run(self) -> None:
        try:
            began_s = time.monotonic()
            messages = RecentMessages(self._kafka, self._topic, round(1000 * (time.time() - self._lifetime_s)))
            try:
                for batch in messages.follow(until=self._stopping.is_set):
                    if responses := recorded_responses(batch, time.time()):
                        self._loop.call_soon_threadsafe(self._cache.add, responses)
                    if messages.caught_up and not self.caught_up:
                        self.caught_up = True
                        log.info("read the responses of all edges in %.1f s", time.monotonic() - began_s)
            finally:
                messages.close()
        except BaseException as error:  # noqa: BLE001 - the program must learn of any error that ends the thread
            self._on_error(error)


def recorded_responses(decisions: Sequence[Message], now_s: float) -> list[RecordedResponse]:
    """Return the decisions that were requested over HTTP. A message that is not a decision is ignored.

    Args:
        decisions: Messages of the decisions topic.
        now_s: Current time, in Unix seconds.
    """
    responses = []
    for message in decisions:
        digest, value = dict(message.headers() or ()).get(REQUEST_DIGEST), message.value()
        if not isinstance(digest, bytes) or value is None:
            continue  # a worker's
        try:
            transaction_id = _decode_identity(value).transaction_id
        except msgspec.DecodeError:
            log.warning("a message on %s is not a decision; ignored", message.topic())
            continue
        age_s = max(0.0, now_s - message.timestamp()[1] / 1000)
        responses.append(RecordedResponse(transaction_id, digest, age_s, value))
    return responses
