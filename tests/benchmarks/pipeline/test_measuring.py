"""The load generator keeps its schedule, and the reader counts every decision."""

import time
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.pipeline.latency import summarize
from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from benchmarks.pipeline.programs import Program
from benchmarks.pipeline.reader import DecisionReader
from benchmarks.pipeline.throughput import program_order
from schemas.messages import FeatureValue, Transaction
from stream.kafka.load_generator import SLICE_S, send_transactions
from stream.settings import Settings

ROW = Transaction[dict[str, FeatureValue]](
    transaction_id="original", card_id="c", event_time_ms=1, amount_minor=2, currency="EUR", features={"V1": 0.5}
)


def test_transactions_are_numbered() -> None:
    """A numbered transaction differs from its row only in the transaction_id, and a slice keeps the numbers."""
    messages = NumberedTransactions([ROW], 10)
    assert len(messages.part(4, 10)) == 6
    key, value = messages.part(4, 10)[1]
    decoded = msgspec.json.decode(value, type=Transaction[dict[str, FeatureValue]])
    assert key == "c"
    assert decoded == msgspec.structs.replace(ROW, transaction_id="5")
    assert [m[1] for m in messages] == [m[1] for m in messages[:]]


def test_send_times_follow_the_schedule(settings: Settings) -> None:
    """At a steady rate, bursts are due at even intervals, even if the generator is delayed."""
    began = time.monotonic_ns()
    sent = send_transactions(
        settings.kafka,
        settings.topic.transactions,
        NumberedTransactions([ROW], 200),
        rate=2000.0,
        on_sent=lambda n: time.sleep(0.05 if n == 50 else 0),
    )
    assert sent[0] >= began
    bursts = np.unique(sent)
    assert len(bursts) == 200 / (2000 * SLICE_S)
    assert np.allclose(np.diff(bursts), SLICE_S * 1e9, atol=1)


def test_a_reader_counts_decisions_and_repeats(settings: Settings) -> None:
    """The first decision sets the arrival time, a repeat raises the count, and a missing decision causes a timeout."""
    decisions = settings.replace(topic_transactions=settings.topic.decisions)
    with DecisionReader(settings, 4, keep_values=True) as reader:
        send_transactions(decisions.kafka, decisions.topic.transactions, NumberedTransactions([ROW], 3))
        assert reader.wait_for(3, 10)
        first = reader.arrived_ns.copy()
        send_transactions(decisions.kafka, decisions.topic.transactions, NumberedTransactions([ROW], 1))
        assert not reader.wait_for_all(1.0)
    assert reader.decision_counts.tolist() == [2, 1, 1, 0]
    assert (reader.arrived_ns == first).all()
    assert reader.settled == 3
    assert reader.values[3] is None


def test_percentiles_are_in_milliseconds() -> None:
    """Latencies in nanoseconds become percentiles in milliseconds."""
    latency = summarize(np.arange(1, 1001) * 1_000_000)
    assert (latency.p50, latency.max) == (500.5, 1000.0)
    assert 990 <= latency.p99 <= latency.p99_9 <= latency.max


def test_programs_take_turns() -> None:
    """Every run measures all programs, and no program comes first in every run."""
    programs = [Program(name, Path(), lambda _, __: [], (0,)) for name in "abc"]
    orders = ["".join(program.name for program in program_order(run, programs)) for run in range(5)]
    assert orders == ["abc", "cba", "bca", "acb", "cab"]
