"""Automatic rollback on a real Kafka: one of two workers is elected and rolls a bad promotion back, exactly once."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from schemas.messages import BundleRef, Challenger, ModelUpdate, RoleCounts
from stream.control.role_changes import combine_changes
from stream.control.role_reader import all_roles
from stream.control.role_writer import change_roles, publish_roles
from stream.evaluation.promotion_monitor import AUTHOR
from stream.kafka.topics import create_topics
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.bundles import NUMERIC, put_bundle
from tests.support.decision_monitor import DecisionMonitor
from tests.support.reconciliation import reconcile
from tests.support.topics import read_all
from tests.support.traffic import TransactionFeeder, transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_state import metrics

#: Maximum seconds from the violation of a bound to the first decision by the restored champion.
ROLLBACK_S = 10.0
RATE = 2_000
#: Number of transactions in a reference period: twelve blocks, of which eight are required.
PERIOD = 12_000

Workers = tuple[WorkerProcess, WorkerProcess]


def traffic(**shift: float) -> Callable[[int], bytes]:
    """Return a function that makes the usual transactions, with V4 = 0 and the given shifts added to features."""

    def make(number: int) -> bytes:
        features = msgspec.json.decode(transaction(number))["features"] | {"V4": 0.0}
        return transaction(number, features={name: value + shift.get(name, 0) for name, value in features.items()})

    return make


@pytest.fixture
def monitored(make_settings: Callable[..., Settings]) -> Settings:
    """Settings with which a few seconds of traffic are enough for a reference period."""
    settings = make_settings(rollback_interval_s=0.1, rollback_min_blocks=8, rollback_monitored_blocks=64)
    create_topics(settings.kafka, settings.topic)
    return settings


def start_two(settings: Settings, start_worker: Callable[[Settings], WorkerProcess]) -> Workers:
    """Start two workers and wait until both are ready."""
    second = settings.replace(kafka_slot=f"{settings.kafka.slot}-b", web_port=free_port())
    workers = start_worker(settings), start_worker(second)
    for worker in workers:
        worker.wait_ready()
    return workers


def promote(settings: Settings, champion: BundleRef) -> ModelUpdate:
    """Promote another bundle to champion."""
    return change_roles(settings.kafka, settings.topic, combine_changes([], champion), author="test")


def rollbacks(settings: Settings) -> list[ModelUpdate]:
    """Return the role changes that the rollback monitor wrote."""
    return [update for update in all_roles(settings.kafka, settings.topic) if update.author == AUTHOR]


def measure(worker: WorkerProcess, name: str) -> float:
    """Return the value of a metric of a worker."""
    return metrics(worker.settings)[name]


def elected_first(workers: Workers) -> Workers:
    """Return the workers, with the elected rollback monitor first."""
    until(lambda: sum(measure(worker, "rollback_monitor_elected") for worker in workers) == 1)
    one, other = workers
    return (one, other) if measure(one, "rollback_monitor_elected") else (other, one)


def await_rollback(settings: Settings, workers: Sequence[WorkerProcess], within: float = ROLLBACK_S) -> ModelUpdate:
    """Wait until the rollback monitor has written a role change and every running worker has applied it."""
    began = time.monotonic()
    until(lambda: bool(rollbacks(settings)), within)
    (written,) = rollbacks(settings)
    running = [worker for worker in workers if worker.returncode is None]
    until(
        lambda: all(measure(worker, "role_epoch") == written.epoch for worker in running),
        within - (time.monotonic() - began),
    )
    return written


def total_counted(settings: Settings) -> int:
    """Return the number of transactions that all workers counted for the champion at the time."""
    messages = read_all(settings.kafka.bootstrap, settings.topic.role_counts)
    counts = [msgspec.json.decode(message.value() or b"", type=RoleCounts) for message in messages]
    return sum(model.transactions for each in counts for model in each.players if model.decides)


def test_a_promotion_that_breaks_is_rolled_back_once(
    monitored: Settings, start_worker: Callable[[Settings], WorkerProcess]
) -> None:
    """A promoted model remains champion while healthy; when its feature shifts, the previous champion is restored.

    Only the challenger uses V4.
    """
    store = Path(monitored.bundle.store)
    old, new = put_bundle(store, "1"), put_bundle(store, "2", numeric=(*NUMERIC, "V4"))
    publish_roles(monitored.kafka, monitored.topic, champion=old, challengers=(Challenger(new),), author="test")
    workers = start_two(monitored, start_worker)
    with DecisionMonitor(monitored) as monitor, TransactionFeeder(monitored, RATE, make=traffic()) as feeder:
        monitor.wait(PERIOD)
        promoted = promote(monitored, new)
        monitor.wait(2 * PERIOD)
        assert not rollbacks(monitored), "a healthy promotion was rolled back"
        feeder.make = traffic(V4=20)
        broke_ms = time.time() * 1000
        restored = await_rollback(monitored, workers)
        monitor.wait(monitor.settled + PERIOD)
        feeder.stop()
        monitor.wait(feeder.sent)
    assert (restored.epoch, restored.champion, restored.previous) == (promoted.epoch + 1, old, new)
    assert restored.challengers == ()
    assert "bounds from the champion's own" in restored.note
    assert rollbacks(monitored) == [restored]
    decisions = reconcile(monitored).decisions.values()
    again = [decision for decision in decisions if decision.role_epoch == restored.epoch]
    assert {decision.bundle_sha256 for decision in again} == {old.sha256}
    assert len(again) >= PERIOD // 2
    assert min(decision.scored_at_ms for decision in again) - broke_ms <= 1000 * ROLLBACK_S
    assert sum(measure(worker, "rollbacks_total") for worker in workers) == 1
    for worker in workers:
        assert worker.stop() == 0
    assert total_counted(monitored) == feeder.sent


def test_if_the_restored_champion_breaks_too_an_operator_is_paged(
    monitored: Settings, start_worker: Callable[[Settings], WorkerProcess]
) -> None:
    """Without a shadow period the previous champion's bounds apply.

    When the restored champion breaks too, an operator is paged and the roles do not change.
    """
    store = Path(monitored.bundle.store)
    old, new = put_bundle(store, "1"), put_bundle(store, "2", bias=10.0)
    publish_roles(monitored.kafka, monitored.topic, champion=old, author="test")
    workers = start_two(monitored, start_worker)
    with DecisionMonitor(monitored) as monitor, TransactionFeeder(monitored, RATE, make=traffic()) as feeder:
        monitor.wait(PERIOD)
        promote(monitored, new)
        restored = await_rollback(monitored, workers)
        assert "of the previous champion" in restored.note
        monitor.wait(monitor.settled + PERIOD // 2)
        feeder.make = traffic(V1=20)
        until(lambda: sum(measure(worker, "rollback_monitor_paged") for worker in workers) == 1)
        monitor.wait(monitor.settled + PERIOD // 2)
        feeder.stop()
        monitor.wait(feeder.sent)
    assert all_roles(monitored.kafka, monitored.topic)[-1] == restored
    output = "".join(worker.last_lines() for worker in workers)
    assert output.count("there is no previous champion to restore") == 1
    reconcile(monitored)


@pytest.mark.slow
def test_another_worker_takes_over_from_a_killed_monitor(
    monitored: Settings, start_worker: Callable[[Settings], WorkerProcess]
) -> None:
    """If a monitor is killed just before a bad promotion, its successor reads the counts and rolls back."""
    store = Path(monitored.bundle.store)
    old, new = put_bundle(store, "1"), put_bundle(store, "2", bias=10.0)
    publish_roles(monitored.kafka, monitored.topic, champion=old, author="test")
    workers = start_two(monitored, start_worker)
    with DecisionMonitor(monitored) as monitor, TransactionFeeder(monitored, RATE, make=traffic()) as feeder:
        monitor.wait(PERIOD)
        elected, successor = elected_first(workers)
        elected.kill()
        promote(monitored, new)
        restored = await_rollback(monitored, workers, 3 * ROLLBACK_S)
        feeder.stop()
        monitor.wait(feeder.sent)
    assert restored.champion == old
    assert measure(successor, "rollback_monitor_elected") == 1
    assert total_counted(monitored) <= feeder.sent
    reconcile(monitored)


@pytest.mark.slow
def test_a_monitor_that_resumes_late_writes_nothing(
    monitored: Settings, start_worker: Callable[[Settings], WorkerProcess]
) -> None:
    """A monitor frozen during a bad promotion believes that it is still elected, but cannot write a second rollback."""
    store = Path(monitored.bundle.store)
    old, new = put_bundle(store, "1"), put_bundle(store, "2", bias=10.0)
    publish_roles(monitored.kafka, monitored.topic, champion=old, author="test")
    workers = start_two(monitored, start_worker)
    with DecisionMonitor(monitored) as monitor, TransactionFeeder(monitored, RATE, make=traffic()) as feeder:
        monitor.wait(PERIOD)
        elected, successor = elected_first(workers)
        promote(monitored, new)
        elected.freeze()
        restored = await_rollback(monitored, (successor,), 3 * ROLLBACK_S)
        elected.thaw()
        monitor.wait(monitor.settled + PERIOD // 2)
        feeder.stop()
        monitor.wait(feeder.sent)
    assert rollbacks(monitored) == [restored]
    assert measure(successor, "rollback_monitor_elected") == 1
    until(lambda: measure(elected, "rollback_monitor_elected") == 0)
    reconcile(monitored)
