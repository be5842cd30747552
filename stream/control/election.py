"""Leader election among processes: the leader is the consumer-group member that is assigned a topic's only partition.

Nothing is committed. An elected process reads the topic from its beginning, or from an offset found in other messages,
so all the state is in topics.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition
from confluent_kafka import KafkaError as Code

from stream.kafka.clients import member_config
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Maximum number of messages that one read returns.
MAX_MESSAGES = 1000
#: Seconds to wait for the end offset of the topic; short enough not to miss a heartbeat.
END_S = 1.0


class TopicMessage(NamedTuple):
    """A message with its offset."""

    offset: int
    value: bytes | None


class ElectedReader:
    """Reads a single-partition topic while this process is elected. Use it on one thread only.

    Args:
        kafka: Kafka connection, slot and session timeout.
        topic: Name of the topic.
        group: Consumer group of the candidates.
        on_election: Called with True when this process is elected, before the first message, and with False when it
            no longer is.
        start: Function called after each election to get the offset to start at. If the function raises an exception,
            so does `read`, and the next `read` calls the function again. None to start at the topic's beginning.

    Attributes:
        caught_up: Whether every message that was on the topic at the time of the election has been read.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        group: str,
        on_election: Callable[[bool], None],
        *,
        start: Callable[[], int] | None = None,
    ) -> None:
        self._on_election = on_election
        self._topic = topic
        self._start = start
        self._messages: list[TopicMessage] = []
        # Whether the consumer is positioned at the first offset to read.
        self._positioned = False
        self._partition: TopicPartition | None = None
        # End offset of the topic soon after the election. It is queried, because the client reports the end of a
        # partition only when a fetch returns nothing, which never happens on a busy topic.
        self._end: int | None = None
        self.caught_up = False
        # The elected process keeps the partition when others join and leave, so it need not read everything again.
        self._consumer = Consumer(member_config(kafka, group, "cooperative-sticky"))
        self._consumer.subscribe([topic], on_assign=self._won, on_revoke=self._lost, on_lost=self._lost)

    def read(self, wait_s: float) -> list[bytes | None]:
        """Return the values of new messages; see `read_with_offsets`."""
        return [message.value for message in self.read_with_offsets(wait_s)]

    def read_with_offsets(self, wait_s: float) -> list[TopicMessage]:
        """Return new messages; none while another process is elected.

        Messages are polled one at a time, so that messages polled before an election are not returned after it.

        Args:
            wait_s: Seconds to wait for the first message.
        """
        self._messages = []
        self._position()
        self._query_end()
        message = self._consumer.poll(wait_s)
        while message is not None:
            error = message.error()
            if error is None:
                if self._positioned:
                    self._messages.append(TopicMessage(message.offset() or 0, message.value()))
                if self._end is not None and (message.offset() or 0) >= self._end - 1:
                    self.caught_up = True
            elif error.code() == Code._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
                self.caught_up = True
            else:
                log.warning("cannot read topic %s: %s; the client tries again", self._topic, error.str())
            message = self._consumer.poll(0) if len(self._messages) < MAX_MESSAGES else None
        return self._messages

    def close(self) -> None:
        """Leave the group, so that another process is elected at once."""
        self._consumer.close()

    def _position(self) -> None:
        if self._partition is None or self._positioned or self._start is None:
            return
        offset = self._start()
        self._consumer.incremental_unassign([self._partition])
        self._partition.offset = offset
        self._consumer.incremental_assign([self._partition])
        self.caught_up = False
        self._positioned = True

    def _query_end(self) -> None:
        if self._partition is None or self._end is not None:
            return
        try:
            _, self._end = self._consumer.get_watermark_offsets(self._partition, END_S)
        except KafkaException as error:
            log.warning("cannot read the end offset of topic %s: %s; trying again", self._topic, error.args[0].str())
        if self._end == 0:
            self.caught_up = True

    def _won(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            # With a `start` function, nothing is read before the function has been called.
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
            self._positioned = self._start is None
            self._messages.clear()
            self._on_election(elected)
