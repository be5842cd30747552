"""Whether the worker is well, and the watchdog that ends it when it silently is not.

A consumer can die without a word. So a thread of its own looks once a second whether there is work and nothing
moves; it counts its own looks, not the clock, because a process that was stopped and continued has not been stuck.
"""

import logging
import os
import threading
from collections.abc import Callable

from schemas.errors import BrokerAwayError
from stream.kafka.source import BatchSource
from stream.settings import Settings
from stream.worker.metrics import WorkerMetrics
from stream.worker.roles import RoleFollower

log = logging.getLogger(__name__)

#: Seconds between two looks, and for a broker's answer.
LOOK_S = 1.0
#: Looks without an answer after which the broker counts as away: nothing moves then, and that is no fault of ours.
#: Each takes two seconds, one until it begins and one of waiting for the answer.
AWAY_LOOKS = 5
#: EX_SOFTWARE of sysexits.h.
EXIT_STUCK = 70


def exit_at_once(message: str) -> None:
    """End the process without waiting for threads that may be the very ones that hang."""
    log.critical(message)
    os._exit(EXIT_STUCK)


class Health:
    """Watches the source and says what is wrong.

    Args:
        settings: How long nothing may move.
        source: Watched.
        roles: Whether somebody decides.
        metrics: Shows the lag.
        on_stuck: Called with one line when there is work and nothing has moved for `watchdog_s`.
        on_error: Called with whatever ends the watch: a worker without a watchdog must not go on.
    """

    def __init__(
        self,
        settings: Settings,
        source: BatchSource,
        roles: RoleFollower,
        metrics: WorkerMetrics,
        *,
        on_stuck: Callable[[str], None] = exit_at_once,
        on_error: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._watchdog_s = settings.watchdog_s
        self._source = source
        self._roles = roles
        self._metrics = metrics
        self._on_stuck = on_stuck
        self._on_error = on_error
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)
        self._looks_unanswered = AWAY_LOOKS
        self._looks_stuck = 0
        self._moved = (0, 0)
        #: Transactions left to read, at the last look that was answered and found partitions.
        self.lag = 0

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def problems(self) -> list[str]:
        """Say why the worker is not ready; nothing when it is."""
        found = []
        if self._roles.scorer is None:
            found.append("no champion")
        if not self._source.assigned:
            found.append("no partitions")
        if self._looks_unanswered >= AWAY_LOOKS:
            found.append("no broker answers")
        if self._looks_stuck * LOOK_S >= self._watchdog_s / 2:
            found.append(f"nothing moves, {self.lag} transactions wait")
        return found

    def look(self) -> None:
        """Look once: ask the broker for the lag, and whether anything has moved since the last look."""
        try:
            left = self._source.lag(LOOK_S)
        except BrokerAwayError:
            self._looks_unanswered += 1
        else:
            self._looks_unanswered = 0
            # A worker that has just lost its partitions, as in an outage, has not read what was left: the figure stays.
            if self._source.assigned:
                self.lag = left
                self._metrics.lag(left)
        in_hand = self._source.in_hand
        moved = (in_hand.read, in_hand.done)
        armed = self._roles.scorer is not None and self._source.assigned and self._looks_unanswered < AWAY_LOOKS
        work = self.lag > 0 or len(in_hand) > 0
        self._looks_stuck = self._looks_stuck + 1 if armed and work and moved == self._moved else 0
        self._moved = moved
        if self._looks_stuck * LOOK_S >= self._watchdog_s:
            self._on_stuck(
                f"nothing moved for {self._watchdog_s:g} s with {self.lag} transactions waiting and "
                f"{len(in_hand)} batches in hand; ending, so that a fresh process takes over"
            )

    def _run(self) -> None:
        try:
            while not self._stopping.wait(LOOK_S):
                self.look()
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread must reach the worker
            self._on_error(error)
