"""The generator keeps to its schedule, and the reader counts what is there."""

import time
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.latency import summarize
from benchmarks.pipeline.programs import Program
from benchmarks.pipeline.reader import DecisionReader
from benchmarks.pipeline.throughput import order_of
from schemas.messages import FeatureValue, Transaction
from stream.kafka.load_generator import SLICE_S, send
from stream.settings import Settings

ROW = Transaction[dict[str, FeatureValue]](
    transaction_id="original", card_id="c", event_time_ms=1, amount_minor=2, currency="EUR", features={"V1": 0.5}
)


def test_a_feed_numbers_its_transactions() -> None:
    """Only the transaction_id differs from the row that is repeated, and a part keeps the whole's numbers."""
    feed = Feed([ROW], 10)
    assert len(feed.part(4, 10)) == 6
    key, value = feed.part(4, 10)[1]
    decoded = msgspec.json.decode(value, type=Transaction[dict[str, FeatureValue]])
    assert key == "c"
    assert decoded == msgspec.structs.replace(ROW, transaction_id="5")
    assert [m[1] for m in feed] == [m[1] for m in feed[:]]


def test_send_times_are_the_schedules_own(settings: Settings) -> None:
    """At a steady rate bursts are due at even distances, whatever holds the generator up."""
    began = time.monotonic_ns()
    sent = send(settings, Feed([ROW], 200), rate=2000.0, on_sent=lambda n: time.sleep(0.05 if n == 50 else 0))
    assert sent[0] >= began
    bursts = np.unique(sent)
    assert len(bursts) == 200 / (2000 * SLICE_S)
    assert np.allclose(np.diff(bursts), SLICE_S * 1e9, atol=1)


def test_a_reader_sees_each_decision_and_each_repeat(settings: Settings) -> None:
    """Arrival is the first one's; a transaction that is decided again is counted again; what misses is missed."""
    decisions = settings.replace(topic_transactions=settings.topic.decisions)
    with DecisionReader(settings, 4, keep_values=True) as reader:
        send(decisions, Feed([ROW], 3))
        assert reader.wait_for(3, 10)
        first = reader.arrived_ns.copy()
        send(decisions, Feed([ROW], 1))
        assert not reader.wait(1.0)
    assert reader.seen.tolist() == [2, 1, 1, 0]
    assert (reader.arrived_ns == first).all()
    assert reader.arrived == 3
    assert reader.values[3] is None


def test_percentiles_are_in_milliseconds() -> None:
    """From nanoseconds."""
    latency = summarize(np.arange(1, 1001) * 1_000_000)
    assert (latency.p50, latency.max) == (500.5, 1000.0)
    assert 990 <= latency.p99 <= latency.p99_9 <= latency.max


def test_programs_take_turns() -> None:
    """Every run measures all of them, and over the runs no one is always first."""
    programs = [Program(name, Path(), lambda _, __: [], (0,)) for name in "abc"]
    orders = ["".join(program.name for program in order_of(run, programs)) for run in range(5)]
    assert orders == ["abc", "cba", "bca", "acb", "cab"]
