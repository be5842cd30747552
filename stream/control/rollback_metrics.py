"""Prometheus metrics of the rollback monitor."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge


class RollbackMetrics:
    """Metrics of the rollback monitor.

    Args:
        registry: Registry that the metrics are added to.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._elected = Gauge(
            "rollback_monitor_elected",
            "1 on the worker that is elected to monitor promotions; the sum over all workers is 1.",
            registry=registry,
        )
        self._statistic = Gauge(
            "rollback_monitor_statistic",
            "Value of each monitored statistic in the newest block.",
            ["statistic"],
            registry=registry,
        )
        self._bound = Gauge(
            "rollback_monitor_bound", "Bound that the statistic must not cross.", ["statistic"], registry=registry
        )
        self._rollbacks = Counter(
            "rollbacks", "Number of promotions that were rolled back automatically.", registry=registry
        )
        self._paged = Gauge(
            "rollback_monitor_paged",
            "1 while a champion is out of bounds and there is no previous champion to restore.",
            registry=registry,
        )

    def elected(self, elected: bool) -> None:
        """Show whether this worker is the elected monitor."""
        self._elected.set(elected)
        self.paged(paged=False)

    def judged(self, readings: Mapping[str, tuple[float, float]]) -> None:
        """Show each statistic's value and bound; an empty mapping means that no promotion is being monitored."""
        if not readings:
            self._statistic.clear()
            self._bound.clear()
        for statistic, (value, bound) in readings.items():
            self._statistic.labels(statistic).set(value)
            self._bound.labels(statistic).set(bound)

    def rolled_back(self) -> None:
        """Count a rollback."""
        self._rollbacks.inc()

    def paged(self, *, paged: bool) -> None:
        """Show whether an operator has been paged."""
        self._paged.set(paged)
