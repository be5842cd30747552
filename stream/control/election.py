"""One process of many: whoever holds a topic's only partition, by an ordinary consumer group.

Nothing is committed. Whoever is elected reads the topic from its beginning, or from where other messages tell it to, so
what is there is all the state there is.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition
from confluent_kafka import KafkaError as Code

from stream.kafka.clients import consumer_config
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Messages taken at a time.
MOST = 1000
#: Seconds for the broker to say where the topic ends; no longer than members take to miss a heartbeat.
END_S = 1.0


class Found(NamedTuple):
    """A message."""

    offset: int
    value: bytes | None


class ElectedReader:
    """Reads a topic of one partition while the group lets it. All calls on one thread.

    Args:
        settings: Addresses, and how soon a dead member is noticed.
        topic: Its name.
        group: Of those who stand for election.
        on_election: Called with True when this process is elected, before the first message, and with False when it
            no longer is.
        start: Gives the offset to begin at, after each election; what it raises leaves `read`, and the next `read`
            asks again. None: the topic's beginning.

    Attributes:
        caught_up: Whether everything that was there when it was elected has been read.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        group: str,
        on_election: Callable[[bool], None],
        *,
        start: Callable[[], int] | None = None,
    ) -> None:
        self._on_election = on_election
        self._topic = topic
        self._start = start
        self._found: list[Found] = []
        # Whether it is read from where it begins.
        self._begun = False
        self._partition: TopicPartition | None = None
        # Where the topic ended soon after the election. Asked for, since the client tells the end of a partition only
        # when a fetch comes back empty, and of a busy topic none ever does.
        self._end: int | None = None
        self.caught_up = False
        self._consumer = Consumer(
            consumer_config(settings.kafka)
            | {
                "group.id": group,
                "client.id": f"{group}-{settings.kafka.slot}",
                "session.timeout.ms": settings.kafka.session_timeout_ms,
                "heartbeat.interval.ms": max(settings.kafka.session_timeout_ms // 3, 300),
                # Whoever holds the partition keeps it when others come and go, and need not read all anew.
                "partition.assignment.strategy": "cooperative-sticky",
            }
        )
        self._consumer.subscribe([topic], on_assign=self._won, on_revoke=self._lost, on_lost=self._lost)

    def read(self, wait_s: float) -> list[bytes | None]:
        """Return the values of `read_with_offsets`."""
        return [found.value for found in self.read_with_offsets(wait_s)]

    def read_with_offsets(self, wait_s: float) -> list[Found]:
        """Return what has come, after `wait_s` seconds at most; nothing while another is elected.

        One message at a time: what was read before an election in the midst of it must not count for what comes after.
        """
        self._found = []
        self._begin()
        self._find_end()
        message = self._consumer.poll(wait_s)
        while message is not None:
            error = message.error()
            if error is None:
                if self._begun:
                    self._found.append(Found(message.offset() or 0, message.value()))
                if self._end is not None and (message.offset() or 0) >= self._end - 1:
                    self.caught_up = True
            elif error.code() == Code._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
                self.caught_up = True
            else:
                log.warning("following %s: %s; the client tries again", self._topic, error.str())
            message = self._consumer.poll(0) if len(self._found) < MOST else None
        return self._found

    def close(self) -> None:
        """Leave the group, so that another is elected at once."""
        self._consumer.close()

    def _begin(self) -> None:
        if self._partition is None or self._begun or self._start is None:
            return
        offset = self._start()
        self._consumer.incremental_unassign([self._partition])
        self._partition.offset = offset
        self._consumer.incremental_assign([self._partition])
        self.caught_up = False
        self._begun = True

    def _find_end(self) -> None:
        if self._partition is None or self._end is not None:
            return
        try:
            _, self._end = self._consumer.get_watermark_offsets(self._partition, END_S)
        except KafkaException as error:
            log.warning("where %s ends is not known: %s; asking again", self._topic, error.args[0].str())
        if self._end == 0:
            self.caught_up = True

    def _won(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            # Where it is to begin elsewhere nothing is read meanwhile.
            partition.offset = OFFSET_BEGINNING if self._start is None else OFFSET_END
        consumer.incremental_assign(partitions)
        self._change(partitions, elected=True)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_unassign(partitions)
        self._change(partitions, elected=False)

    def _change(self, partitions: list[TopicPartition], *, elected: bool) -> None:
        if partitions:
            self._partition = partitions[0] if elected else None
            self._end = None
            self.caught_up = False
            self._begun = self._start is None
            self._found.clear()
            self._on_election(elected)
