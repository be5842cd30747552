"""Reading a small topic of one partition whole, without a group, and following it."""

import logging
import time
from collections.abc import Callable, Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.errors import BrokerAwayError, TopicMissingError
from stream.kafka.clients import CONNECT_S, consumer_config, require_broker
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: What librdkafka counts back from the end below, its RD_KAFKA_OFFSET_TAIL_BASE; the Python client has no name for it.
TAIL = -2000


class WholeTopic:
    """Reads a topic's one partition: `history` what is there, then `follow` what comes.

    Args:
        kafka: Addresses.
        topic: Its name.
        newest: So many messages from its end, instead of all.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, *, newest: int | None = None) -> None:
        # A group id is required but never used: partitions are assigned by hand and nothing is committed.
        # The short wait is for the end of a quiet topic, which the broker otherwise holds back for 500 ms.
        own = {"group.id": f"{kafka.group}-whole-topic", "fetch.wait.max.ms": 50}
        self._consumer = Consumer(consumer_config(kafka) | own)
        self._topic = topic
        self._start = OFFSET_BEGINNING if newest is None else TAIL - newest

    def history(self, timeout: float = CONNECT_S) -> list[bytes | None]:
        """Read everything that is there now.

        Raises:
            BrokerAwayError: If the end is not reached within `timeout` seconds.
            TopicMissingError: If there is no such topic.
        """
        deadline = time.monotonic() + timeout
        self._require_topic(timeout)
        # Not before the client has connected: it then looks for the partition's leader at once, not 500 ms later.
        self._consumer.assign([TopicPartition(self._topic, 0, self._start)])
        found: list[bytes | None] = []
        while time.monotonic() < deadline:
            message = self._consumer.poll(0.1)
            if message is None:
                continue
            error = message.error()
            if error is None:
                found.append(message.value())
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
                return found
            elif error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}:  # noqa: SLF001 - likewise
                raise self._missing()
        raise BrokerAwayError(
            f"{self._topic} could not be read to its end in {timeout:g} s; look at the broker and its log"
        )

    def _require_topic(self, timeout: float) -> None:
        # Without this, the client keeps asking for half a minute whether a topic that is not there has come.
        try:
            answer = self._consumer.list_topics(self._topic, timeout=timeout).topics[self._topic].error
        except KafkaException:
            return  # the reading says so, in the same words as for a broker that goes away later
        if answer is not None and answer.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise self._missing()

    def _missing(self) -> TopicMissingError:
        return TopicMissingError(f"topic {self._topic} is not there; create it with `fraud-stream topics`")

    def follow(self, until: Callable[[], bool], poll_s: float = 0.2) -> Iterator[bytes | None]:
        """Yield each further message, in order, until something holds."""
        while not until():
            message = self._consumer.poll(poll_s)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message.value()
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - as above
                log.warning("following %s: %s; the client tries again", self._topic, error.str())

    def close(self) -> None:
        """Let go of the consumer."""
        self._consumer.close()


def read_whole(kafka: KafkaSettings, topic: str, *, newest: int | None = None) -> list[bytes | None]:
    """Return everything that is on a topic now, or so many of the newest messages.

    Raises:
        BrokerAwayError: If no broker answers.
        TopicMissingError: If there is no such topic.
    """
    require_broker(kafka)
    reader = WholeTopic(kafka, topic, newest=newest)
    try:
        return reader.history()
    finally:
        reader.close()
