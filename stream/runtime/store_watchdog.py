"""Whether a program whose offsets stand in a store is well.

An outage of the store is no fault of ours, and waiting for it is no standstill.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from schemas.errors import BrokerAwayError
from stream.kafka.stored_source import StoredSource
from stream.runtime.outage import Outage
from stream.runtime.readiness import Problem
from stream.runtime.watchdog import LOOK_S, Watchdog, exit_at_once


class Shown(Protocol):
    """Metrics of the program."""

    def lag(self, kind: str, messages: int) -> None:
        """Show what is left to read of one kind."""

    def store(self, *, up: bool) -> None:
        """Show whether the store answers."""


class StoredHealth(Watchdog):
    """Watches the sources and the store, and says what is wrong.

    Args:
        watchdog_s: Seconds without progress, while there is work, after which `on_stuck` is called.
        sources: By kind of message.
        outage: Whether the store answers.
        metrics: Shows lag and store.
        patience: Whether what looks like a standstill is long work that may take its time.
        on_stuck: Called with one line when there is work and nothing has moved for `watchdog_s`.
        on_error: Called with whatever ends the watch.
    """

    def __init__(
        self,
        watchdog_s: float,
        sources: Mapping[str, StoredSource],
        outage: Outage,
        metrics: Shown,
        *,
        patience: Callable[[], bool] = lambda: False,
        on_stuck: Callable[[str], None] = exit_at_once,
        on_error: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        super().__init__(watchdog_s, "messages", on_stuck=on_stuck, on_error=on_error)
        self._sources = sources
        self._outage = outage
        self._metrics = metrics
        self._patience = patience
        self._lags: dict[str, int] = {}

    @property
    def lag(self) -> int:
        """Messages left to read, at the last look that was answered."""
        return sum(self._lags.values())

    def problems(self) -> list[Problem]:
        """Say why the program is not ready; nothing when it is."""
        found: list[Problem] = []
        if self._outage.under_way:
            found.append(Problem.STORE_UNAVAILABLE)
        if not all(source.joined for source in self._sources.values()):
            found.append(Problem.NOT_READING)
        return found + self._standing_problems()

    def look(self) -> None:
        """Look once: ask the broker for each lag, and whether anything has moved since the last look."""
        try:
            for kind, source in self._sources.items():
                left = source.lag(LOOK_S)
                self._lags[kind] = left
                self._metrics.lag(kind, left)
        except BrokerAwayError:
            self._answered(yes=False)
        else:
            self._answered(yes=True)
        self._metrics.store(up=not self._outage.under_way)
        armed = not self._outage.under_way and not self._patience()
        armed = armed and all(source.joined for source in self._sources.values())
        self._judge([source.in_hand for source in self._sources.values()], armed=armed)
