"""How long transactions wait while another champion takes over, at a steady rate."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.latency import QUIET_S, WARM_UP_S
from benchmarks.pipeline.programs import Program, running
from benchmarks.pipeline.reader import DecisionReader
from schemas.errors import FraudError
from schemas.messages import BundleRef, Challenger
from stream.control.role_writer import publish_roles
from stream.kafka.load_generator import send
from stream.settings import Settings

#: Transactions a second.
RATE = 2_000
#: Seconds before the new champion is named, besides warming up, and after.
EACH_S = 8.0
#: Seconds after the new champion's first decision that still count as around the swap.
AFTER_S = 1.0


class Swap(Struct, frozen=True):
    """The longest latency end to end, milliseconds."""

    #: Over as long a time before the new champion was named.
    before: float
    #: From when it was named, through its loading, until a second after its first decision.
    around: float


class _Decided(msgspec.Struct):
    role_epoch: int


_decided = msgspec.json.Decoder(_Decided)


def swap_count() -> int:
    """Return how many transactions the measurement takes."""
    return round(RATE * (WARM_UP_S + 2 * EACH_S))


def measure_swap(
    program: Program,
    settings: Settings,
    feed: Feed,
    *,
    champion: BundleRef,
    watching: BundleRef,
    scratch: Path,
    on_sent: Callable[[int], object],
) -> Swap:
    """Send `feed` at a steady rate and name another champion in its middle.

    Args:
        program: The worker.
        settings: Of a trial whose roles are given.
        feed: `swap_count` transactions.
        champion: The new one; one that held no role before, so that it must be loaded.
        watching: The one challenger, before and after.
        scratch: For its log.
        on_sent: Told how many were sent so far.

    Raises:
        FraudError: If a transaction is not decided, or decided twice, or the new champion decides none.
    """
    named_ns: list[int] = []

    def name_it() -> None:
        named_ns.append(time.monotonic_ns())
        publish_roles(settings, champion=champion, challengers=(Challenger(watching),), author="bench")

    with (
        DecisionReader(settings, len(feed), keep_values=True) as reader,
        running(program, settings, 0, scratch) as process,
    ):
        # The first one waits for the program to start; the steady rate begins when it is decided.
        send(settings, feed.part(0, 1))
        if not reader.wait_for(1, QUIET_S):
            raise FraudError(f"{program.name} decides nothing: {process.last_words()}")
        naming = threading.Timer(WARM_UP_S + EACH_S, name_it)
        naming.start()
        try:
            sent_ns = send(settings, feed.part(1, len(feed)), RATE, on_sent)
        finally:
            naming.cancel()
            naming.join()
        if not reader.wait(QUIET_S):
            raise FraudError(f"{reader.arrived} of {len(feed)} were decided: {process.last_words()}")
    if (reader.seen != 1).any():
        raise FraudError(f"{int((reader.seen > 1).sum())} transactions were decided more than once")
    epochs = np.array([_decided.decode(value or b"").role_epoch for value in reader.values[1:]])
    new = epochs > epochs[0]
    if not named_ns or not new.any():
        raise FraudError(f"the new champion has decided nothing in {EACH_S:g} s: {process.last_words()}")
    latency_ms = (reader.arrived_ns[1:] - sent_ns) / 1e6
    begin, end = named_ns[0], int(sent_ns[new].min() + AFTER_S * 1e9)
    around = (sent_ns >= begin) & (sent_ns < end)
    before = (sent_ns < begin) & (sent_ns >= begin - min(end - begin, EACH_S * 1e9))
    return Swap(round(float(latency_ms[before].max()), 1), round(float(latency_ms[around].max()), 1))
