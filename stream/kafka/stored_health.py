"""Whether a program whose offsets stand in a store is well, and the watchdog that ends it when it silently is not.

A consumer can die without a word. So a thread of its own looks once a second whether there is work and nothing moves;
an outage of the broker or of the store is no fault of ours, and waiting for it is no standstill.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from schemas.errors import BrokerAwayError
from stream.kafka.outage import Outage
from stream.kafka.stored_source import StoredSource
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Seconds between two looks, and for a broker's answer.
LOOK_S = 1.0
#: Looks without an answer after which the broker counts as away.
AWAY_LOOKS = 5
#: EX_SOFTWARE of sysexits.h.
EXIT_STUCK = 70


class Shown(Protocol):
    """Metrics of the program."""

    def lag(self, kind: str, messages: int) -> None:
        """Show what is left to read of one kind."""

    def store(self, *, up: bool) -> None:
        """Show whether the store answers."""


def exit_at_once(message: str) -> None:
    """End the process without waiting for threads that may be the very ones that hang."""
    log.critical(message)
    os._exit(EXIT_STUCK)


class StoredHealth:
    """Watches the sources and the store, and says what is wrong.

    Args:
        settings: How long nothing may move.
        sources: By kind of message.
        outage: Whether the store answers.
        metrics: Shows lag and store.
        store: What it is in one word, as in "no database answers".
        patience: Whether what looks like a standstill is long work that may take its time.
        on_stuck: Called with one line when there is work and nothing has moved for `watchdog_s`.
        on_error: Called with whatever ends the watch.
    """

    def __init__(
        self,
        settings: Settings,
        sources: Mapping[str, StoredSource],
        outage: Outage,
        metrics: Shown,
        *,
        store: str,
        patience: Callable[[], bool] = lambda: False,
        on_stuck: Callable[[str], None] = exit_at_once,
        on_error: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._watchdog_s = settings.watchdog_s
        self._sources = sources
        self._outage = outage
        self._metrics = metrics
        self._store = store
        self._patience = patience
        self._on_stuck = on_stuck
        self._on_error = on_error
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)
        self._looks_unanswered = AWAY_LOOKS
        self._looks_stuck = 0
        self._moved: list[tuple[int, int]] = []
        self._lags: dict[str, int] = {}

    @property
    def lag(self) -> int:
        """Messages left to read, at the last look that was answered."""
        return sum(self._lags.values())

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def problems(self) -> list[str]:
        """Say why the program is not ready; nothing when it is."""
        found = []
        if self._outage.under_way:
            found.append(f"no {self._store} answers")
        waiting = [kind for kind, source in self._sources.items() if not source.joined]
        if waiting:
            found.append(f"not reading {', '.join(waiting)} yet")
        if self._looks_unanswered >= AWAY_LOOKS:
            found.append("no broker answers")
        if self._looks_stuck * LOOK_S >= self._watchdog_s / 2:
            found.append(f"nothing moves, {self.lag} messages wait")
        return found

    def look(self) -> None:
        """Look once: ask the broker for each lag, and whether anything has moved since the last look."""
        try:
            for kind, source in self._sources.items():
                left = source.lag(LOOK_S)
                self._lags[kind] = left
                self._metrics.lag(kind, left)
        except BrokerAwayError:
            self._looks_unanswered += 1
        else:
            self._looks_unanswered = 0
        self._metrics.store(up=not self._outage.under_way)
        in_hand = [source.in_hand for source in self._sources.values()]
        moved = [(each.read, each.done) for each in in_hand]
        armed = self._looks_unanswered < AWAY_LOOKS and not self._outage.under_way and not self._patience()
        armed = armed and all(source.joined for source in self._sources.values())
        work = self.lag > 0 or any(in_hand)
        self._looks_stuck = self._looks_stuck + 1 if armed and work and moved == self._moved else 0
        self._moved = moved
        if self._looks_stuck * LOOK_S >= self._watchdog_s:
            self._on_stuck(
                f"nothing moved for {self._watchdog_s:g} s with {self.lag} messages waiting and "
                f"{sum(map(len, in_hand))} batches in hand; ending, so that a fresh process takes over"
            )

    def _run(self) -> None:
        try:
            while not self._stopping.wait(LOOK_S):
                self.look()
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread must reach the program
            self._on_error(error)
