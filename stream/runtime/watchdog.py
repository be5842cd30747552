"""The watchdog that ends a program when it silently is not well.

A consumer can die without a word. So a thread of its own looks once a second whether there is work and nothing moves;
it counts its own looks, not the clock, because a process that was stopped and continued has not been stuck.
"""

import logging
import os
from abc import abstractmethod
from collections.abc import Callable, Sequence

from stream.runtime.background import Background
from stream.runtime.in_flight import InHand
from stream.runtime.readiness import Problem

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


class Watchdog(Background):
    """Looks whether a program moves, and says so.

    Args:
        watchdog_s: Seconds in which something must move while there is work.
        what: Its messages, in one word.
        on_stuck: Called with one line when nothing has moved for so long.
        on_error: Called with whatever ends the watch: a program without a watchdog must not go on.
    """

    def __init__(
        self,
        watchdog_s: float,
        what: str,
        *,
        on_stuck: Callable[[str], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__("health")
        self._watchdog_s = watchdog_s
        self._what = what
        self._on_stuck = on_stuck
        self._on_error = on_error
        self._looks_unanswered = AWAY_LOOKS
        self._looks_stuck = 0
        self._moved = (0, 0)

    @property
    @abstractmethod
    def lag(self) -> int:
        """Messages left to read, at the last look that was answered."""

    @abstractmethod
    def look(self) -> None:
        """Look once."""

    @property
    def _broker_away(self) -> bool:
        return self._looks_unanswered >= AWAY_LOOKS

    def _answered(self, *, yes: bool) -> None:
        """Note whether the broker has answered."""
        self._looks_unanswered = 0 if yes else self._looks_unanswered + 1

    def _judge(self, in_hand: Sequence[InHand], *, armed: bool) -> None:
        """Compare with the last look.

        Args:
            in_hand: What was read, and is not done.
            armed: Whether something should move if there is work; never while the broker is away.
        """
        moved = (sum(each.read for each in in_hand), sum(each.done for each in in_hand))
        work = self.lag > 0 or any(in_hand)
        stuck = armed and not self._broker_away and work and moved == self._moved
        self._looks_stuck = self._looks_stuck + 1 if stuck else 0
        self._moved = moved
        if self._looks_stuck * LOOK_S >= self._watchdog_s:
            self._on_stuck(
                f"nothing moved for {self._watchdog_s:g} s with {self.lag} {self._what} waiting and "
                f"{sum(map(len, in_hand))} batches in hand; ending, so that a fresh process takes over"
            )

    def _standing_problems(self) -> list[Problem]:
        """Say what is wrong with the broker, or the program's own motion."""
        found = [Problem.BROKER_UNAVAILABLE] if self._broker_away else []
        if self._looks_stuck * LOOK_S >= self._watchdog_s / 2:
            found.append(Problem.STUCK)
        return found

    def _run(self) -> None:
        try:
            while not self._stopping.wait(LOOK_S):
                self.look()
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread must reach the program
            self._on_error(error)
