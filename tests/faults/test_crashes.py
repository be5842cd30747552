"""Workers that are killed, frozen, started twice, or join and leave."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.decision_monitor import RECOVERY_S, DecisionMonitor
from tests.support.reconciliation import reconcile
from tests.support.traffic import TransactionFeeder, send
from tests.support.worker_process import WorkerProcess

StartWorker = Callable[[Settings], WorkerProcess]


@pytest.mark.parametrize("count", [30_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_three_sigkills(ready: Callable[..., Settings], start_worker: StartWorker, count: int) -> None:
    """A worker that is killed and restarted three times under load decides every transaction exactly once.

    With small batches the worker runs long enough to be killed between reading and committing.
    """
    settings = ready(kafka_batch_max=count // 200)
    send(settings, count)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        for kill in range(1, 4):
            monitor.wait(count * kill // 5)
            worker.kill()
            assert monitor.settled < count, "the kill came too late for this test"
            killed = time.monotonic()
            worker.start()
            monitor.assert_resumes(killed + 0.5)
        monitor.wait(count)
        assert worker.stop() == 0
    assert len(reconcile(settings).decisions) == count


@pytest.mark.slow
def test_sigkill_at_least_once(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """At-least-once delivery loses nothing after a SIGKILL, but may repeat decisions."""
    settings = ready(worker_delivery="at_least_once", kafka_batch_max=100)
    send(settings, 20_000)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(4_000)
        worker.kill()
        killed = time.monotonic()
        assert monitor.settled < 20_000, "the kill came too late for this test"
        worker.start()
        monitor.assert_resumes(killed + 0.5)
        monitor.wait(20_000)
        assert worker.stop() == 0
    reconcile(settings, repeats_allowed=True)


def test_a_second_worker_joins_and_leaves(
    ready: Callable[..., Settings], make_settings: Callable[..., Settings], start_worker: StartWorker
) -> None:
    """Partitions move to a second worker and back under load, and no transaction is decided by both."""
    settings = ready()
    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings, rate=2_000) as feeder:
        first = start_worker(settings)
        first.wait_ready()
        monitor.wait(1_000)
        second = start_worker(make_settings())
        second.wait_ready()
        joined = time.monotonic()
        monitor.assert_resumes(joined)
        time.sleep(1)
        assert second.stop() == 0
        monitor.assert_resumes(time.monotonic())
        time.sleep(1)
        feeder.stop()
        monitor.wait(feeder.sent)
        assert first.stop() == 0
    assert len(reconcile(settings).decisions) == feeder.sent


@pytest.mark.parametrize("frozen_s", [8.0, pytest.param(30.0, marks=pytest.mark.slow)])
def test_a_frozen_worker(
    ready: Callable[..., Settings], make_settings: Callable[..., Settings], start_worker: StartWorker, frozen_s: float
) -> None:
    """A worker suspended for longer than its session loses its partitions to a second worker, and rejoins afterwards.

    Its batches in flight are rejected, and its watchdog does not mistake a pause, however long, for being stuck.
    """
    settings = ready()
    assert frozen_s > settings.kafka.session_timeout_ms / 1000
    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings, rate=1_000) as feeder:
        frozen, other = start_worker(settings), start_worker(make_settings())
        frozen.wait_ready()
        other.wait_ready()
        monitor.wait(1_000)
        frozen.freeze()
        time.sleep(frozen_s)
        frozen.thaw()
        monitor.assert_resumes(time.monotonic())
        frozen.wait_ready(RECOVERY_S)
        assert other.stop() == 0
        monitor.assert_resumes(time.monotonic())
        feeder.stop()
        monitor.wait(feeder.sent)
        assert frozen.stop() == 0
    assert len(reconcile(settings).decisions) == feeder.sent


def test_two_workers_with_one_slot(ready: Callable[..., Settings], start_worker: StartWorker, tmp_path: Path) -> None:
    """Of two workers with one slot, the older exits with a one-line error that names it; nothing is decided twice."""
    settings = ready()
    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings, rate=1_000) as feeder:
        older = start_worker(settings)
        older.wait_ready()
        (tmp_path / "younger").mkdir()
        with WorkerProcess(settings.replace(web_port=free_port()), tmp_path / "younger") as younger:
            younger.wait_ready()
            deadline = time.monotonic() + RECOVERY_S
            while older.returncode is None:
                assert time.monotonic() < deadline, "the older worker still runs"
                time.sleep(0.05)
            monitor.assert_resumes(time.monotonic())
            feeder.stop()
            monitor.wait(feeder.sent)
            assert younger.stop() == 0
    assert older.returncode == 1
    assert "give each worker its own FRAUD_KAFKA_SLOT" in older.last_lines().splitlines()[-1]
    assert "Traceback" not in older.last_lines()
    assert len(reconcile(settings).decisions) == feeder.sent
