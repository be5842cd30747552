"""Automatic rollback on a real Kafka: one guard of two workers takes a promotion back, once, and knows when not to."""

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

#: Seconds from the crossing to the previous champion's decisions, at most.
ROLLBACK_S = 10.0
RATE = 2_000
#: Transactions of a reference period: twelve blocks, of the eight that are asked for.
PERIOD = 12_000

Workers = tuple[WorkerProcess, WorkerProcess]


def traffic(**shift: float) -> Callable[[int], bytes]:
    """Return what makes the usual transactions, with a V4 of 0, and some features shifted."""

    def make(number: int) -> bytes:
        features = msgspec.json.decode(transaction(number))["features"] | {"V4": 0.0}
        return transaction(number, features={name: value + shift.get(name, 0) for name, value in features.items()})

    return make


@pytest.fixture
def guarded(make_settings: Callable[..., Settings]) -> Settings:
    """Settings under which a few seconds of traffic make a reference period."""
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
    """Let another champion decide."""
    return change_roles(settings, combine_changes([], champion), author="test")


def rollbacks(settings: Settings) -> list[ModelUpdate]:
    """Return what the guard wrote."""
    return [update for update in all_roles(settings) if update.author == AUTHOR]


def measure(worker: WorkerProcess, name: str) -> float:
    """Return one of a worker's metrics."""
    return metrics(worker.settings)[name]


def elected_first(workers: Workers) -> Workers:
    """Return the workers, the one that guards first."""
    until(lambda: sum(measure(worker, "rollback_monitor_elected") for worker in workers) == 1)
    one, other = workers
    return (one, other) if measure(one, "rollback_monitor_elected") else (other, one)


def await_rollback(settings: Settings, workers: Sequence[WorkerProcess], within: float = ROLLBACK_S) -> ModelUpdate:
    """Wait until the guard has written, and every living worker decides by it."""
    began = time.monotonic()
    until(lambda: bool(rollbacks(settings)), within)
    (written,) = rollbacks(settings)
    living = [worker for worker in workers if worker.returncode is None]
    until(
        lambda: all(measure(worker, "role_epoch") == written.epoch for worker in living),
        within - (time.monotonic() - began),
    )
    return written


def counted(settings: Settings) -> int:
    """Return how many transactions all workers together counted for whoever was champion."""
    messages = read_all(settings.kafka.bootstrap, settings.topic.role_counts)
    found = [msgspec.json.decode(message.value() or b"", type=RoleCounts) for message in messages]
    return sum(player.transactions for each in found for player in each.players if player.decides)


def test_a_promotion_that_breaks_is_taken_back_once(
    guarded: Settings, start_worker: Callable[[Settings], WorkerProcess]
) -> None:
    """Healthy in the shadow and at first, it stays; when its feature goes astray, the previous champion decides again.

    The challenger alone reads V4.
    """
    store = Path(guarded.bundle.store)
    old, new = put_bundle(store, "1"), put_bundle(store, "2", numeric=(*NUMERIC, "V4"))
    publish_roles(guarded, champion=old, challengers=(Challenger(new),), author="test")
    workers = start_two(guarded, start_worker)
    with DecisionMonitor(guarded) as watch, TransactionFeeder(guarded, RATE, make=traffic()) as feeder:
        watch.wait(PERIOD)
        promoted = promote(guarded, new)
        watch.wait(2 * PERIOD)
        assert not rollbacks(guarded), "a healthy promotion was taken back"
        feeder.make = traffic(V4=20)
        broke_ms = time.time() * 1000
        restored = await_rollback(guarded, workers)
        watch.wait(watch.settled + PERIOD)
        feeder.stop()
        watch.wait(feeder.sent)
    assert (restored.epoch, restored.champion, restored.previous) == (promoted.epoch + 1, old, new)
    assert restored.challengers == ()
    assert "of its own before" in restored.note
    assert rollbacks(guarded) == [restored]
    decisions = reconcile(guarded).decisions.values()
    again = [decision for decision in decisions if decision.role_epoch == restored.epoch]
    assert {decision.bundle_sha256 for decision in again} == {old.sha256}
    assert len(again) >= PERIOD // 2
    assert min(decision.scored_at_ms for decision in again) - broke_ms <= 1000 * ROLLBACK_S
    assert sum(measure(worker, "rollbacks_total") for worker in workers) == 1
    for worker in workers:
        assert worker.stop() == 0
    assert counted(guarded) == feeder.sent


def test_where_the_restored_one_breaks_too_people_are_called(
    guarded: Settings, start_worker: Callable[[Settings], WorkerProcess]
) -> None:
    """A bundle without a shadow period is judged by its predecessor's; when that one breaks too, nothing changes."""
    store = Path(guarded.bundle.store)
    old, new = put_bundle(store, "1"), put_bundle(store, "2", bias=10.0)
    publish_roles(guarded, champion=old, author="test")
    workers = start_two(guarded, start_worker)
    with DecisionMonitor(guarded) as watch, TransactionFeeder(guarded, RATE, make=traffic()) as feeder:
        watch.wait(PERIOD)
        promote(guarded, new)
        restored = await_rollback(guarded, workers)
        assert "previous champion's" in restored.note
        watch.wait(watch.settled + PERIOD // 2)
        feeder.make = traffic(V1=20)
        until(lambda: sum(measure(worker, "rollback_monitor_paged") for worker in workers) == 1)
        watch.wait(watch.settled + PERIOD // 2)
        feeder.stop()
        watch.wait(feeder.sent)
    assert all_roles(guarded)[-1] == restored
    words = "".join(worker.last_lines() for worker in workers)
    assert words.count("there is no previous champion to restore") == 1
    reconcile(guarded)


@pytest.mark.slow
def test_when_the_guard_dies_another_worker_guards(
    guarded: Settings, start_worker: Callable[[Settings], WorkerProcess]
) -> None:
    """Killed at the moment of a bad promotion, its successor reads what was counted and takes it back."""
    store = Path(guarded.bundle.store)
    old, new = put_bundle(store, "1"), put_bundle(store, "2", bias=10.0)
    publish_roles(guarded, champion=old, author="test")
    workers = start_two(guarded, start_worker)
    with DecisionMonitor(guarded) as watch, TransactionFeeder(guarded, RATE, make=traffic()) as feeder:
        watch.wait(PERIOD)
        guard, successor = elected_first(workers)
        guard.kill()
        promote(guarded, new)
        restored = await_rollback(guarded, workers, 3 * ROLLBACK_S)
        feeder.stop()
        watch.wait(feeder.sent)
    assert restored.champion == old
    assert measure(successor, "rollback_monitor_elected") == 1
    assert counted(guarded) <= feeder.sent
    reconcile(guarded)


@pytest.mark.slow
def test_a_guard_that_wakes_up_late_writes_nothing(
    guarded: Settings, start_worker: Callable[[Settings], WorkerProcess]
) -> None:
    """Frozen at the moment of a bad promotion, it believes itself elected for a while; its successor was quicker."""
    store = Path(guarded.bundle.store)
    old, new = put_bundle(store, "1"), put_bundle(store, "2", bias=10.0)
    publish_roles(guarded, champion=old, author="test")
    workers = start_two(guarded, start_worker)
    with DecisionMonitor(guarded) as watch, TransactionFeeder(guarded, RATE, make=traffic()) as feeder:
        watch.wait(PERIOD)
        guard, successor = elected_first(workers)
        promote(guarded, new)
        guard.freeze()
        restored = await_rollback(guarded, (successor,), 3 * ROLLBACK_S)
        guard.thaw()
        watch.wait(watch.settled + PERIOD // 2)
        feeder.stop()
        watch.wait(feeder.sent)
    assert rollbacks(guarded) == [restored]
    assert measure(successor, "rollback_monitor_elected") == 1
    until(lambda: measure(guard, "rollback_monitor_elected") == 0)
    reconcile(guarded)
