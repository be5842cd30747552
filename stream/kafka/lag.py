"""The number of messages in a topic that are left to read."""

from collections.abc import Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # not in its type stubs

from schemas.errors import BrokerUnavailableError
from stream.kafka.clients import client_config
from stream.settings import KafkaSettings

_LATEST: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # likewise


class LagReader:
    """Reads the end offsets of partitions, and the offsets that a group has committed.

    The ends come from an admin client, because a consumer's own queries for them exceed their timeout while the
    consumer is idle or the broker is unavailable. The committed offsets come from a consumer that joins no group: when
    a group's coordinator refuses such a query of an admin client, as while it starts, librdkafka 2.16 ends the process
    with a segmentation fault.

    Args:
        kafka: Kafka connection.
        topic: Topic whose lag is measured.
        group: Consumer group that reads the topic.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, group: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._group = group
        self._connect()

    def lag(self, positions: Mapping[int, int | None], timeout: float) -> int:
        """Return the number of offsets left to read.

        Args:
            positions: For each partition, the next offset to read; None before the first read, in which case the lag
                counts from the group's committed offset.
            timeout: Seconds to wait for each response from the broker.

        Raises:
            BrokerUnavailableError: If the broker does not respond in time.
        """
        partitions = [TopicPartition(self._topic, partition) for partition in positions]
        unread = [each for each in partitions if positions[each.partition] is None]
        try:
            if not partitions:
                self._admin.list_topics(self._topic, timeout=timeout)
            ends = self._ends(partitions, timeout) if partitions else {}
            committed = self._committed(unread, timeout) if unread else {}
        except (KafkaException, FutureTimeoutError) as error:
            # Replace the clients: they may wait forever for a broker that was away (confluentinc/librdkafka#5511).
            self._connect()
            raise BrokerUnavailableError(f"Kafka is not responding: {error}") from error
        lag = 0
        for partition, end in ends.items():
            position = positions[partition]
            lag += max(end - (max(committed[partition], 0) if position is None else position), 0)
        return lag

    def _connect(self) -> None:
        self._admin = AdminClient(client_config(self._kafka))
        # Nobody polls this consumer, so its log is switched off. A transaction that is still open does not delay it.
        quiet = {"log_level": 0, "isolation.level": "read_uncommitted", "enable.auto.commit": False}
        self._consumer = Consumer(client_config(self._kafka) | quiet | {"group.id": self._group})

    def _ends(self, partitions: list[TopicPartition], timeout: float) -> dict[int, int]:
        futures = self._admin.list_offsets(
            dict.fromkeys(partitions, _LATEST), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=timeout
        )
        return {each.partition: future.result(timeout).offset for each, future in futures.items()}

    def _committed(self, partitions: list[TopicPartition], timeout: float) -> dict[int, int]:
        committed = self._consumer.committed(partitions, timeout=timeout)
        if error := next((each.error for each in committed if each.error is not None), None):
            raise KafkaException(error)
        return {each.partition: each.offset for each in committed}
