"""The drift watch on a real Kafka: windows are neither lost nor repeated, whoever is elected, and alarms are heard."""

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
def watched(make_settings: Callable[..., Settings]) -> Settings:
    """Settings under which a window is one second of traffic, and a champion and a challenger with references.

    Neither looks at V2.
    """
    settings = make_settings(drift_window_rows=WINDOW, drift_interval_s=0.1)
    create_topics(settings.kafka, settings.topic)
    store = Path(settings.bundle.store)
    weights = (1.0, 0.0, 1.0)
    champion = put_bundle(store, "1", weights=weights, reference=True)
    challenger = put_bundle(store, "2", weights=weights, bias=-3.0, reference=True)
    publish_roles(settings, champion=champion, challengers=(Challenger(challenger),), author="test")
    return settings


def manifest_of(settings: Settings) -> Callable[[DriftCounts], Manifest]:
    """Return what finds a bundle of `put_bundle`."""
    store = Path(settings.bundle.store)
    return lambda counts: decode_manifest((store / "fraud" / counts.version / "manifest.json").read_bytes())


def merged_anew(settings: Settings) -> list[DriftReport]:
    """Return the reports that one reader makes of all counts."""
    merger = CountsMerger(manifest_of(settings), drift_limits(settings), lambda _, why: pytest.fail(why))
    found = []
    for message in read_all(settings.kafka.bootstrap, settings.topic.drift_counts):
        counts = msgspec.json.decode(message.value() or b"", type=DriftCounts)
        found += merger.add(message.offset() or 0, counts)
    return found


def elected(settings: Settings) -> bool:
    """Whether a worker watches for drift."""
    return metrics(settings)["drift_elected"] == 1


def test_when_the_elected_dies_the_next_goes_on(watched: Settings, start_worker: StartWorker) -> None:
    """Killed in mid-window; all reports together are what one reader makes of all counts."""
    second = watched.replace(kafka_slot=f"{watched.kafka.slot}-b", web_port=free_port())
    with DecisionMonitor(watched) as watch, TransactionFeeder(watched, rate=500) as feeder:
        workers = {each.kafka.slot: start_worker(each) for each in (watched, second)}
        for worker in workers.values():
            worker.wait_ready()
        until(lambda: elected(watched) != elected(second))
        first, other = (watched, second) if elected(watched) else (second, watched)
        watch.wait(watch.settled + 3 * WINDOW)
        until(lambda: len(read_reports(watched)) >= 4)
        workers[first.kafka.slot].kill()
        before = len(read_reports(watched))
        until(lambda: elected(other), 60)
        watch.wait(watch.settled + 2 * WINDOW, 60)
        until(lambda: len(read_reports(watched)) >= before + 4, 60)
        feeder.stop()
        watch.wait(feeder.sent, 60)
        assert workers[other.kafka.slot].stop() == 0
    found, anew = read_reports(watched), merged_anew(watched)
    # The last windows are closed by counts that were sent after the watch had ended.
    for sha256 in {report.bundle_sha256 for report in anew}:
        own = [report for report in found if report.bundle_sha256 == sha256]
        assert len(own) >= 3
        assert own == [report for report in anew if report.bundle_sha256 == sha256][: len(own)]
        assert all(report.rows >= WINDOW for report in own)
    raw = read_all(watched.kafka.bootstrap, watched.topic.drift_reports)
    assert len({message.value() for message in raw}) == len(found), "a report came again with another content"


def test_an_alarm_asks_for_retraining_once(watched: Settings, start_worker: StartWorker) -> None:
    """A feature that moves is named, in gauges, in the count of alarms, and in one request."""

    def shifted(number: int) -> bytes:
        features = msgspec.json.decode(transaction(number))["features"]
        return transaction(number, features=features | {"V2": features["V2"] + 3})

    with DecisionMonitor(watched) as watch, TransactionFeeder(watched, rate=500) as feeder:
        worker = start_worker(watched)
        watch.wait(3 * WINDOW)
        until(lambda: len(read_reports(watched)) >= 2)
        states = {column.state for report in read_reports(watched) for column in report.features.values()}
        assert states == {"ok"}
        assert not read_requests(watched)
        feeder.make = shifted
        until(lambda: bool(read_requests(watched)), 60)
        watch.wait(watch.settled + 2 * WINDOW)
        labels = 'name="fraud",role="champion",version="1"'
        # The gauges roll: each crosses its value at another share of moved rows in the window.
        until(lambda: metrics(watched)[f'feature_drift_psi{{feature="V2",{labels}}}'] > 0.5)
        until(lambda: metrics(watched)[f'feature_drift_ks{{feature="V2",{labels}}}'] > 0.3)
        shown = metrics(watched)
        assert shown[f'feature_drift_psi{{feature="V1",{labels}}}'] < 0.1
        assert shown[f"prediction_drift_psi{{{labels}}}"] < 0.1
        assert shown['drift_alarms_total{column="V2"}'] == 2, "of champion and challenger"
        assert 'drift_alarms_total{column="V1"}' not in shown
        assert worker.stop() == 0
    (request,) = read_requests(watched)
    first = next(report for report in read_reports(watched) if report.decides and alarms(report))
    assert request.cause == "drift"
    assert request.why == f"window {first.number}: {alarms(first)}"


def test_a_bundle_that_is_gone_is_said_once(watched: Settings, start_worker: StartWorker) -> None:
    """The others are watched all the same."""
    gone = BundleRef("fraud", "9", "fraud/9", "9" * 64)
    counts = DriftCounts("x", "i", 1, "fraud", "9", gone.sha256, True, 0, 1, {}, (1,), 0, 0, 0.0, 0.0, {}, 1)  # noqa: FBT003
    lines = [msgspec.json.encode(replace(counts, sequence=number)) for number in range(1, 4)]
    produce_all(watched.kafka.bootstrap, watched.topic.drift_counts, [(None, b"{"), *((None, line) for line in lines)])
    with DecisionMonitor(watched) as watch, TransactionFeeder(watched, rate=500):
        worker = start_worker(watched)
        watch.wait(2 * WINDOW)
        until(lambda: len(read_reports(watched)) >= 2)
        assert metrics(watched)["drift_counts_refused_total"] == 3
        assert worker.stop() == 0
    words = worker.last_lines()
    assert words.count("model fraud 9 is not monitored") == 1
    assert words.count("a message of drift-counts is not valid") == 1
