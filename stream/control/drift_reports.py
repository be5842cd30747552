"""Reads the newest reports on `drift-reports`, which keeps 180 days of reports, and writes new reports."""

import logging
from collections.abc import Sequence

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.errors import BrokerUnavailableError
from schemas.errors import KafkaError as ReportsError
from schemas.messages import DriftReport, encode
from stream.kafka.clients import CONNECT_S, consumer_config, producer_config
from stream.kafka.topic_reader import read_topic
from stream.settings import KafkaSettings, TopicSettings

log = logging.getLogger(__name__)

#: Number of reports that are searched for the newest report on each bundle. A report takes 20 KiB, so all are read in
#: half a second. Bundles in a role count the same transactions, so their reports are among the newest; a bundle that
#: gets a role back after more reports than this starts its windows afresh.
RECENT_REPORTS = 1_000
#: Seconds to wait for the acknowledgement of reports before they are sent again; short, so that a request to stop is
#: noticed while Kafka is unavailable.
WRITE_S = 2.0

_decoder = msgspec.json.Decoder(DriftReport)


def counts_end(kafka: KafkaSettings, topics: TopicSettings) -> int:
    """Return the current end offset of the topic `drift-counts`.

    Raises:
        BrokerUnavailableError: If no broker responds.
    """
    consumer = Consumer(consumer_config(kafka) | {"group.id": f"{kafka.group}-whole-topic"})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topics.drift_counts, 0), CONNECT_S)
    except KafkaException as error:
        text = f"cannot read the end offset of topic {topics.drift_counts} ({error.args[0].str()}); check the broker"
        raise BrokerUnavailableError(text) from error
    finally:
        consumer.close()
    return end


def read_reports(kafka: KafkaSettings, topics: TopicSettings, count: int = RECENT_REPORTS) -> list[DriftReport]:
    """Return the last `count` reports on all bundles, oldest first, without repetitions.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
    """
    reports = [decode_report(raw) for raw in read_topic(kafka, topics.drift_reports, newest=count)]
    first: dict[tuple[str, int], DriftReport] = {}
    for report in reports:
        if report is not None:
            first.setdefault((report.bundle_sha256, report.number), report)
    return list(first.values())


def decode_report(raw: bytes | None) -> DriftReport | None:
    """Decode a message on `drift-reports`; log an invalid message and return None."""
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("ignoring an invalid message on drift-reports: %s", error)
        return None


class ReportWriter:
    """Writes reports and waits until Kafka has acknowledged them.

    Args:
        kafka: Kafka connection.
        topics: Topic names.
    """

    def __init__(self, kafka: KafkaSettings, topics: TopicSettings) -> None:
        self._kafka = kafka
        self._topic = topics.drift_reports
        self._producer = self._connect()

    def write(self, reports: Sequence[DriftReport]) -> None:
        """Write reports.

        Raises:
            ReportsError: If not all reports were acknowledged. Writing them again is safe, because their bytes are the
                same.
        """
        failures: list[str] = []

        def delivered(error: KafkaError | None, _: object) -> None:
            if error is not None:
                failures.append(error.str())

        try:
            for report in reports:
                self._producer.produce(self._topic, encode(report), report.bundle_sha256, 0, on_delivery=delivered)
            if self._producer.flush(WRITE_S):
                failures.append("no response")
        except (BufferError, KafkaException) as error:
            failures.append(str(error))
        if failures:
            self._producer = self._connect()  # the old producer drops what it has not sent yet
            raise ReportsError(f"cannot write to topic {self._topic}: {failures[0]}")

    def _connect(self) -> Producer:
        return Producer(producer_config(self._kafka) | {"linger.ms": 0})
