"""Reads the responses of all edges from Kafka, so that a repeat gets the same response from any edge.

The edges record each decision on the decisions topic, with the digest of its request's body in a header. An edge reads
the newest of them when it starts, and follows them: it also has the responses of an edge that it replaces, and of one
that was killed.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from schemas.errors import BrokerUnavailableError, RefusedMessageError
from schemas.message_codec import MessageCodec
from schemas.messages import Decision
from stream.http.idempotency import DIGEST_BYTES, IdempotencyCache, RecordedResponse
from stream.kafka.recent_messages import MarkedMessage, RecentMessages
from stream.runtime.background import Background
from stream.settings import HttpSettings, KafkaSettings

log = logging.getLogger(__name__)

#: Header of a decision that was requested over HTTP: the digest of the request's body.
REQUEST_DIGEST = "request-digest"
#: Maximum size in bytes of a decision that is kept. Real ones have about 1 KB.
MAX_BYTES = 64 * 1024
#: Seconds between attempts to connect while Kafka is unavailable.
RETRY_S = 2.0
_codec = MessageCodec(Decision)


class RecordedResponses(Background):
    """Adds the responses of all edges to a cache, on a separate thread. Start it on the event loop.

    Args:
        kafka: Kafka connection.
        topic: Name of the decisions topic.
        http: Settings with the number of responses to keep, and for how long.
        cache: Cache to add them to.
        on_error: Called with the error that ends the thread.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        http: HttpSettings,
        cache: IdempotencyCache,
        on_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__("recorded-responses")
        self._kafka, self._topic, self._http = kafka, topic, http
        self._cache = cache
        self._on_error = on_error

    def start(self) -> None:
        """Start reading."""
        self._loop = asyncio.get_running_loop()
        super().start()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._follow()
                except BrokerUnavailableError as error:
                    log.warning("waiting for Kafka, to read the responses of all edges: %s", error)
                    self._stopping.wait(RETRY_S)
        except BaseException as error:  # noqa: BLE001 - the program must learn of any error that ends the thread
            self._on_error(error)

    def _follow(self) -> None:
        began_s = time.monotonic()
        since_ms = round(1000 * (time.time() - self._http.idempotency_s))
        messages = RecentMessages(self._kafka, self._topic, REQUEST_DIGEST, since_ms)
        earlier: list[RecordedResponse] | None = []
        try:
            for batch in messages.follow(until=self._stopping.is_set):
                responses = recorded_responses(batch)
                if earlier is None:
                    if responses:
                        self._loop.call_soon_threadsafe(self._cache.add, responses)
                    continue
                earlier += responses
                if messages.caught_up or len(earlier) > 2 * self._http.idempotency_entries:
                    # Partitions are read one after the other, and the cache wants the oldest response first.
                    earlier.sort(key=lambda response: response.recorded_s)
                    del earlier[: -self._http.idempotency_entries]
                if messages.caught_up:
                    self._loop.call_soon_threadsafe(self._complete, earlier)
                    log.info("read the responses of all edges in %.1f s", time.monotonic() - began_s)
                    earlier = None
        finally:
            messages.close()

    def _complete(self, earlier: Sequence[RecordedResponse]) -> None:
        self._cache.add(earlier)
        self._cache.complete = True


def recorded_responses(messages: Sequence[MarkedMessage]) -> list[RecordedResponse]:
    """Return the decisions among messages with a request's digest. Others are ignored, and counted in the log."""
    responses = [response for message in messages if (response := _response(message)) is not None]
    if len(responses) < len(messages):
        ignored = len(messages) - len(responses)
        log.warning("%d messages with a request's digest are not an edge's decisions; ignored", ignored)
    return responses


def _response(message: MarkedMessage) -> RecordedResponse | None:
    value = message.value or b""
    if len(message.mark) != DIGEST_BYTES or len(value) > MAX_BYTES:
        return None
    try:
        transaction_id = _codec.decode(value).transaction_id
    except RefusedMessageError:
        return None
    return RecordedResponse(transaction_id, message.mark, message.timestamp_ms / 1000, value)
