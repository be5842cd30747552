"""Throughput: a full input topic, a program that empties it, and the broker's own clock.

All input is there before a program starts, so the generator costs nothing. Nobody reads along: the broker stamps
each decision when it is appended, and afterwards all are read and counted, each transaction once. The rate is from
the first append to the last, so starting up is outside (it is measured by itself).
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.pipeline.programs import Program, Running, running
from benchmarks.pipeline.trial_broker import committed_end, read_all
from schemas.errors import FraudError
from stream.settings import Settings

#: Seconds between two looks at how far a program is.
LOOK_S = 0.25
#: Seconds without progress after which a program counts as done, or as stuck when decisions are missing.
DONE_S, STUCK_S = 1.5, 60.0

OnProgress = Callable[[int], object]


class _Identity(msgspec.Struct):
    transaction_id: str


_decode_identity = msgspec.json.Decoder(_Identity).decode


@dataclass(frozen=True)
class Course:
    """What a program runs over.

    Attributes:
        topic: Its input.
        batch: Transactions a program takes at once; 0 for one that sees to that itself.
        events: Transactions in the topic.
    """

    topic: str
    batch: int
    events: int


def measure(
    program: Program,
    settings: Settings,
    course: Course,
    *,
    scratch: Path,
    on_progress: OnProgress,
    on_end: Callable[[Running], object] = lambda _: None,
) -> float:
    """Run a program over a course; return events/s.

    `on_end` is shown the program before it is stopped.

    Raises:
        FraudError: If it ends, gets stuck, or decides a transaction not exactly once.
    """
    events = course.events
    with running(program, settings, course.batch, scratch) as process:
        _await_end(process, settings, events, on_progress)
        on_end(process)
    messages = read_all(settings)
    counts = Counter(_decode_identity(message.value()).transaction_id for message in messages)
    if len(counts) != events or len(messages) != events:
        raise FraudError(f"{program.name} made {len(messages)} decisions on {len(counts)} of {events} transactions")
    stamps = sorted(message.timestamp()[1] for message in messages)
    first = stamps.count(stamps[0])  # scored before the clock starts
    return float((events - first) * 1000 / (stamps[-1] - stamps[0]))


def order_of(run: int, programs: Sequence[Program]) -> list[Program]:
    """Return the order of a run: each starts with another program, every other one goes backwards.

    What the machine does besides, and what the broker has piled up, then hits all alike.
    """
    turn = run // 2 % len(programs)
    order = [*programs[turn:], *programs[:turn]]
    return order[::-1] if run % 2 else order


def _await_end(process: Running, settings: Settings, events: int, on_progress: OnProgress) -> None:
    seen, moved = 0, time.monotonic()
    while True:
        time.sleep(LOOK_S)
        process.check()
        end = committed_end(settings)
        if end > seen:
            seen, moved = end, time.monotonic()
            on_progress(min(seen, events))
        quiet = time.monotonic() - moved
        # Markers of transactions count too, so having enough does not yet mean having all.
        if seen >= events and quiet > DONE_S:
            return
        if quiet > STUCK_S:
            raise FraudError(f"stuck after {seen} of {events} decisions: {process.last_words()}")
