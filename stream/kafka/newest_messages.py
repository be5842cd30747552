"""Following several topics from shortly before their ends, without a group: what a page for people lives on."""

from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from schemas.errors import BrokerAwayError
from stream.kafka.clients import CONNECT_S, consumer_config
from stream.kafka.topics import partitions_of
from stream.settings import KafkaSettings

#: Seconds to wait for one message before looking whether to stop.
POLL_S = 0.2


class NewestMessages:
    """Reads the newest messages of topics, and then whatever comes.

    Args:
        kafka: Addresses.
        wanted: By topic, how many of each partition's newest messages; 0: only what comes.

    Raises:
        BrokerAwayError: If no broker answers.
        TopicMissingError: If one of them is not there.
    """

    def __init__(self, kafka: KafkaSettings, wanted: Mapping[str, int]) -> None:
        own = {"group.id": f"{kafka.group}-newest", "enable.partition.eof": False}
        self._consumer = Consumer(consumer_config(kafka) | own)
        try:
            self._consumer.assign(
                [
                    self._start(topic, partition, count)
                    for topic, count in wanted.items()
                    for partition in partitions_of(self._consumer, kafka, topic)
                ]
            )
        except KafkaException as error:
            raise BrokerAwayError(f"no Kafka answers ({error.args[0].str()}); look at FRAUD_KAFKA_BOOTSTRAP") from None

    def follow(self, until: Callable[[], bool]) -> Iterator[tuple[str, bytes | None]]:
        """Yield topic and value of each message until something holds; in order within a partition."""
        while not until():
            message: Message | None = self._consumer.poll(POLL_S)
            if message is not None and message.error() is None:
                yield message.topic() or "", message.value()

    def close(self) -> None:
        """Let go of the consumer."""
        self._consumer.close()

    def _start(self, topic: str, partition: int, count: int) -> TopicPartition:
        place = TopicPartition(topic, partition, OFFSET_END)
        if count:
            low, high = self._consumer.get_watermark_offsets(place, timeout=CONNECT_S)
            place.offset = max(low, high - count)
        return place
