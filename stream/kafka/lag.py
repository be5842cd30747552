"""How many messages of a topic are left to read."""

from collections.abc import Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # not in its type stubs

from schemas.errors import BrokerAwayError
from stream.kafka.clients import client_config
from stream.settings import KafkaSettings

_LATEST: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # likewise


class Lag:
    """Asks the broker where partitions end, through an admin client.

    Not through the consumer, whose own queries outwait their timeout when it is idle or the broker away.

    Args:
        kafka: Addresses.
        topic: That is read.
        group: That reads it.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, group: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._group = group
        self._admin = AdminClient(client_config(kafka))

    def left(self, reached: Mapping[int, int | None], timeout: float) -> int:
        """Return how many offsets are left to read.

        Args:
            reached: By partition, the offset up to which everything was read; None before the first read, which
                counts from the group's committed offset.
            timeout: Seconds for each of the broker's answers.

        Raises:
            BrokerAwayError: If there is no answer in time.
        """
        places = [TopicPartition(self._topic, partition) for partition in reached]
        unread = [place for place in places if reached[place.partition] is None]
        try:
            if not places:
                self._admin.list_topics(self._topic, timeout=timeout)
            ends = self._ends(places, timeout) if places else {}
            committed = self._committed(unread, timeout) if unread else {}
        except (KafkaException, FutureTimeoutError) as error:
            # It may wait for ever for a broker that was away (confluentinc/librdkafka#5511): ask with a new one.
            self._admin = AdminClient(client_config(self._kafka))
            raise BrokerAwayError(f"no Kafka answers: {error}") from error
        left = 0
        for partition, end in ends.items():
            offset = reached[partition]
            left += max(end - (max(committed[partition], 0) if offset is None else offset), 0)
        return left

    def _ends(self, places: list[TopicPartition], timeout: float) -> dict[int, int]:
        asked = self._admin.list_offsets(
            dict.fromkeys(places, _LATEST), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=timeout
        )
        return {place.partition: future.result(timeout).offset for place, future in asked.items()}

    def _committed(self, places: list[TopicPartition], timeout: float) -> dict[int, int]:
        wanted = [ConsumerGroupTopicPartitions(self._group, places)]
        asked = self._admin.list_consumer_group_offsets(wanted, request_timeout=timeout)
        return {place.partition: place.offset for place in asked[self._group].result(timeout).topic_partitions}
