"""Traffic at a steady rate that a test breaks things under."""

import time
from abc import abstractmethod
from collections.abc import Iterable

from confluent_kafka import Producer

from stream.runtime.background import Background

#: Seconds from one burst to the next. Each is a batch and a transaction: with more of them the broker and the programs
#: under test would take the suite's processors, and show no more.
BURST_S = 0.05
#: A topic, and the key and value of a message for it.
Sent = tuple[str, tuple[bytes, bytes]]


class SteadyFeeder(Background):
    """Sends from a thread of its own until left; then everything is acknowledged.

    Args:
        bootstrap: Address.
        rate: Numbers a second.

    Attributes:
        sent: Numbers 0 … sent-1 are on their way.
    """

    def __init__(self, bootstrap: str, rate: int) -> None:
        super().__init__("feeder")
        self._rate = rate
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,  # a broker that goes and comes must not make the input itself repeat
                "partitioner": "murmur2_random",
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self.sent = 0

    def stop(self) -> None:
        """Stop sending and wait until everything sent is acknowledged."""
        super().stop()
        assert self._producer.flush(60) == 0, "the feeder's messages were not acknowledged within 60 s"

    @abstractmethod
    def _messages(self, number: int) -> Iterable[Sent]:
        """Return what there is to be sent of a number."""

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopping.wait(BURST_S):
            due = int((time.monotonic() - began) * self._rate)
            for number in range(self.sent, due):
                for topic, (key, value) in self._messages(number):
                    self._producer.produce(topic, value, key)
            self.sent = due
            self._producer.poll(0)
