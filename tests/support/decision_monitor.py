"""Live counts of decisions and dead letters, as a consumer of committed data sees them."""

import time

from confluent_kafka import Consumer, TopicPartition

from stream.runtime.background import Background
from stream.settings import Settings

#: Seconds within which scoring must resume after a fault has ended.
RECOVERY_S = 15.0


class DecisionMonitor(Background):
    """Counts committed decisions and dead letters on a thread of its own.

    Args:
        settings: Settings with the topics, and with the bootstrap server unless `bootstrap` is given.
        bootstrap: Bootstrap server that bypasses a proxy or authentication.

    Attributes:
        settled: Number of transactions decided or dead-lettered so far.
    """

    def __init__(self, settings: Settings, bootstrap: str | None = None) -> None:
        super().__init__("decision-monitor")
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap or settings.kafka.bootstrap,
                "group.id": f"{settings.kafka.group}-watch",  # required by the client; it neither joins nor commits
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "reconnect.backoff.ms": 10,
                "reconnect.backoff.max.ms": 500,
                "fetch.wait.max.ms": 100,
                "log_level": 0,
            }
        )
        topics = (settings.topic.decisions, settings.topic.dead_letters)
        self._consumer.assign(
            [TopicPartition(topic, partition, 0) for topic in topics for partition in range(settings.topic.partitions)]
        )
        self._arrivals: list[float] = []  # time.monotonic()
        self.settled = 0

    def stop(self) -> None:
        """Stop reading."""
        super().stop()
        self._consumer.close()

    def wait(self, settled: int, timeout: float = 30.0) -> None:
        """Wait until `settled` transactions in total are decided or dead-lettered; fail after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self.settled < settled:
            assert time.monotonic() < deadline, f"only {self.settled} of {settled} completed within {timeout:g} s"
            time.sleep(0.01)

    def assert_resumes(self, fault_ended: float, within: float = RECOVERY_S) -> float:
        """Return the seconds from `fault_ended`, a `time.monotonic()` time, to the next decision or dead letter.

        Raises:
            AssertionError: If that takes more than `within` seconds.
        """
        while not self._arrivals or self._arrivals[-1] < fault_ended:
            assert time.monotonic() < fault_ended + within, f"nothing was completed within {within:g} s after the fault"
            time.sleep(0.01)
        return next(at for at in self._arrivals if at >= fault_ended) - fault_ended

    def _run(self) -> None:
        while not self._stopping.is_set():
            messages = self._consumer.consume(5000, 0.02)
            if settled := sum(message.error() is None for message in messages):
                self._arrivals.append(time.monotonic())
                self.settled += settled
