"""Pauses in the stream while one worker of two restarts: a planned restart, and a worker that is killed.

`python -m benchmarks.restart` sends transactions at a steady rate. A transaction that is sent at the start of a pause
waits until its end, so the longest time from sending to the committed decision shows the longest pause.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.pipeline.latency import STALL_S
from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from benchmarks.pipeline.prepare import prepare_inputs
from benchmarks.pipeline.programs import ROOT, STOP_S
from benchmarks.pipeline.reader import DecisionReader
from benchmarks.pipeline.trial_broker import TrialBroker
from schemas.errors import FraudError
from stream.kafka.load_generator import send_transactions
from stream.local.broker import LocalBroker
from stream.local.program_process import ProgramProcess, stream_program
from stream.runtime.ports import free_port
from training.machine import Machine, describe_machine

#: Transactions sent per second, and number of restarts of each kind.
RATE, ROUNDS = 500, 5
#: Seconds of traffic before a worker stops, between its end and its start, and after it is ready again.
STEADY_S, AWAY_S, AFTER_S = 4.0, 3.0, 4.0
#: Seconds that a restart may take in all, from which the number of transactions follows.
ROUND_S = 25.0


class Pauses(Struct, frozen=True):
    """Longest time from sending a transaction to its committed decision, in seconds: the worst round and the median."""

    #: In the seconds before a worker stops.
    steady: float
    #: From the signal to the worker until it is started again.
    leaving_max: float
    leaving_median: float
    #: From the worker's start until some seconds after it is ready.
    joining_max: float
    joining_median: float


class RestartBenchmark(Struct, frozen=True):
    """Pauses in planned restarts and after kills, and the machine on which they were measured."""

    machine: Machine
    rounds: int
    planned: Pauses
    killed: Pauses


class _Round(Struct, frozen=True):
    """Moments of a restart, in `time.monotonic_ns()`."""

    signal_ns: int
    start_ns: int
    end_ns: int


def main() -> None:
    """Measure the pauses and print them as one JSON object."""
    machine = describe_machine(("confluent-kafka", "onnxruntime"))
    with tempfile.TemporaryDirectory(prefix="fraud-restart-") as directory, ExitStack() as opened:
        scratch = Path(directory)
        status = opened.enter_context(Console(stderr=True).status("preparing"))
        inputs = prepare_inputs(ROOT / "var", scratch, status.update)
        broker = opened.enter_context(LocalBroker(on_step=status.update))
        settings = TrialBroker(broker.bootstrap, inputs).prepare()
        workers = [
            opened.enter_context(
                stream_program(
                    "worker",
                    settings.replace(kafka_slot=slot, web_port=free_port()),
                    scratch / f"worker-{slot}.log",
                    stop_s=STOP_S,
                )
            )
            for slot in "ab"
        ]
        for worker in workers:
            worker.wait_ready()
        messages = NumberedTransactions(inputs.transactions, round(RATE * ROUND_S * ROUNDS * 2))
        reader = opened.enter_context(DecisionReader(settings, len(messages)))
        restarts = _Restarts(workers[1], status.update)
        restarts.start()
        sent_ns = send_transactions(settings.kafka, settings.topic.transactions, messages, RATE)
        restarts.join()
        if not reader.wait_for_all(STALL_S) or (reader.decision_counts != 1).any():
            raise FraudError("a transaction was not decided exactly once")
    waits_s = (reader.arrived_ns - sent_ns) / 1e9
    benchmark = RestartBenchmark(
        machine,
        ROUNDS,
        _pauses(restarts.planned, sent_ns, waits_s),
        _pauses(restarts.killed, sent_ns, waits_s),
    )
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(benchmark), indent=1).decode() + "\n")


class _Restarts(threading.Thread):
    """Restarts a worker again and again while transactions arrive."""

    def __init__(self, worker: ProgramProcess, on_step: Callable[[str], object]) -> None:
        super().__init__(name="restarts", daemon=True)
        self._worker = worker
        self._on_step = on_step
        self._failure: BaseException | None = None
        self.planned: list[_Round] = []
        self.killed: list[_Round] = []

    def run(self) -> None:
        """Restart the worker as often as the benchmark needs, alternating between the two kinds."""
        try:
            for number in range(ROUNDS):
                self._on_step(f"restart {number + 1} of {ROUNDS}")
                self.planned.append(self._restart(self._worker.stop))
                self.killed.append(self._restart(self._worker.kill))
        except BaseException as error:  # noqa: BLE001 - raised again by `join`
            self._failure = error

    def join(self, timeout: float | None = None) -> None:
        """Wait for the last restart, and raise the error that ended the restarts."""
        super().join(timeout)
        if self._failure is not None:
            raise self._failure

    def _restart(self, end: Callable[[], int]) -> _Round:
        time.sleep(STEADY_S)
        signal_ns = time.monotonic_ns()
        end()
        time.sleep(AWAY_S)
        start_ns = time.monotonic_ns()
        self._worker.start()
        self._worker.wait_ready()
        time.sleep(AFTER_S)
        return _Round(signal_ns, start_ns, time.monotonic_ns())


def _pauses(rounds: list[_Round], sent_ns: NDArray[np.int64], waits_s: NDArray[np.float64]) -> Pauses:
    def longest(begin_ns: int, end_ns: int) -> float:
        return float(waits_s[(sent_ns >= begin_ns) & (sent_ns < end_ns)].max())

    steady = [longest(each.signal_ns - round(STEADY_S / 2 * 1e9), each.signal_ns) for each in rounds]
    leaving = [longest(each.signal_ns, each.start_ns) for each in rounds]
    joining = [longest(each.start_ns, each.end_ns) for each in rounds]
    return Pauses(
        steady=round(max(steady), 2),
        leaving_max=round(max(leaving), 2),
        leaving_median=round(float(np.median(leaving)), 2),
        joining_max=round(max(joining), 2),
        joining_median=round(float(np.median(joining)), 2),
    )


if __name__ == "__main__":
    main()
