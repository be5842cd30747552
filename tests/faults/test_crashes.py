"""Processes that die, freeze, come twice, or come and go."""

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
    """A worker killed three times in mid-stream and restarted each time decides every transaction exactly once.

    Small batches keep it at work for long enough to be hit between reading and committing.
    """
    settings = ready(kafka_batch_max=count // 200)
    send(settings, count)
    with DecisionMonitor(settings) as watch:
        worker = start_worker(settings)
        for kill in range(1, 4):
            watch.wait(count * kill // 5)
            worker.kill()
            assert watch.settled < count, "the kill came too late to prove anything"
            killed = time.monotonic()
            worker.start()
            watch.assert_resumes(killed + 0.5)
        watch.wait(count)
        assert worker.stop() == 0
    assert len(reconcile(settings).decisions) == count


@pytest.mark.slow
def test_sigkill_at_least_once(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """Delivery at least once loses nothing over a SIGKILL; it may repeat."""
    settings = ready(worker_delivery="at_least_once", kafka_batch_max=100)
    send(settings, 20_000)
    with DecisionMonitor(settings) as watch:
        worker = start_worker(settings)
        watch.wait(4_000)
        worker.kill()
        killed = time.monotonic()
        assert watch.settled < 20_000, "the kill came too late to prove anything"
        worker.start()
        watch.assert_resumes(killed + 0.5)
        watch.wait(20_000)
        assert worker.stop() == 0
    reconcile(settings, repeats_allowed=True)


def test_a_second_worker_joins_and_leaves(
    ready: Callable[..., Settings], make_settings: Callable[..., Settings], start_worker: StartWorker
) -> None:
    """Partitions move to a second worker and back under load, and no transaction is decided by both."""
    settings = ready()
    with DecisionMonitor(settings) as watch, TransactionFeeder(settings, rate=2_000) as feeder:
        first = start_worker(settings)
        first.wait_ready()
        watch.wait(1_000)
        second = start_worker(make_settings())
        second.wait_ready()
        joined = time.monotonic()
        watch.assert_resumes(joined)
        time.sleep(1)
        assert second.stop() == 0
        watch.assert_resumes(time.monotonic())
        time.sleep(1)
        feeder.stop()
        watch.wait(feeder.sent)
        assert first.stop() == 0
    assert len(reconcile(settings).decisions) == feeder.sent


def test_a_frozen_worker(
    ready: Callable[..., Settings], make_settings: Callable[..., Settings], start_worker: StartWorker
) -> None:
    """A worker stopped for 30 s loses its partitions to a second one, and joins again when it wakes.

    What it had in hand when it froze is refused, and its own watchdog does not take the pause for a fault.
    """
    settings = ready()
    with DecisionMonitor(settings) as watch, TransactionFeeder(settings, rate=1_000) as feeder:
        frozen, other = start_worker(settings), start_worker(make_settings())
        frozen.wait_ready()
        other.wait_ready()
        watch.wait(1_000)
        frozen.freeze()
        time.sleep(30)
        frozen.thaw()
        watch.assert_resumes(time.monotonic())
        frozen.wait_ready(RECOVERY_S)
        assert other.stop() == 0
        watch.assert_resumes(time.monotonic())
        feeder.stop()
        watch.wait(feeder.sent)
        assert frozen.stop() == 0
    assert len(reconcile(settings).decisions) == feeder.sent


def test_a_living_twin(ready: Callable[..., Settings], start_worker: StartWorker, tmp_path: Path) -> None:
    """Of two workers with one slot the older ends with one line that says so; nothing is decided twice."""
    settings = ready()
    with DecisionMonitor(settings) as watch, TransactionFeeder(settings, rate=1_000) as feeder:
        older = start_worker(settings)
        older.wait_ready()
        (tmp_path / "twin").mkdir()
        with WorkerProcess(settings.replace(web_port=free_port()), tmp_path / "twin") as younger:
            younger.wait_ready()
            deadline = time.monotonic() + RECOVERY_S
            while older.returncode is None:
                assert time.monotonic() < deadline, "the older twin still runs"
                time.sleep(0.05)
            watch.assert_resumes(time.monotonic())
            feeder.stop()
            watch.wait(feeder.sent)
            assert younger.stop() == 0
    assert older.returncode == 1
    assert "give each worker its own FRAUD_KAFKA_SLOT" in older.last_lines().splitlines()[-1]
    assert "Traceback" not in older.last_lines()
    assert len(reconcile(settings).decisions) == feeder.sent
