"""Latency at a steady rate while the champion changes."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from benchmarks.pipeline.latency import STALL_S, WARM_UP_S
from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from benchmarks.pipeline.programs import Program, running
from benchmarks.pipeline.reader import DecisionReader
from schemas.errors import FraudError
from schemas.messages import BundleRef, Challenger
from stream.control.role_writer import publish_roles
from stream.kafka.load_generator import send_transactions
from stream.settings import Settings

#: Number of transactions sent per second.
RATE = 2_000
#: Seconds of traffic between warm-up and the publication of the new champion, and again after the publication.
EACH_S = 8.0
#: Seconds after the new champion's first decision that still count towards the latency around the change.
AFTER_S = 1.0


class SwapLatency(Struct, frozen=True):
    """The longest end-to-end latency before and around a change of champion, in milliseconds."""

    #: Latency in an interval of the same length before the new champion is published.
    before: float
    #: Latency from the publication of the new champion, while it loads, to a second after its first decision.
    around: float


class _RoleEpoch(msgspec.Struct):
    role_epoch: int


_decode_epoch = msgspec.json.Decoder(_RoleEpoch).decode


def swap_count() -> int:
    """Return the number of transactions that the measurement needs."""
    return round(RATE * (WARM_UP_S + 2 * EACH_S))


def measure_swap(
    program: Program,
    settings: Settings,
    messages: NumberedTransactions,
    *,
    champion: BundleRef,
    challenger: BundleRef,
    scratch: Path,
    on_sent: Callable[[int], object],
) -> SwapLatency:
    """Send transactions at a steady rate and publish another champion halfway through.

    Args:
        program: Worker to measure.
        settings: Settings of a trial whose roles have been published.
        messages: `swap_count` transactions.
        champion: New champion. It must not have had a role before, so that the worker has to load it.
        challenger: The only challenger, both before and after the change.
        scratch: Directory for the program's log.
        on_sent: Called with the number of transactions sent so far.

    Raises:
        FraudError: If a transaction is not decided exactly once, or the new champion decides no transaction.
    """
    published_ns: list[int] = []

    def publish() -> None:
        published_ns.append(time.monotonic_ns())
        publish_roles(
            settings.kafka, settings.topic, champion=champion, challengers=(Challenger(challenger),), author="bench"
        )

    with (
        DecisionReader(settings, len(messages), keep_values=True) as reader,
        running(program, settings, 0, scratch) as process,
    ):
        # The first transaction waits for the program to start; the steady rate begins once it is decided.
        send_transactions(settings.kafka, settings.topic.transactions, messages.part(0, 1))
        if not reader.wait_for(1, STALL_S):
            raise FraudError(f"{program.name} made no decisions; its log ends with: {process.last_lines()}")
        publishing = threading.Timer(WARM_UP_S + EACH_S, publish)
        publishing.start()
        try:
            sent_ns = send_transactions(
                settings.kafka, settings.topic.transactions, messages.part(1, len(messages)), RATE, on_sent
            )
        finally:
            publishing.cancel()
            publishing.join()
        if not reader.wait_for_all(STALL_S):
            raise FraudError(
                f"{program.name} decided only {reader.settled} of {len(messages)} transactions; its log ends with: "
                f"{process.last_lines()}"
            )
    if (reader.decision_counts != 1).any():
        raise FraudError(f"{int((reader.decision_counts > 1).sum())} transactions were decided more than once")
    epochs = np.array([_decode_epoch(value or b"").role_epoch for value in reader.values[1:]])
    by_new_champion = epochs > epochs[0]
    if not published_ns or not by_new_champion.any():
        raise FraudError(
            f"the new champion made no decision within {EACH_S:g} s; the worker's log ends with: {process.last_lines()}"
        )
    latency_ms = (reader.arrived_ns[1:] - sent_ns) / 1e6
    begin, end = published_ns[0], int(sent_ns[by_new_champion].min() + AFTER_S * 1e9)
    around = (sent_ns >= begin) & (sent_ns < end)
    before = (sent_ns < begin) & (sent_ns >= begin - min(end - begin, EACH_S * 1e9))
    return SwapLatency(round(float(latency_ms[before].max()), 1), round(float(latency_ms[around].max()), 1))
