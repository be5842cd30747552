"""What the worker costs to run: memory, and seconds to start and to stop."""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.programs import Program, running
from benchmarks.pipeline.reader import DecisionReader
from schemas.errors import FraudError
from stream.kafka.load_generator import send
from stream.settings import Settings

#: Seconds without a decision after which the worker counts as stuck.
QUIET_S = 30.0
#: Transactions before the first look at memory: buffers, caches and allocators have taken what they want.
SETTLED = 200_000
#: Transactions a second in the soak: half of what the worker can do on two cores, so that nothing piles up.
SOAK_RATE = 15_000.0


class Footprint(Struct, frozen=True):
    """Seconds and MiB of one worker with a champion and two challengers."""

    start_seconds: float
    stop_seconds: float
    #: Resident memory after it worked at full speed.
    rss_mib: float


class Soak(Struct, frozen=True):
    """Memory over many transactions."""

    events: int
    start_mib: float
    end_mib: float
    growth_percent: float


def measure_footprint(program: Program, settings: Settings, feed: Feed, scratch: Path) -> Footprint:
    """Start the worker on a full topic and stop it when it has decided half of it, at full speed.

    Starting ends with the first decision that a reader of committed data sees; stopping with the process.

    Raises:
        FraudError: If it decides nothing.
    """
    send(settings, feed)
    with DecisionReader(settings, len(feed)) as reader:
        began = time.monotonic()
        with running(program, settings, 0, scratch) as process:
            if not reader.wait_for(len(feed) // 2, QUIET_S):
                raise FraudError(f"{program.name} decided {reader.arrived} of {len(feed)}: {process.last_words()}")
            rss_mib = process.rss_mib
            ended = time.monotonic()
            process.stop()
            stop_seconds = time.monotonic() - ended
        first_ns = int(reader.arrived_ns[reader.arrived_ns > 0].min())
    return Footprint(round(first_ns / 1e9 - began, 2), round(stop_seconds, 2), round(rss_mib, 1))


def soak(program: Program, settings: Settings, feed: Feed, scratch: Path, on_sent: Callable[[int], object]) -> Soak:
    """Send `feed` and compare memory after the first `SETTLED` transactions with memory at the end.

    Raises:
        FraudError: If a transaction is not decided exactly once.
    """
    first = min(SETTLED, len(feed) // 2)
    with DecisionReader(settings, len(feed)) as reader, running(program, settings, 0, scratch) as process:
        send(settings, feed.part(0, first), SOAK_RATE, on_sent)
        reader.wait_for(first, QUIET_S)
        start_mib = process.rss_mib
        send(settings, feed.part(first, len(feed)), SOAK_RATE, lambda sent: on_sent(first + sent))
        reader.wait(QUIET_S)
        end_mib = process.rss_mib
    if (reader.seen != 1).any():
        raise FraudError(f"{int((reader.seen != 1).sum())} transactions were not decided exactly once")
    growth = (end_mib - start_mib) / start_mib * 100
    return Soak(len(feed), round(start_mib, 1), round(end_mib, 1), round(growth, 1))
