"""Publishing small messages at a steady pace, outside any transaction."""

import logging
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.messages import RoleCounts, encode
from stream.kafka.clients import producer_config
from stream.runtime.background import Background
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds for the last messages to be on their way: they must not hold a stop up while the broker is away.
FLUSH_S = 1.0


class CountsPublisher(Background):
    """Writes `role-counts` from a thread of its own; when stopped, what is left too.

    Its producer is idempotent, so no count is written twice; what a crash, or an outage of minutes, takes along is lost
    and nothing else.

    Args:
        kafka: Addresses, the topic, and the seconds between two messages.
        take: Returns what was counted since the last time.
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
        """Connect and begin to publish."""
        self._producer = Producer(producer_config(self._kafka) | {"linger.ms": 0})
        super().start()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            self._publish()
        self._publish()
        self._producer.flush(FLUSH_S)

    def _publish(self) -> None:
        for counts in self._take():
            try:
                self._producer.produce(self._topic, encode(counts), partition=0, on_delivery=_delivered)
            except (BufferError, KafkaException) as error:
                log.warning("role-counts not sent: %s", error)
        self._producer.poll(0)


def _delivered(error: KafkaError | None, _: object) -> None:
    if error is not None:
        log.warning("role-counts not sent: %s", error.str())
