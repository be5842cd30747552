"""Drift's counts beside the decisions, on a real Kafka: never one too many, and what a killed worker takes along."""

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


def counts(settings: Settings) -> list[DriftCounts]:
    """Return what is committed on drift-counts, and check that no message is there twice."""
    messages = read_all(settings.kafka.bootstrap, settings.topic.drift_counts)
    found = [msgspec.json.decode(message.value() or b"", type=DriftCounts) for message in messages]
    repeated = Counter((each.instance, each.sequence) for each in found).most_common(1)
    assert not repeated or repeated[0][1] == 1, f"counted twice: {repeated[0][0]}"
    return found


def champions_rows(found: list[DriftCounts]) -> Counter[str]:
    """Return by bundle how many rows were counted while it decided."""
    rows: Counter[str] = Counter()
    for each in found:
        assert sum(each.scores) == each.rows
        assert {sum(feature) for feature in each.features.values()} == {each.rows}
        rows[each.bundle_sha256] += each.rows * each.decides
    return +rows


def decided(settings: Settings) -> Counter[str]:
    """Return by bundle how many transactions it decided; the whole reckoning holds as well."""
    return Counter(decision.bundle_sha256 for decision in reconcile(settings).decisions.values())


def test_a_killed_worker_takes_the_last_second_along(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """No row is counted twice, and after the restart none is missing but those of that second."""
    settings = ready(kafka_batch_max=200)
    with DecisionMonitor(settings) as watch, TransactionFeeder(settings, rate=500) as feeder:
        worker = start_worker(settings)
        watch.wait(2_500)
        until(lambda: bool(counts(settings)))
        worker.kill()
        before = counts(settings)
        settled = watch.settled
        worker.start()
        watch.wait(settled + 1_000)
        feeder.stop()
        watch.wait(feeder.sent)
        assert worker.stop() == 0
    decisions = reconcile(settings).decisions.values()
    found = counts(settings)
    lost = len(decisions) - sum(champions_rows(found).values())
    last_ms = max(each.written_at_ms for each in before)
    restarted_ms = min(each.written_at_ms for each in found if each.instance != before[0].instance)
    since = sum(last_ms <= decision.scored_at_ms for decision in decisions if decision.scored_at_ms < restarted_ms)
    assert 0 <= lost <= since + 3 * settings.kafka.batch_max


def test_aborted_batches_and_a_clean_stop_lose_nothing(ready: Callable[..., Settings]) -> None:
    """Every third commit is refused, with and without counts on board."""
    settings = ready(kafka_batch_max=250, drift_interval_s=0.01)
    send(settings, 10_000)

    def fail_often(number: int) -> None:
        if number % 3 == 2:
            raise BatchRefusedError("made to fail")

    def steps(program: WorkerProgram) -> int:
        watch.wait(10_000, 60)
        return len(refusals(program))

    with DecisionMonitor(settings) as watch:
        refused = run_in_process(lambda: hooked_worker(settings, fail_often), steps)
    assert refused > 5
    assert champions_rows(counts(settings)) == decided(settings)


def test_two_workers_a_rebalance_and_another_champion(
    make_settings: Callable[..., Settings], start_worker: StartWorker
) -> None:
    """Partitions move and roles change, and every decision is counted once for the champion that made it."""
    settings = make_settings(drift_interval_s=0.2)
    create_topics(settings.kafka, settings.topic)
    store = Path(settings.bundle.store)
    old, new = put_bundle(store, "1", reference=True), put_bundle(store, "2", bias=-3.0)
    publish_roles(settings, champion=old, challengers=(Challenger(new),), author="test")
    second = settings.replace(kafka_slot=f"{settings.kafka.slot}-b", web_port=free_port())
    with DecisionMonitor(settings) as watch, TransactionFeeder(settings, rate=500) as feeder:
        first_worker = start_worker(settings)
        watch.wait(800)
        other_worker = start_worker(second)
        other_worker.wait_ready()
        publish_roles(settings, champion=new, challengers=(Challenger(old),), author="test")
        until(lambda: metrics(settings)["role_epoch"] == metrics(second)["role_epoch"] == 2)
        watch.wait(watch.settled + 800)
        assert first_worker.stop() == 0
        watch.wait(watch.settled + 800)
        feeder.stop()
        watch.wait(feeder.sent)
    until(lambda: sum(champions_rows(counts(settings)).values()) == feeder.sent)  # no batch comes to take them along
    assert other_worker.stop() == 0
    found = counts(settings)
    assert champions_rows(found) == decided(settings)
    assert set(champions_rows(found)) == {old.sha256, new.sha256}
    assert sum(each.rows for each in found) == 2 * feeder.sent


@pytest.mark.slow
def test_at_least_once_counts_as_often_as_it_decides(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """Without a crash each once."""
    settings = ready(worker_delivery="at_least_once", drift_interval_s=0.2)
    send(settings, 3_000)
    with DecisionMonitor(settings) as watch:
        worker = start_worker(settings)
        watch.wait(3_000)
        assert worker.stop() == 0
    assert champions_rows(counts(settings)) == decided(settings)
