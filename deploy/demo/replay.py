"""The streaming part of the demo: the test set at full speed, then a steady rate to measure latency."""

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from deploy.demo.collect import Collector, repeated
from deploy.demo.prepare import Prepared
from deploy.demo.summary import Summary, compare
from schemas.messages import Decision
from stream.kafka.load_generator import send_transactions
from stream.settings import Settings

#: Transactions per second while latency is measured, and number of transactions sent at this rate.
STEADY_RATE = 2000.0
STEADY_TRANSACTIONS = 20_000
#: Number of these transactions that are sent first, while the broker's JVM still compiles its code. Their latency is
#: reported on its own.
WARM_UP = 6_000
_STEADY_PREFIX = "steady-"
QUANTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9}


def replay(prepared: Prepared, settings: Settings) -> Summary:
    """Send the test set, collect the output and compare it with the offline scores."""
    messages = prepared.messages
    challengers = len(prepared.roles.challengers)
    steady = _steady(messages)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Collector(settings) as collector,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("full speed", total=len(messages))
        first_ns = send_transactions(
            settings.kafka, settings.topic.transactions, messages, None, lambda n: progress.update(task, completed=n)
        )[0]
        collector.wait(len(messages), challengers * len(messages))
        last_ns = collector.arrived_ns[-1] if collector.arrived_ns else first_ns
        full_speed = len(collector.decisions)
        task = progress.add_task(f"steady {STEADY_RATE:,.0f}/s", total=len(steady))
        sent_ns = send_transactions(
            settings.kafka,
            settings.topic.transactions,
            steady,
            STEADY_RATE,
            lambda n: progress.update(task, completed=n),
        )
        sent = len(messages) + len(steady)
        collector.wait(sent, challengers * sent)
    decisions = collector.decoded()
    test_part = decisions[:full_speed]
    shadow = [s for s in collector.decoded_shadow_scores() if not s.transaction_id.startswith(_STEADY_PREFIX)]
    latency_ms = _latency(decisions[full_speed:], collector.arrived_ns[full_speed:], sent_ns)
    figures, comparisons, difference = compare(test_part, shadow, prepared.offline, prepared.roles.champion.version)
    repeats = repeated(decisions)
    return Summary(
        sent=sent,
        decided=len(decisions),
        missing=sent - (len(decisions) - repeats) - collector.dead_letters,
        repeated=repeats,
        dead_lettered=collector.dead_letters,
        alerts=int(figures["alerts"]),
        precision=figures["precision"],
        recall=figures["recall"],
        value_recall=figures["value_recall"],
        frauds=int(figures["frauds"]),
        champion=prepared.algorithms[prepared.roles.champion.version],
        challengers=[(prepared.algorithms[version], agreement, flips) for version, agreement, flips in comparisons],
        shadow_missing=challengers * sent - len(collector.shadow_scores),
        score_difference=difference,
        events_per_second=full_speed / max(last_ns - first_ns, 1) * 1e9,
        rate=STEADY_RATE,
        latency_ms={name: _percentile(latency_ms[WARM_UP:], q) for name, q in QUANTILES.items()},
        warm_up_s=WARM_UP / STEADY_RATE,
        cold_p99_ms=_percentile(latency_ms[:WARM_UP], QUANTILES["p99"]),
    )


def _steady(messages: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return transactions from the test set with new ids, so that none of them is a repeat."""
    renamed = []
    for i, (key, value) in enumerate(messages[:STEADY_TRANSACTIONS]):
        transaction = msgspec.json.decode(value)
        transaction["transaction_id"] = f"{_STEADY_PREFIX}{i}"
        renamed.append((key, msgspec.json.encode(transaction)))
    return renamed


def _latency(decisions: list[Decision], arrived_ns: list[int], sent_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the (n,) latencies in milliseconds, in order of sending; NaN for a transaction without a decision."""
    indices = np.array([int(d.transaction_id.removeprefix(_STEADY_PREFIX)) for d in decisions], dtype=np.int64)
    latency_ms = np.full(len(sent_ns), np.nan)
    latency_ms[indices] = (np.array(arrived_ns, dtype=np.int64) - sent_ns[indices]) / 1e6
    return latency_ms


def _percentile(latency_ms: NDArray[np.float64], percent: float) -> float:
    decided = latency_ms[~np.isnan(latency_ms)]
    return float(np.percentile(decided, percent)) if decided.size else float("nan")
