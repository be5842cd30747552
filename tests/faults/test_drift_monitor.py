"""The drift monitor on a real Kafka: an election neither loses nor repeats windows, and alarms request retraining."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from schemas.manifest import Manifest, decode_manifest
from schemas.messages import BundleRef, Challenger, DriftCounts, DriftReport
from stream.control.drift_monitor import alarms
from stream.control.drift_reports import read_reports
from stream.control.retrain_requests import read_requests
from stream.control.role_writer import publish_roles
from stream.drift.alarm_rule import drift_limits
from stream.drift.counts_merger import CountsMerger
from stream.kafka.topics import create_topics
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.decision_monitor import DecisionMonitor
from tests.support.topics import produce_all, read_all
from tests.support.traffic import TransactionFeeder, transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_state import metrics

StartWorker = Callable[[Settings], WorkerProcess]
WINDOW = 500


@pytest.fixture
def monitored(make_settings: Callable[..., Settings]) -> Settings:
    """Settings with windows of one second of traffic, for a published champion and challenger with reference profiles.

    Neither model uses V2.
    """
    settings = make_settings(drift_window_rows=WINDOW, drift_interval_s=0.1)
    create_topics(settings.kafka, settings.topic)
    store = Path(settings.bundle.store)
    weights = (1.0, 0.0, 1.0)
    champion = put_bundle(store, "1", weights=weights, reference=True)
    challenger = put_bundle(store, "2", weights=weights, bias=-3.0, reference=True)
    publish_roles(
        settings.kafka, settings.topic, champion=champion, challengers=(Challenger(challenger),), author="test"
    )
    return settings


def manifest_of(settings: Settings) -> Callable[[DriftCounts], Manifest]:
    """Return a function that finds the manifest of a bundle written by `put_bundle`."""
    store = Path(settings.bundle.store)
    return lambda counts: decode_manifest((store / "fraud" / counts.version / "manifest.json").read_bytes())


def remerge(settings: Settings) -> list[DriftReport]:
    """Return the reports that a single merger makes from all counts."""
    merger = CountsMerger(
        manifest_of(settings), drift_limits(settings.drift, settings.watermark), lambda _, why: pytest.fail(why)
    )
    reports = []
    for message in read_all(settings.kafka.bootstrap, settings.topic.drift_counts):
        counts = msgspec.json.decode(message.value() or b"", type=DriftCounts)
        reports += merger.add(message.offset() or 0, counts)
    return reports


def elected(settings: Settings) -> bool:
    """Return whether a worker is the elected drift monitor."""
    return metrics(settings)["drift_elected"] == 1


def test_another_worker_takes_over_from_a_killed_monitor(monitored: Settings, start_worker: StartWorker) -> None:
    """If the monitor is killed within a window, the reports still equal those that a single merger makes."""
    second = monitored.replace(kafka_slot=f"{monitored.kafka.slot}-b", web_port=free_port())
    with DecisionMonitor(monitored) as monitor, TransactionFeeder(monitored, rate=500) as feeder:
        workers = {each.kafka.slot: start_worker(each) for each in (monitored, second)}
        for worker in workers.values():
            worker.wait_ready()
        until(lambda: elected(monitored) != elected(second))
        first, other = (monitored, second) if elected(monitored) else (second, monitored)
        monitor.wait(monitor.settled + 3 * WINDOW)
        until(lambda: len(read_reports(monitored.kafka, monitored.topic)) >= 4)
        workers[first.kafka.slot].kill()
        before = len(read_reports(monitored.kafka, monitored.topic))
        until(lambda: elected(other), 60)
        monitor.wait(monitor.settled + 2 * WINDOW, 60)
        until(lambda: len(read_reports(monitored.kafka, monitored.topic)) >= before + 4, 60)
        feeder.stop()
        monitor.wait(feeder.sent, 60)
        assert workers[other.kafka.slot].stop() == 0
    reports, expected = read_reports(monitored.kafka, monitored.topic), remerge(monitored)
    # Counts that arrived after the monitor had stopped may close further windows, which only the merger reports.
    for sha256 in {report.bundle_sha256 for report in expected}:
        own = [report for report in reports if report.bundle_sha256 == sha256]
        assert len(own) >= 3
        assert own == [report for report in expected if report.bundle_sha256 == sha256][: len(own)]
        assert all(report.rows >= WINDOW for report in own)
    raw = read_all(monitored.kafka.bootstrap, monitored.topic.drift_reports)
    assert len({message.value() for message in raw}) == len(reports), "a report was repeated with different content"


def test_an_alarm_requests_retraining_once(monitored: Settings, start_worker: StartWorker) -> None:
    """A moved feature shows in the gauges and the alarm counter, and causes exactly one retraining request."""

    def shifted(number: int) -> bytes:
        features = msgspec.json.decode(transaction(number))["features"]
        return transaction(number, features=features | {"V2": features["V2"] + 3})

    with DecisionMonitor(monitored) as monitor, TransactionFeeder(monitored, rate=500) as feeder:
        worker = start_worker(monitored)
        monitor.wait(3 * WINDOW)
        until(lambda: len(read_reports(monitored.kafka, monitored.topic)) >= 2)
        states = {
            column.state
            for report in read_reports(monitored.kafka, monitored.topic)
            for column in report.features.values()
        }
        assert states == {"ok"}
        assert not read_requests(monitored.kafka, monitored.topic)
        feeder.make = shifted
        until(lambda: bool(read_requests(monitored.kafka, monitored.topic)), 60)
        monitor.wait(monitor.settled + 2 * WINDOW)
        labels = 'name="fraud",role="champion",version="1"'
        # The gauges cover a rolling window, so each reaches its value at a different share of shifted rows.
        until(lambda: metrics(monitored)[f'feature_drift_psi{{feature="V2",{labels}}}'] > 0.5)
        until(lambda: metrics(monitored)[f'feature_drift_ks{{feature="V2",{labels}}}'] > 0.3)
        current = metrics(monitored)
        assert current[f'feature_drift_psi{{feature="V1",{labels}}}'] < 0.1
        assert current[f"prediction_drift_psi{{{labels}}}"] < 0.1
        assert current['drift_alarms_total{column="V2"}'] == 2, "one for the champion, one for the challenger"
        assert 'drift_alarms_total{column="V1"}' not in current
        assert worker.stop() == 0
    (request,) = read_requests(monitored.kafka, monitored.topic)
    first = next(
        report for report in read_reports(monitored.kafka, monitored.topic) if report.decides and alarms(report)
    )
    assert request.cause == "drift"
    assert request.why == f"window {first.number}: {alarms(first)}"


def test_a_missing_bundle_is_logged_once(monitored: Settings, start_worker: StartWorker) -> None:
    """A bundle missing from the store is logged once, and the other bundles are still monitored."""
    missing = BundleRef("fraud", "9", "fraud/9", "9" * 64)
    counts = DriftCounts("x", "i", 1, "fraud", "9", missing.sha256, True, 0, 1, {}, (1,), 0, 0, 0.0, 0.0, {}, 1)  # noqa: FBT003
    lines = [msgspec.json.encode(replace(counts, sequence=number)) for number in range(1, 4)]
    produce_all(
        monitored.kafka.bootstrap, monitored.topic.drift_counts, [(None, b"{"), *((None, line) for line in lines)]
    )
    with DecisionMonitor(monitored) as monitor, TransactionFeeder(monitored, rate=500):
        worker = start_worker(monitored)
        monitor.wait(2 * WINDOW)
        until(lambda: len(read_reports(monitored.kafka, monitored.topic)) >= 2)
        assert metrics(monitored)["drift_counts_refused_total"] == 3
        assert worker.stop() == 0
    output = worker.last_lines()
    assert output.count("model fraud 9 is not monitored") == 1
    assert output.count("ignoring an invalid message on drift-counts") == 1
