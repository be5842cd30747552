"""The ledger's rows per second from encoded message to commit; its lag, memory and CPU time at a steady rate.

`python -m benchmarks.ledger` writes to SQLite; pass the URL of another database as an argument to use that instead.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psutil
from msgspec import Struct
from sqlalchemy import Engine, func, select

from benchmarks.pipeline.programs import STOP_S
from schemas.messages import Decision, Reason, ShadowScore, Verdict, encode
from stream.clock import SystemClock
from stream.kafka.batch import Batch
from stream.kafka.load_generator import Message, send_transactions
from stream.kafka.topics import create_topics
from stream.ledger.database import open_engine, reading
from stream.ledger.message_kinds import MessageKind, all_message_kinds
from stream.ledger.migrate import migrate
from stream.ledger.store import LedgerStore
from stream.ledger.tables import decisions, offsets, shadow_scores
from stream.local.broker import LocalBroker
from stream.local.program_process import stream_program
from stream.runtime.outage import Outage
from stream.runtime.ports import free_port
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings

#: Number of decisions to write at full speed, with one shadow score each.
WRITTEN = 200_000
#: Decisions per second at the steady rate, with one shadow score each; number of seconds at that rate.
RATE, SECONDS = 5_000, 30
#: Seconds to wait for the ledger to become ready; seconds to wait for the last row after the last message.
TIMEOUT_S = 30.0
#: Seconds between two samples of the lag; each sample is a query.
SAMPLE_S = 0.25


class LedgerBenchmark(Struct, frozen=True):
    """Throughput of the ledger, and its lag, memory and CPU time at a steady rate."""

    database: str
    #: Rows per second from encoded message to commit, decisions and shadow scores together, in batches of `batch_max`.
    rows_per_second: int
    #: Seconds that the slower of the two tables is behind, at `RATE` decisions per second with one shadow score each.
    lag_p50_s: float
    lag_max_s: float
    #: Resident memory of the ledger's process at the end of the steady rate, and its CPU time per row of that time.
    resident_mib: int
    cpu_us_per_row: float


class SteadyRate(NamedTuple):
    """What was measured at the steady rate."""

    lags_s: list[float]
    resident_mib: float
    cpu_us_per_row: float


def make_messages(number: int) -> tuple[Decision, ShadowScore]:
    """Return a decision such as a worker writes, and a challenger's shadow score. One decision in ten has reasons."""
    decision_id, now_ms = f"transactions/{number % 4}/{number // 4}@1", time.time_ns() // 1_000_000
    card = f"card-{number * 7919 % 100_003}"
    verdict: Verdict = "review" if number % 10 == 0 else "approve"
    reasons = tuple(Reason(f"V{n}", 0.1) for n in range(5)) if number % 10 == 0 else ()
    decision = Decision(
        decision_id, f"tx-{number:012d}", card, now_ms, 0.123456, 0.5, verdict, "fraud", "1", "a" * 64, "1", 1,
        "champion", 1.0, reasons, "transactions", number % 4, number // 4, now_ms, 3.2, 4999, "EUR",
    )  # fmt: skip
    shadow = ShadowScore(
        decision_id, f"tx-{number:012d}", card, now_ms, 0.2, 0.5, verdict, None, "fraud", "2", "b" * 64, 1, now_ms, "1"
    )
    return decision, shadow


def write_all(engine: Engine, settings: Settings, count: int) -> float:
    """Write `count` decisions and as many shadow scores; return rows per second."""
    pairs = [make_messages(number) for number in range(count)]
    kinds = [kind for kind in all_message_kinds(settings.topic) if kind.table in (decisions, shadow_scores)]
    values = {kind.name: [encode(pair[at]) for pair in pairs] for at, kind in enumerate(kinds)}
    store = LedgerStore(engine, settings.watermark, SystemClock(), Outage("the ledger database"), "bench")
    claims = {kind.name: store.claim(kind.topic, [0])[0] for kind in kinds}
    began = time.monotonic()
    for start in range(0, count, settings.kafka.batch_max):
        for kind in kinds:
            part = values[kind.name][start : start + settings.kafka.batch_max]
            batch = _batch(kind, part, start, claims[kind.name].owner_epoch)
            now_ms = time.time_ns() // 1_000_000
            rows = [kind.row(value, 0, start + n, now_ms) for n, value in enumerate(part)]
            store.write(kind, batch, rows, now_ms)
    return 2 * count / (time.monotonic() - began)


def _batch(kind: MessageKind[Any], values: Sequence[bytes], start: int, owner_epoch: int) -> Batch:
    raw = RawBatch(kind.topic, values, [0] * len(values), range(start, start + len(values)))
    return Batch([], raw, {0: owner_epoch}, 0, {0: start}, {0: start + len(values)}, 0.0)


class GeneratedMessages(Sequence[Message]):
    """Decisions or shadow scores, generated on access.

    Args:
        kind: 0 for decisions, 1 for shadow scores.
        count: Number of messages.
    """

    def __init__(self, kind: int, count: int) -> None:
        self._kind = kind
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: Any) -> Any:
        numbers = range(self._count)[at]
        return [self._message(n) for n in numbers] if isinstance(numbers, range) else self._message(numbers)

    def _message(self, number: int) -> Message:
        message = make_messages(number)[self._kind]
        return message.card_id, encode(message)


def measure_steady_rate(settings: Settings, scratch: Path) -> SteadyRate:
    """Send decisions and shadow scores at the steady rate, and measure the ledger meanwhile."""
    engine = open_engine(settings.ledger.url)
    migrate(engine)
    sent = [0, 0]
    total = RATE * SECONDS

    def send_all(kind: int, topic: str) -> None:
        messages = GeneratedMessages(kind, total)
        send_transactions(settings.kafka, topic, messages, RATE, lambda n: sent.__setitem__(kind, n))

    with stream_program("ledger", settings, scratch / "ledger.log", stop_s=STOP_S) as process:
        process.wait_ready(TIMEOUT_S)  # it has joined its groups, so that its start is not measured
        ledger = psutil.Process(process.pid)
        cpu_s = -_cpu_s(ledger)
        topics = (settings.topic.decisions, settings.topic.shadow_scores)
        senders = [threading.Thread(target=send_all, args=each) for each in enumerate(topics)]
        for sender in senders:
            sender.start()
        lags = list(_sample_lag(engine, topics, sent, total))
        for sender in senders:
            sender.join()
        process.require_running()
        cpu_s += _cpu_s(ledger)
        resident_mib = ledger.memory_info().rss / 2**20
    engine.dispose()
    return SteadyRate(lags, resident_mib, cpu_s * 1e6 / (2 * total))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _sample_lag(engine: Engine, topics: Sequence[str], sent: Sequence[int], total: int) -> Iterator[float]:
    deadline = time.monotonic() + SECONDS + TIMEOUT_S
    written = [0, 0]
    while min(written) < total and time.monotonic() < deadline:
        time.sleep(SAMPLE_S)
        before = tuple(sent)
        with reading(engine) as connection:
            # Stored offsets are read instead of count(*), because they are few and advance together with the rows.
            rows = connection.execute(
                select(offsets.c.topic, func.sum(offsets.c.next_offset)).group_by(offsets.c.topic)
            )
            next_offsets = {topic: int(offset) for topic, offset in rows}
        written = [next_offsets.get(topic, 0) for topic in topics]
        yield max((b - w) / RATE for b, w in zip(before, written, strict=True))


def main() -> None:
    """Measure throughput and lag, and print them as one JSON object."""
    with tempfile.TemporaryDirectory(prefix="fraud-ledger-bench-") as directory:
        scratch = Path(directory)
        database = sys.argv[1] if len(sys.argv) > 1 else None
        engine = open_engine(database or f"sqlite:///{scratch}/rows.db")
        migrate(engine)
        rate = write_all(engine, Settings(), WRITTEN)
        engine.dispose()
        with LocalBroker(scratch / "kafka") as broker:
            url = database or f"sqlite:///{scratch}/lag.db"
            settings = Settings().replace(kafka_bootstrap=broker.bootstrap, ledger_url=url, ledger_web_port=free_port())
            create_topics(settings.kafka, settings.topic)
            steady = measure_steady_rate(settings, scratch)
        name = "sqlite" if database is None else engine.url.get_backend_name()
        benchmark = LedgerBenchmark(
            name,
            round(rate),
            round(float(np.median(steady.lags_s)), 2),
            round(max(steady.lags_s), 2),
            round(steady.resident_mib),
            round(steady.cpu_us_per_row, 1),
        )
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(benchmark), indent=1).decode() + "\n")


if __name__ == "__main__":
    main()
