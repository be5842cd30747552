"""Publish `role-counts` messages at a fixed interval, outside any Kafka transaction."""

import logging
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.messages import RoleCounts, encode
from stream.kafka.clients import producer_config
from stream.runtime.background import Background
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds in which the last messages must be sent on shutdown; an unavailable broker must not delay it further.
FLUSH_S = 1.0


class CountsPublisher(Background):
    """Publishes role counts from a thread of its own, and the remaining counts when it stops.

    Its producer is idempotent, so no count is published twice. A crash, or an outage of minutes, loses only the counts
    that were not yet sent.

    Args:
        kafka: Kafka connection.
        topic: Name of the role-counts topic.
        interval_s: Seconds between messages.
        take: Function that returns the counts since its previous call.
    """

    def __init__(
        self, kafka: KafkaSettings, topic: str, interval_s: float, take: Callable[[], Sequence[RoleCounts]]
    ) -> None:
        super().__init__("counts-publisher")
        self._kafka = kafka
        self._topic = topic
        self._interval_s = interval_s
        self._take = take

    def start(self) -> None:
        """Create the producer and start publishing."""
        self._producer = self._connect()
        super().start()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            self._publish()
        self._publish()
        self._serve(lambda: self._producer.flush(FLUSH_S))

    def _publish(self) -> None:
        for counts in self._take():
            try:
                self._producer.produce(self._topic, encode(counts), partition=0, on_delivery=_on_delivery)
            except (BufferError, KafkaException) as error:
                log.warning("role-counts were not sent: %s", error)
        self._serve(lambda: self._producer.poll(0))

    def _serve(self, call: Callable[[], object]) -> None:
        """Let the client call its callbacks. A fatal error, which the client raises here, calls for a new client."""
        try:
            call()
        except KafkaException as error:
            log.warning("role-counts were not sent: %s; continuing with a new producer", error)
            self._producer = self._connect()

    def _connect(self) -> Producer:
        return Producer(producer_config(self._kafka) | {"linger.ms": 0})


def _on_delivery(error: KafkaError | None, _: object) -> None:
    if error is not None:
        log.warning("role-counts were not sent: %s", error.str())
