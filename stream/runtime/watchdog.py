"""The watchdog that ends a program which has silently stopped making progress.

A consumer can hang without an error. So a separate thread checks once a second whether there is work but no progress.
It counts its own checks instead of reading the clock, because a process that was suspended and resumed is not stuck.
"""

import logging
import os
from abc import abstractmethod
from collections.abc import Callable, Sequence

from stream.runtime.background import Background
from stream.runtime.in_flight import InFlight
from stream.runtime.readiness import Problem

log = logging.getLogger(__name__)

#: Seconds between checks, and seconds to wait for a broker's response.
CHECK_S = 1.0
#: Checks without a response after which the broker counts as unavailable, and no progress is expected. Each takes two
#: seconds: one until the check begins, and one to wait for the response.
UNANSWERED_CHECKS = 5
#: EX_SOFTWARE from sysexits.h.
EXIT_STUCK = 70


def exit_now(message: str) -> None:
    """Log a critical message and end the process without waiting for its threads, some of which may hang."""
    log.critical(message)
    os._exit(EXIT_STUCK)


class Watchdog(Background):
    """Checks once a second whether a program makes progress.

    Args:
        watchdog_s: Seconds without progress, while there is work, after which the program is stuck.
        unit: Plural noun for what the program reads, used in the message, such as "transactions".
        on_stuck: Called with a message when the program is stuck.
        on_error: Called with the error that ends the thread: a program without a watchdog must not continue.
    """

    def __init__(
        self,
        watchdog_s: float,
        unit: str,
        *,
        on_stuck: Callable[[str], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__("health")
        self._watchdog_s = watchdog_s
        self._unit = unit
        self._on_stuck = on_stuck
        self._on_error = on_error
        self._unanswered_checks = UNANSWERED_CHECKS
        self._stuck_checks = 0
        self._progress = (0, 0)

    @property
    @abstractmethod
    def lag(self) -> int:
        """Number of messages left to read, as of the last check to which the broker responded."""

    @abstractmethod
    def check(self) -> None:
        """Run one check."""

    @property
    def _broker_unavailable(self) -> bool:
        return self._unanswered_checks >= UNANSWERED_CHECKS

    def _record_broker(self, *, answered: bool) -> None:
        """Record whether the broker has responded to this check."""
        self._unanswered_checks = 0 if answered else self._unanswered_checks + 1

    def _check_progress(self, in_flight: Sequence[InFlight], *, armed: bool) -> None:
        """Compare the progress with the progress at the previous check.

        Args:
            in_flight: Batches in flight from each source.
            armed: Whether progress is expected if there is work; False while the broker is unavailable.
        """
        progress = (sum(each.read for each in in_flight), sum(each.done for each in in_flight))
        has_work = self.lag > 0 or any(in_flight)
        stuck = armed and not self._broker_unavailable and has_work and progress == self._progress
        self._stuck_checks = self._stuck_checks + 1 if stuck else 0
        self._progress = progress
        if self._stuck_checks * CHECK_S >= self._watchdog_s:
            self._on_stuck(
                f"no progress for {self._watchdog_s:g} s with {self.lag} {self._unit} waiting and "
                f"{sum(map(len, in_flight))} batches in flight; exiting so that a new process takes over"
            )

    def _common_problems(self) -> list[Problem]:
        """Return the problems that any program may have: an unavailable broker, and a lack of progress."""
        problems = [Problem.BROKER_UNAVAILABLE] if self._broker_unavailable else []
        if self._stuck_checks * CHECK_S >= self._watchdog_s / 2:
            problems.append(Problem.STUCK)
        return problems

    def _run(self) -> None:
        try:
            while not self._stopping.wait(CHECK_S):
                self.check()
        except BaseException as error:  # noqa: BLE001 - the program must learn of any error that ends the thread
            self._on_error(error)
