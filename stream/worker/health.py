"""Whether the worker is well."""

from collections.abc import Callable

from schemas.errors import BrokerUnavailableError
from stream.kafka.source import BatchSource
from stream.runtime.readiness import Problem
from stream.runtime.watchdog import CHECK_S, Watchdog, exit_now
from stream.serving.role_follower import RoleFollower
from stream.settings import Settings
from stream.worker.metrics import WorkerMetrics


class Health(Watchdog):
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
        on_stuck: Callable[[str], None] = exit_now,
        on_error: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        super().__init__(settings.kafka.watchdog_s, "transactions", on_stuck=on_stuck, on_error=on_error)
        self._source = source
        self._roles = roles
        self._metrics = metrics
        self._lag = 0

    @property
    def lag(self) -> int:
        """Transactions left to read, at the last look that was answered and found partitions."""
        return self._lag

    def problems(self) -> list[Problem]:
        """Say why the worker is not ready; nothing when it is."""
        found: list[Problem] = []
        if self._roles.scorer is None:
            found.append(Problem.NO_CHAMPION)
        if not self._source.assigned:
            found.append(Problem.NO_PARTITIONS)
        return found + self._common_problems()

    def check(self) -> None:
        """Look once: ask the broker for the lag, and whether anything has moved since the last look."""
        try:
            left = self._source.lag(CHECK_S)
        except BrokerUnavailableError:
            self._record_broker(answered=False)
        else:
            self._record_broker(answered=True)
            # A worker that has just lost its partitions, as in an outage, has not read what was left: the figure stays.
            if self._source.assigned:
                self._lag = left
                self._metrics.lag(left)
        self._check_progress(
            [self._source.in_flight], armed=self._roles.scorer is not None and bool(self._source.assigned)
        )
