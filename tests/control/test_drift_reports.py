"""Reading and writing drift reports while Kafka rejects them or does not respond."""

import random
import time
from collections.abc import Callable

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.errors import BrokerUnavailableError, KafkaError
from schemas.messages import DriftReport, encode
from stream.control import drift_reports
from stream.control.drift_reports import ReportWriter, counts_end, read_reports
from stream.kafka.topics import wait_until_usable
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.drift.merged_counts import counts_of_model, merged
from tests.support.topics import produce_all


@pytest.fixture
def report() -> DriftReport:
    """A report on a model's first window."""
    return merged(counts_of_model("1", 12))[0]


@pytest.fixture
def unavailable(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose broker does not respond, and for which nothing waits long."""
    monkeypatch.setattr(drift_reports, "CONNECT_S", 0.05)
    monkeypatch.setattr(drift_reports, "WRITE_S", 0.05)
    return Settings().replace(kafka_bootstrap=f"127.0.0.1:{free_port()}")


def test_invalid_and_repeated_reports_are_ignored(
    settings: Settings, report: DriftReport, caplog: pytest.LogCaptureFixture
) -> None:
    """An invalid message hides no report, and of two reports on the same window the first counts."""
    repeated = msgspec.structs.replace(report, written_at_ms=1)
    values = (b"rubbish", None, encode(report), b'{"name": 1}', encode(repeated))
    produce_all(
        settings.kafka.bootstrap, settings.topic.drift_reports, [(None, value) for value in values], partition=0
    )
    assert read_reports(settings.kafka, settings.topic) == [report]
    assert caplog.text.count("ignoring an invalid message on drift-reports") == 3


def test_a_rejected_report_is_an_error_and_the_writer_recovers(
    make_settings: Callable[..., Settings], report: DriftReport
) -> None:
    """A report that the broker rejects is not taken for written, and later reports are not held up by it."""
    settings = make_settings()
    topic = settings.topic.drift_reports
    small = NewTopic(topic, 1, 1, config={"max.message.bytes": str(len(encode(report)) + 500)})
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    admin.create_topics([small])[topic].result()
    wait_until_usable(admin, {topic: 1})
    writer = ReportWriter(settings.kafka, settings.topic)
    too_large = msgspec.structs.replace(report, version=random.Random(1).randbytes(50_000).hex())  # noqa: S311 - incompressible
    with pytest.raises(KafkaError, match=f"cannot write to topic {topic}: .*too large"):
        writer.write([too_large])
    writer.write([report])
    assert read_reports(settings.kafka, settings.topic) == [report]


def test_reports_are_not_written_without_a_broker(unavailable: Settings, report: DriftReport) -> None:
    """A writer without a broker gives up soon, so that a request to stop is noticed, and drops what it has not sent."""
    writer = ReportWriter(unavailable.kafka, unavailable.topic)
    dropped = writer._producer
    began = time.monotonic()
    with pytest.raises(KafkaError, match="no response"):
        writer.write([report])
    assert time.monotonic() - began < 2
    assert writer._producer is not dropped


def test_a_report_that_the_client_refuses_is_an_error(unavailable: Settings, report: DriftReport) -> None:
    """A report larger than the client's limit is an error like any other."""
    writer = ReportWriter(unavailable.kafka, unavailable.topic)
    with pytest.raises(KafkaError, match=r"cannot write to topic drift-reports: .*MSG_SIZE_TOO_LARGE"):
        writer.write([msgspec.structs.replace(report, version="9" * 20_000_000)])


def test_the_end_of_the_counts_is_not_guessed(unavailable: Settings) -> None:
    """Without a broker, the end of `drift-counts` is an error: taking it for 0 would look like a recreated topic."""
    with pytest.raises(BrokerUnavailableError, match="cannot read the end offset of topic drift-counts"):
        counts_end(unavailable.kafka, unavailable.topic)
