"""Health of the worker: readiness and progress."""

from collections.abc import Callable

from schemas.errors import BrokerUnavailableError
from stream.kafka.source import BatchSource
from stream.runtime.readiness import Problem
from stream.runtime.watchdog import CHECK_S, Watchdog, exit_now
from stream.serving.role_follower import RoleFollower
from stream.worker.metrics import WorkerMetrics


class WorkerHealth(Watchdog):
    """Reports why a worker is not ready, and detects that it is stuck.

    Args:
        watchdog_s: Seconds without progress, while there is work, after which the worker is stuck.
        source: Batch source whose lag and progress are monitored.
        roles: Role follower, which knows whether there is a champion.
        metrics: Metrics of the worker, which show the lag.
        on_stuck: Called with a message when the worker is stuck.
        on_error: Called with the error that ends the thread, because a worker must not continue without its watchdog.
    """

    def __init__(
        self,
        watchdog_s: float,
        source: BatchSource,
        roles: RoleFollower,
        metrics: WorkerMetrics,
        *,
        on_stuck: Callable[[str], None] = exit_now,
        on_error: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        super().__init__(watchdog_s, "transactions", on_stuck=on_stuck, on_error=on_error)
        self._source = source
        self._roles = roles
        self._metrics = metrics
        self._lag = 0

    @property
    def lag(self) -> int:
        """Number of transactions left to read, at the last check that got a response while partitions were assigned."""
        return self._lag

    def problems(self) -> list[Problem]:
        """Return the reasons why the worker is not ready; empty when it is ready."""
        problems: list[Problem] = []
        if self._roles.scorer is None:
            problems.append(Problem.NO_CHAMPION)
        if not self._source.assigned:
            problems.append(Problem.NO_PARTITIONS)
        return problems + self._common_problems()

    def check(self) -> None:
        """Query the lag, and compare the progress with that at the previous check."""
        try:
            lag = self._source.lag(CHECK_S)
        except BrokerUnavailableError:
            self._record_broker(answered=False)
        else:
            self._record_broker(answered=True)
            # A worker that lost its partitions, as in an outage, has not read the rest of them, so keep the last lag.
            if self._source.assigned:
                self._lag = lag
                self._metrics.lag(lag)
        self._check_progress(
            [self._source.in_flight], armed=self._roles.scorer is not None and bool(self._source.assigned)
        )
