"""Which counts the drift monitor processes, in which order. tests/faults tests the monitor of a running worker."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from schemas.errors import BundleMissingError, KafkaError
from schemas.manifest import Manifest
from schemas.messages import AlertRate, DriftCounts, DriftReport, encode
from stream.control.drift_metrics import DriftMetrics
from stream.control.drift_monitor import DriftMonitor, alarms
from stream.control.election import TopicMessage
from stream.settings import Settings
from tests.drift.merged_counts import merged
from tests.drift.sample_bundle import MANIFEST, ROWS, stream
from tests.support.topics import produce_all


class FakeManifests:
    """A manifest reader that returns the same manifest for every bundle, unless the store is unavailable."""

    def __init__(self) -> None:
        self.unavailable = False

    def of(self, _: DriftCounts) -> Manifest:
        """Return the manifest."""
        if self.unavailable:
            raise BundleMissingError("made to fail")
        return MANIFEST


class FakeWriter:
    """A writer that fails a set number of times before it accepts reports."""

    def __init__(self) -> None:
        self.failures = 0
        self.written: list[DriftReport] = []

    def write(self, reports: Sequence[DriftReport]) -> None:
        """Accept the reports, or fail."""
        if self.failures:
            self.failures -= 1
            raise KafkaError("made to fail")
        self.written += reports


class Bench:
    """An elected monitor with fake manifests and a fake writer."""

    def __init__(self) -> None:
        self.manifests, self.writer = FakeManifests(), FakeWriter()
        parts: dict[str, Any] = {"manifests": self.manifests, "metrics": DriftMetrics(CollectorRegistry())}
        self.monitor = DriftMonitor(Settings().replace(drift_window_rows=ROWS), **parts)
        self.monitor._writer = self.writer  # type: ignore[assignment]
        self.offset = 0

    def receive(self, *values: bytes | None) -> None:
        """Add messages to those that the monitor has yet to process."""
        for value in values:
            self.monitor._pending.append(TopicMessage(self.offset, value))
            self.offset += 1

    @property
    def rows(self) -> int:
        """Number of rows in the open window."""
        return sum(view.rows for view in self.monitor._merger.views())


@pytest.fixture
def bench() -> Bench:
    """Return a monitor that has not read any message."""
    return Bench()


def test_a_repeated_message_counts_once(bench: Bench) -> None:
    """A repeated message is recognised by instance and sequence number, which starts at 1 in each instance."""
    first, second = (encode(each) for each in stream(2))
    (other,) = (encode(each) for each in stream(1, instance="b"))
    bench.receive(first, second, first, second, other)
    bench.monitor._process_pending()
    assert bench.rows == 300


def test_invalid_messages_are_ignored(bench: Bench) -> None:
    """Invalid messages are logged, and the messages after them count."""
    bench.receive(None, b"", b"{", b'{"slot": "0"}', *(encode(each) for each in stream(1)))
    bench.monitor._process_pending()
    assert bench.rows == 100


def test_a_report_is_written_before_more_counts_are_processed(bench: Bench) -> None:
    """Counts wait until earlier reports are written, because the next elected worker starts after the newest report."""
    bench.receive(*(encode(each) for each in stream(25)))
    bench.writer.failures = 2
    for _ in range(2):
        with pytest.raises(KafkaError):
            bench.monitor._process_pending()
        assert (len(bench.monitor._pending), bench.writer.written) == (15, [])
    bench.monitor._process_pending()
    assert [report.number for report in bench.writer.written] == [1, 2]
    assert not bench.monitor._pending
    assert bench.rows == 500


def test_counts_wait_while_the_store_is_unavailable(bench: Bench) -> None:
    """While the store is unavailable, no message is skipped, and afterwards none counts twice."""
    bench.receive(*(encode(each) for each in stream(3)))
    bench.manifests.unavailable = True
    for _ in range(2):
        with pytest.raises(BundleMissingError):
            bench.monitor._process_pending()
    assert len(bench.monitor._pending) == 3
    bench.manifests.unavailable = False
    bench.monitor._process_pending()
    assert bench.rows == 300


def test_a_recreated_topic_of_counts_starts_the_windows_again(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """If `drift-counts` ends before the newest report, it was recreated: its counts are read from the beginning.

    Otherwise, the monitor would wait for an offset that may come only after weeks, and report no drift until then.
    """
    topics, bootstrap = settings.topic, settings.kafka.bootstrap
    parts: dict[str, Any] = {"manifests": FakeManifests(), "metrics": DriftMetrics(CollectorRegistry())}
    monitor = DriftMonitor(settings, **parts)
    (report,) = merged(list(stream(10)))
    produce_all(bootstrap, topics.drift_reports, [(None, encode(report))], partition=0)
    produce_all(bootstrap, topics.drift_counts, [(None, b"counts")] * (report.settled_offset - 1), partition=0)
    assert monitor._restore() == 0
    assert f"{topics.drift_counts} was recreated; windows start again; recreate {topics.drift_reports} as well" in (
        caplog.text
    )
    produce_all(bootstrap, topics.drift_counts, [(None, b"counts")], partition=0)
    assert monitor._restore() == report.settled_offset


def test_alarms_are_described_in_one_line() -> None:
    """The alarming columns come first, largest PSI first and only a few by name, then the alert rate."""
    (report,) = merged(list(stream(10)))
    assert alarms(report) == ""
    states = zip(("alarm", "page", "high", "alarm", "alarm", "alarm", "alarm", "alarm"), range(8), strict=True)
    columns = {f"V{n}": replace(report.score, state=state, psi=float(n)) for state, n in states}
    rate = AlertRate(0.0015, 0.03, 1e-9, "alarm", (5_012,), (150,))
    assert alarms(replace(report, features=columns, alert_rate=rate)) == (
        "V7 PSI 7, V6 PSI 6, V5 PSI 5, V4 PSI 4, V3 PSI 3, 2 more, alert rate 0.03 instead of 0.0015"
    )
