"""Drift counts on a real Kafka: no decision is counted twice, and a kill loses at most one second of counts."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from schemas.errors import BatchRefusedError
from schemas.messages import Challenger, DriftCounts
from stream.app import WorkerProgram
from stream.control.role_writer import publish_roles
from stream.kafka.topics import create_topics
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.decision_monitor import DecisionMonitor
from tests.support.faulty_sink import hooked_worker, refusals
from tests.support.in_process_worker import run_in_process
from tests.support.reconciliation import reconcile
from tests.support.topics import read_all
from tests.support.traffic import TransactionFeeder, send
from tests.support.until import until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_state import metrics

StartWorker = Callable[[Settings], WorkerProcess]


def read_counts(settings: Settings) -> list[DriftCounts]:
    """Return the committed drift counts, after checking that none is repeated."""
    messages = read_all(settings.kafka.bootstrap, settings.topic.drift_counts)
    counts = [msgspec.json.decode(message.value() or b"", type=DriftCounts) for message in messages]
    repeated = Counter((each.instance, each.sequence) for each in counts).most_common(1)
    assert not repeated or repeated[0][1] == 1, f"counted twice: {repeated[0][0]}"
    return counts


def champion_rows(counts: list[DriftCounts]) -> Counter[str]:
    """Return the number of rows counted for each bundle while it was champion."""
    rows: Counter[str] = Counter()
    for each in counts:
        assert sum(each.scores) == each.rows
        assert {sum(feature) for feature in each.features.values()} == {each.rows}
        rows[each.bundle_sha256] += each.rows * each.decides
    return +rows


def decided(settings: Settings) -> Counter[str]:
    """Reconcile all topics, and return the number of transactions that each bundle decided."""
    return Counter(decision.bundle_sha256 for decision in reconcile(settings).decisions.values())


def test_a_killed_worker_loses_the_last_second(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """After the restart no row is counted twice, and only rows from the last second before the kill are missing."""
    settings = ready(kafka_batch_max=200)
    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings, rate=500) as feeder:
        worker = start_worker(settings)
        monitor.wait(2_500)
        until(lambda: bool(read_counts(settings)))
        worker.kill()
        before = read_counts(settings)
        settled = monitor.settled
        worker.start()
        monitor.wait(settled + 1_000)
        feeder.stop()
        monitor.wait(feeder.sent)
        assert worker.stop() == 0
    decisions = reconcile(settings).decisions.values()
    counts = read_counts(settings)
    lost = len(decisions) - sum(champion_rows(counts).values())
    last_ms = max(each.written_at_ms for each in before)
    restarted_ms = min(each.written_at_ms for each in counts if each.instance != before[0].instance)
    since = sum(last_ms <= decision.scored_at_ms for decision in decisions if decision.scored_at_ms < restarted_ms)
    assert 0 <= lost <= since + 3 * settings.kafka.batch_max


def test_aborted_batches_and_a_clean_stop_lose_nothing(ready: Callable[..., Settings]) -> None:
    """Each decision is counted once, although every third commit, with or without counts, is rejected."""
    settings = ready(kafka_batch_max=250, drift_interval_s=0.01)
    send(settings, 10_000)

    def fail_often(number: int) -> None:
        if number % 3 == 2:
            raise BatchRefusedError("injected failure")

    def steps(program: WorkerProgram) -> int:
        monitor.wait(10_000, 60)
        return len(refusals(program))

    with DecisionMonitor(settings) as monitor:
        refused = run_in_process(lambda: hooked_worker(settings, fail_often), steps)
    assert refused > 5
    assert champion_rows(read_counts(settings)) == decided(settings)


def test_a_rebalance_and_a_new_champion(make_settings: Callable[..., Settings], start_worker: StartWorker) -> None:
    """When partitions move and roles change, every decision is counted once, for the champion that made it."""
    settings = make_settings(drift_interval_s=0.2)
    create_topics(settings.kafka, settings.topic)
    store = Path(settings.bundle.store)
    old, new = put_bundle(store, "1", reference=True), put_bundle(store, "2", bias=-3.0)
    publish_roles(settings.kafka, settings.topic, champion=old, challengers=(Challenger(new),), author="test")
    second = settings.replace(kafka_slot=f"{settings.kafka.slot}-b", web_port=free_port())
    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings, rate=500) as feeder:
        first_worker = start_worker(settings)
        monitor.wait(800)
        other_worker = start_worker(second)
        other_worker.wait_ready()
        publish_roles(settings.kafka, settings.topic, champion=new, challengers=(Challenger(old),), author="test")
        until(lambda: metrics(settings)["role_epoch"] == metrics(second)["role_epoch"] == 2)
        monitor.wait(monitor.settled + 800)
        assert first_worker.stop() == 0
        monitor.wait(monitor.settled + 800)
        feeder.stop()
        monitor.wait(feeder.sent)
    until(
        lambda: sum(champion_rows(read_counts(settings)).values()) == feeder.sent
    )  # the timer publishes the rest without a batch
    assert other_worker.stop() == 0
    counts = read_counts(settings)
    assert champion_rows(counts) == decided(settings)
    assert set(champion_rows(counts)) == {old.sha256, new.sha256}
    assert sum(each.rows for each in counts) == 2 * feeder.sent


@pytest.mark.slow
def test_at_least_once_delivery_counts_every_decision(
    ready: Callable[..., Settings], start_worker: StartWorker
) -> None:
    """Without a crash, each decision is counted once."""
    settings = ready(worker_delivery="at_least_once", drift_interval_s=0.2)
    send(settings, 3_000)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(3_000)
        assert worker.stop() == 0
    assert champion_rows(read_counts(settings)) == decided(settings)
