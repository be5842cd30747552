"""What /readyz says, for Prometheus: a probe's answer is gone with the probe, a series can be alerted on."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class ProblemMetrics(Collector):
    """Asks a program for its problems whenever it is scraped.

    Args:
        registry: Receives it.
        problems: Says why the program is not ready; nothing when it is.
    """

    def __init__(self, registry: CollectorRegistry, problems: Callable[[], Sequence[str]]) -> None:
        self._problems = problems
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Give whether it is ready, and each reason why not."""
        # Behind a comma stand figures, which would make each look a series of its own.
        found = sorted({problem.partition(",")[0] for problem in self._problems()})
        problem = GaugeMetricFamily("program_problem", "1 for each reason why it is not ready.", labels=["problem"])
        for each in found:
            problem.add_metric([each], 1)
        return (GaugeMetricFamily("program_ready", "1 while /readyz says yes.", value=not found), problem)
