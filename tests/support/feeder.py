"""Traffic at a steady rate, for tests that inject faults under load."""

import time
from abc import abstractmethod
from collections.abc import Iterable

from confluent_kafka import Producer

from stream.runtime.background import Background

#: Seconds between bursts. Each burst becomes a batch and a Kafka transaction; more bursts would load the machine
#: without testing more.
BURST_S = 0.05
#: A topic, and the key and value of a message for that topic.
TopicMessage = tuple[str, tuple[bytes, bytes]]


class SteadyFeeder(Background):
    """Sends numbered messages from a thread of its own, and stops only once all of them are acknowledged.

    Args:
        bootstrap: Bootstrap server, host:port.
        rate: Rate at which to send, in message numbers per second.

    Attributes:
        sent: How many message numbers have been sent so far: 0 … sent-1.
    """

    def __init__(self, bootstrap: str, rate: int) -> None:
        super().__init__("feeder")
        self._rate = rate
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,  # a broker that restarts must not duplicate the input itself
                "partitioner": "murmur2_random",
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self.sent = 0

    def stop(self) -> None:
        """Stop sending, and wait until all messages sent are acknowledged."""
        super().stop()
        assert self._producer.flush(60) == 0, "the feeder's messages were not acknowledged within 60 s"

    @abstractmethod
    def _messages(self, number: int) -> Iterable[TopicMessage]:
        """Return all messages to send for one message number."""

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopping.wait(BURST_S):
            due = int((time.monotonic() - began) * self._rate)
            for number in range(self.sent, due):
                for topic, (key, value) in self._messages(number):
                    self._producer.produce(topic, value, key)
            self.sent = due
            self._producer.poll(0)
