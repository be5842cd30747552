"""Monitor the broker, for programs that must report an outage at once instead of after a timeout."""

import logging

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from stream.kafka.clients import client_config
from stream.runtime.background import Background
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds between checks, and seconds to wait for the broker's response to each check.
CHECK_S = 0.5
RESPONSE_S = 1.0
#: Checks without a response after which the broker counts as unavailable. A single missed check may be a brief pause.
UNANSWERED_CHECKS = 2


class BrokerMonitor(Background):
    """Sends the broker a metadata request twice a second.

    Args:
        kafka: Kafka connection.
        topic: Topic whose metadata is requested.
    """

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        super().__init__("broker-monitor")
        self._kafka = kafka
        self._topic = topic
        self._unanswered = 0

    @property
    def unavailable(self) -> bool:
        """Whether no broker is responding."""
        return self._unanswered >= UNANSWERED_CHECKS

    def on_client_error(self, error: KafkaError) -> None:
        """Take into account an error that another client's `error_cb` received. Callable from any thread."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's own codes begin with _
            self._record(UNANSWERED_CHECKS)

    def _run(self) -> None:
        admin = AdminClient(client_config(self._kafka) | {"log_level": 0, "error_cb": lambda _: None})
        while not self._stopping.wait(CHECK_S):
            try:
                admin.list_topics(self._topic, timeout=RESPONSE_S)
            except KafkaException:
                self._record(self._unanswered + 1)
            else:
                self._record(0)
            admin.poll(0)  # discards queued errors, which would pile up for as long as no broker responds

    def _record(self, unanswered: int) -> None:
        before, self._unanswered = self.unavailable, unanswered
        if self.unavailable and not before:
            log.error("no broker is responding")
        elif before and not self.unavailable:
            log.info("a broker is responding again")
