"""Whether a broker answers, for programs that must say so at once and not after a timeout."""

import logging

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from stream.kafka.clients import client_config
from stream.runtime.background import Background
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds between two looks, and for a broker's answer.
LOOK_S = 0.5
ANSWER_S = 1.0
#: Looks without an answer after which it counts as away; one may be a broker that pauses.
AWAY_LOOKS = 2


class BrokerWatch(Background):
    """Asks the broker for something twice a second.

    Args:
        kafka: Addresses.
    """

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        super().__init__("broker-watch")
        self._kafka = kafka
        self._topic = topic
        self._unanswered = 0

    @property
    def away(self) -> bool:
        """Whether no broker answers."""
        return self._unanswered >= AWAY_LOOKS

    def heard(self, error: KafkaError) -> None:
        """Take in what a client heard; callable from any thread."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's own codes begin with _
            self._note(AWAY_LOOKS)

    def _run(self) -> None:
        admin = AdminClient(client_config(self._kafka) | {"log_level": 0, "error_cb": lambda _: None})
        while not self._stopping.wait(LOOK_S):
            try:
                admin.list_topics(self._topic, timeout=ANSWER_S)
            except KafkaException:
                self._note(self._unanswered + 1)
            else:
                self._note(0)
            admin.poll(0)  # takes what it heard; unasked, that would pile up for as long as no broker answers

    def _note(self, unanswered: int) -> None:
        before, self._unanswered = self.away, unanswered
        if self.away != before:
            log.log(*((logging.ERROR, "no broker answers") if self.away else (logging.INFO, "a broker answers again")))
