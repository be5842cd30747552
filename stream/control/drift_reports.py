"""Reading and writing `drift-reports`, without reading 180 days of them."""

import logging
from collections.abc import Sequence

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.errors import BrokerUnavailableError
from schemas.errors import KafkaError as ReportsError
from schemas.messages import DriftReport, encode
from stream.kafka.clients import CONNECT_S, consumer_config, producer_config
from stream.kafka.topic_reader import read_topic
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Reports looked through for the newest of each bundle: 20 KiB each, so half a second's reading. All bundles that play
#: see the same transactions, so theirs are among the newest; one that comes back after so many others begins anew.
LOOKED_THROUGH = 1_000
#: Seconds in which reports must be acknowledged before they are sent again; short, so that a stop is noticed while
#: Kafka is away.
WRITE_S = 2.0

_decoder = msgspec.json.Decoder(DriftReport)


def counts_end(settings: Settings) -> int:
    """Return the offset that the next message of `drift-counts` will have, or a lower one.

    Raises:
        BrokerUnavailableError: If no broker tells.
    """
    consumer = Consumer(consumer_config(settings.kafka) | {"group.id": f"{settings.kafka.group}-whole-topic"})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(settings.topic.drift_counts, 0), CONNECT_S)
    except KafkaException as error:
        text = f"where {settings.topic.drift_counts} ends is not known ({error.args[0].str()}); look at the broker"
        raise BrokerUnavailableError(text) from error
    finally:
        consumer.close()
    return end


def read_reports(settings: Settings, count: int = LOOKED_THROUGH) -> list[DriftReport]:
    """Return the last `count` reports, of all bundles, oldest first; of one that was written twice, the first.

    Raises:
        BrokerUnavailableError: If no broker answers.
        TopicMissingError: If the topic is not there.
    """
    found = [decode_report(raw) for raw in read_topic(settings.kafka, settings.topic.drift_reports, newest=count)]
    first: dict[tuple[str, int], DriftReport] = {}
    for report in found:
        if report is not None:
            first.setdefault((report.bundle_sha256, report.number), report)
    return list(first.values())


def decode_report(raw: bytes | None) -> DriftReport | None:
    """Read one message of `drift-reports`; None, with a line on the log, for what is none."""
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("no drift report: %s; ignored", error)
        return None


class ReportWriter:
    """Writes reports, each before anything that comes after it is read.

    Args:
        settings: Addresses and the topic.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topic.drift_reports
        self._producer = self._connect()

    def write(self, reports: Sequence[DriftReport]) -> None:
        """Write reports and wait until Kafka has them.

        Raises:
            ReportsError: If it is not known to have all; written again, they are the same.
        """
        failures: list[str] = []

        def delivered(error: KafkaError | None, _: object) -> None:
            if error is not None:
                failures.append(error.str())

        try:
            for report in reports:
                self._producer.produce(self._topic, encode(report), report.bundle_sha256, 0, on_delivery=delivered)
        except (BufferError, KafkaException) as error:
            failures.append(str(error))
        if self._producer.flush(WRITE_S) or failures:
            self._producer = self._connect()  # the old one takes what is still on its way along
            raise ReportsError(f"{self._topic} not written ({failures[0] if failures else 'no answer'})")

    def _connect(self) -> Producer:
        return Producer(producer_config(self._settings.kafka) | {"linger.ms": 0})
