"""Readiness and watchdog of programs that keep their offsets in a store: the ledger and the archive.

An outage of the store is not the program's fault: waiting for the store does not count as being stuck.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from schemas.errors import BrokerUnavailableError
from stream.kafka.stored_source import StoredSource
from stream.runtime.outage import Outage
from stream.runtime.readiness import Problem
from stream.runtime.watchdog import CHECK_S, Watchdog, exit_now


class StoreMetrics(Protocol):
    """Metrics of a program with a store."""

    def lag(self, kind: str, messages: int) -> None:
        """Set the number of messages of one kind that are left to read."""

    def store(self, *, up: bool) -> None:
        """Set whether the store is responding."""


class StoreWatchdog(Watchdog):
    """Watchdog of a program that reads several topics into a store.

    Args:
        watchdog_s: Seconds without progress, while there is work, after which `on_stuck` is called.
        sources: Sources that the program reads, by kind of message.
        outage: Tracks outages of the store.
        metrics: Metrics that show the lag and the store's availability.
        is_busy: Function that returns whether the program is performing an operation that may take longer than
            `watchdog_s`.
        on_stuck: Called with a message when the program is stuck.
        on_error: Called with the error that ends the watchdog.
    """

    def __init__(
        self,
        watchdog_s: float,
        sources: Mapping[str, StoredSource],
        outage: Outage,
        metrics: StoreMetrics,
        *,
        is_busy: Callable[[], bool] = lambda: False,
        on_stuck: Callable[[str], None] = exit_now,
        on_error: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        super().__init__(watchdog_s, "messages", on_stuck=on_stuck, on_error=on_error)
        self._sources = sources
        self._outage = outage
        self._metrics = metrics
        self._is_busy = is_busy
        self._lags: dict[str, int] = {}

    @property
    def lag(self) -> int:
        """Number of messages left to read, as of the last check to which the broker responded."""
        return sum(self._lags.values())

    def problems(self) -> list[Problem]:
        """Return the reasons why the program is not ready; empty when it is ready."""
        problems: list[Problem] = []
        if self._outage.active:
            problems.append(Problem.STORE_UNAVAILABLE)
        if not all(source.joined for source in self._sources.values()):
            problems.append(Problem.NOT_READING)
        return problems + self._common_problems()

    def check(self) -> None:
        """Query the lag of each source, and check for progress."""
        try:
            for kind, source in self._sources.items():
                lag = source.lag(CHECK_S)
                self._lags[kind] = lag
                self._metrics.lag(kind, lag)
        except BrokerUnavailableError:
            self._record_broker(answered=False)
        else:
            self._record_broker(answered=True)
        self._metrics.store(up=not self._outage.active)
        armed = not self._outage.active and not self._is_busy()
        armed = armed and all(source.joined for source in self._sources.values())
        self._check_progress([source.in_flight for source in self._sources.values()], armed=armed)
