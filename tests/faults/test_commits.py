"""Commits that fail: after a rebalance, out of order, with a lost response, or too late."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import OFFSET_BEGINNING, Producer, TopicPartition

from schemas.errors import BatchRefusedError
from stream.app import WorkerProgram
from stream.kafka import transactional_sink
from stream.kafka.clients import producer_config
from stream.kafka.source import BatchSource
from stream.local.broker import LocalBroker
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.decision_monitor import RECOVERY_S, DecisionMonitor
from tests.support.faulty_sink import CommitBarrier, hooked_worker, refusals
from tests.support.in_process_worker import run_in_process
from tests.support.reconciliation import reconcile
from tests.support.tcp_proxy import ADD_OFFSETS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT, TcpProxy
from tests.support.topics import end_offsets, produce_all
from tests.support.traffic import send, transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_state import metrics

StartWorker = Callable[[Settings], WorkerProcess]
#: Seconds within which a broker aborts a transaction of one second; a broker in a container checks every ten seconds.
ABORT_S = 20.0


def test_a_rebalance_with_a_scored_batch_in_flight(
    ready: Callable[..., Settings], make_settings: Callable[..., Settings], start_worker: StartWorker
) -> None:
    """A scored batch whose partition moves before its commit is rejected, because the new owner has decided the batch.

    Kafka's range assignor sorts members by name, so the joining worker "a" gets the partition of worker "z".
    """
    settings = ready(kafka_slot="z", kafka_batch_max=500, kafka_watchdog_s=300)
    barrier = CommitBarrier(3)
    numbers = range(4_000)
    produce_all(
        settings.kafka.bootstrap, settings.topic.transactions, ((b"card", transaction(n)) for n in numbers), partition=0
    )

    def steps(program: WorkerProgram) -> list[str]:
        barrier.wait_reached()
        start_worker(make_settings(kafka_slot="a", kafka_batch_max=500))
        monitor.wait(4_000)  # including the batch that is held here
        barrier.release()
        until(lambda: bool(refusals(program)))
        return refusals(program)

    with DecisionMonitor(settings) as monitor:
        refused = run_in_process(lambda: hooked_worker(settings, barrier), steps)
    assert len(refused) == 1
    assert "generation" in refused[0]
    assert len(reconcile(settings).decisions) == 4_000


def test_a_failing_batch_with_others_behind_it(ready: Callable[..., Settings]) -> None:
    """If batch 3 fails while 4 and 5 are scored or queued, neither is committed before batch 3 is read again."""
    settings = ready(kafka_batch_max=500)
    send(settings, 6_000)
    programs: list[WorkerProgram] = []

    def fail_once(number: int) -> None:
        if number == 3:
            until(lambda: len(programs[0].source.in_flight) == 3)
            raise BatchRefusedError("injected failure")

    def make() -> WorkerProgram:
        programs.append(hooked_worker(settings, fail_once))
        return programs[0]

    def steps(program: WorkerProgram) -> list[str]:
        monitor.wait(6_000)
        return refusals(program)

    with DecisionMonitor(settings) as monitor:
        refused = run_in_process(make, steps)
    assert refused == ["injected failure"]
    assert len(reconcile(settings).decisions) == 6_000


def test_a_committed_offset_that_the_broker_forgets_for_a_moment(
    ready: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If reading begins again before what is committed, what is read again is refused until the offsets are right."""
    settings = ready(kafka_batch_max=500)
    send(settings, 6_000)
    rewind, forgotten = BatchSource._rewind, iter((True, True))

    def forgetful(source: BatchSource) -> dict[int, int] | None:
        if not next(forgotten, False):
            return rewind(source)
        for partition in source.assigned:
            source._consumer.seek(TopicPartition(settings.topic.transactions, partition, OFFSET_BEGINNING))
        return {}

    monkeypatch.setattr(BatchSource, "_rewind", forgetful)

    def fail_once(number: int) -> None:
        if number == 3:
            raise BatchRefusedError("injected failure")

    def steps(program: WorkerProgram) -> list[str]:
        monitor.wait(6_000)
        return refusals(program)

    with DecisionMonitor(settings) as monitor:
        refused = run_in_process(lambda: hooked_worker(settings, fail_once), steps)
    assert refused[0] == "injected failure"
    assert len(refused) == 3
    assert all("was read again" in each for each in refused[1:])
    assert len(reconcile(settings).decisions) == 6_000


def test_a_full_producer_queue(ready: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that are far larger than the producer's queue are committed completely."""
    monkeypatch.setattr(
        transactional_sink, "producer_config", lambda s: producer_config(s) | {"queue.buffering.max.messages": 100}
    )
    settings = ready(kafka_batch_max=1_000, worker_transaction_timeout_ms=60_000)
    send(settings, 3_000)
    with DecisionMonitor(settings) as monitor:
        run_in_process(lambda: WorkerProgram(settings), lambda _: monitor.wait(3_000))
    assert len(reconcile(settings).decisions) == 3_000


def test_a_transaction_that_the_broker_timed_out(
    ready: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker aborts a Kafka transaction that exceeds its timeout; the batch is read and decided again.

    The commit of the first batch is delayed until the broker has aborted, so its decisions are in no open transaction.
    """
    settings = ready(worker_transaction_timeout_ms=1_000, kafka_batch_max=500)
    send(settings, 3_000)
    held = threading.Event()

    class SlowProducer(Producer):
        """Delays the commit of its first Kafka transaction."""

        def commit_transaction(self, *args: float) -> None:
            if not held.is_set():
                held.set()
                until(self._aborted, ABORT_S)
            super().commit_transaction(*args)

        def _aborted(self) -> bool:
            ends = end_offsets(settings.kafka.bootstrap, settings.topic.decisions)
            return ends.written > 0 and ends.settled == ends.written

    monkeypatch.setattr(transactional_sink, "Producer", SlowProducer)

    def steps(program: WorkerProgram) -> None:
        assert held.wait(30)
        until(lambda: bool(program.metrics.registry.get_sample_value("transaction_aborts_total")), ABORT_S + 5)
        monitor.assert_resumes(time.monotonic())
        monitor.wait(3_000)
        assert program.metrics.registry.get_sample_value("transaction_aborts_total") == 1

    with DecisionMonitor(settings) as monitor:
        run_in_process(lambda: WorkerProgram(settings), steps)
    assert len(reconcile(settings).decisions) == 3_000


def test_a_rewind_to_the_end(ready: Callable[..., Settings]) -> None:
    """Transaction markers at the end of the topic do not count as lag, not even after a rewind to that end.

    Counting them as lag would make the watchdog end a healthy worker.
    """
    settings = ready()
    upstream = Producer(
        {"bootstrap.servers": settings.kafka.bootstrap, "transactional.id": f"{settings.kafka.group}-upstream"}
    )
    upstream.init_transactions(10)
    for block in range(20):
        upstream.begin_transaction()
        for number in range(block * 50, block * 50 + 50):
            upstream.produce(settings.topic.transactions, transaction(number), f"card-{number % 50}".encode())
        upstream.flush(10)  # aborted messages, too, are written to the topic
        if block % 2:
            upstream.abort_transaction(10)
        else:
            upstream.commit_transaction(10)

    def steps(program: WorkerProgram) -> None:
        monitor.wait(500)
        until(lambda: program.source.lag(1) == 0)
        program.source.fail()
        until(lambda: not program.source._positions)
        until(lambda: program.source.lag(1) == 0)

    with DecisionMonitor(settings) as monitor:
        run_in_process(lambda: WorkerProgram(settings), steps)
    assert len(reconcile(settings).decisions) == 500


@pytest.fixture
def proxied() -> Iterator[tuple[LocalBroker, TcpProxy]]:
    """A broker and the proxy in front of it."""
    port = free_port()
    with LocalBroker(advertised_port=port, brief=True) as broker, TcpProxy(port, broker.port) as proxy:
        yield broker, proxy


def test_commits_whose_responses_are_lost(
    ready: Callable[..., Settings], start_worker: StartWorker, proxied: tuple[LocalBroker, TcpProxy]
) -> None:
    """A commit that succeeded, but whose response was lost, is neither aborted nor repeated."""
    broker, proxy = proxied
    settings = ready(kafka_bootstrap=broker.bootstrap, kafka_batch_max=200)
    send(settings, 20_000)
    with DecisionMonitor(settings, broker.direct) as monitor:
        worker = start_worker(settings)
        for loss in range(1, 4):
            monitor.wait(loss * 4_000)
            proxy.lose_response(END_TXN)
            assert proxy.wait_lost(10), "there was no commit whose response could be lost"
            monitor.assert_resumes(time.monotonic())
        monitor.wait(20_000)
        assert metrics(settings)["transaction_aborts_total"] == 0
        assert worker.stop() == 0
    assert len(reconcile(settings, broker.direct).decisions) == 20_000


@pytest.mark.parametrize(
    ("request_kind", "timeout_ms"),
    [
        pytest.param(END_TXN, 3_000, id="the commit"),
        # The client would wait for almost as long as the transaction may take.
        pytest.param(ADD_OFFSETS_TO_TXN, 60_000, id="its offsets, by the transaction coordinator"),
        pytest.param(TXN_OFFSET_COMMIT, 60_000, id="its offsets, by the group coordinator"),
    ],
)
def test_a_commit_that_is_never_answered(
    ready: Callable[..., Settings],
    start_worker: StartWorker,
    proxied: tuple[LocalBroker, TcpProxy],
    request_kind: int,
    timeout_ms: int,
) -> None:
    """A producer that waits too long for an answer is replaced; its committed transactions remain."""
    broker, proxy = proxied
    settings = ready(kafka_bootstrap=broker.bootstrap, kafka_batch_max=200, worker_transaction_timeout_ms=timeout_ms)
    send(settings, 20_000)
    with DecisionMonitor(settings, broker.direct) as monitor:
        worker = start_worker(settings)
        monitor.wait(4_000)
        proxy.mute(request_kind)
        until(lambda: metrics(settings)["transaction_aborts_total"] > 0, ABORT_S)
        proxy.mute(None)
        monitor.assert_resumes(time.monotonic())
        monitor.wait(20_000)
        assert worker.stop() == 0
    assert len(reconcile(settings, broker.direct).decisions) == 20_000


@pytest.mark.parametrize("away_s", [5.0, pytest.param(20.0, marks=pytest.mark.slow)])
def test_a_broker_outage(
    ready: Callable[..., Settings], start_worker: StartWorker, own_broker: LocalBroker, away_s: float
) -> None:
    """The worker waits while the broker is stopped, and resumes soon after the broker's restart."""
    settings = ready(kafka_bootstrap=own_broker.bootstrap, kafka_batch_max=200)
    send(settings, 30_000)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(3_000)
        own_broker.stop()
        assert monitor.settled < 30_000, "the broker stopped too late for this test"
        time.sleep(away_s)
        own_broker.start()
        monitor.assert_resumes(time.monotonic())
        monitor.wait(30_000)
        worker.wait_ready(RECOVERY_S)
        assert worker.stop() == 0
    assert len(reconcile(settings).decisions) == 30_000
