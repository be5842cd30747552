"""The reasons why a program is not ready, for /readyz, Prometheus and the log."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Problem(StrEnum):
    """A reason why a program is not ready.

    The values must not change: they appear as the label `problem` of the metric `program_problem`, and alert rules
    match them.
    """

    NO_CHAMPION = "no_champion"
    NO_PARTITIONS = "no_partitions"
    NOT_READING = "not_reading"
    STUCK = "stuck"
    BROKER_UNAVAILABLE = "broker_unavailable"
    READING_RESPONSES = "reading_responses"
    STORE_UNAVAILABLE = "store_unavailable"

    @property
    def sentence(self) -> str:
        """A sentence that explains the problem to operators."""
        return _SENTENCES[self]


_SENTENCES: dict[Problem, str] = {
    Problem.NO_CHAMPION: "No model is champion, so nothing can be decided.",
    Problem.NO_PARTITIONS: "No partition is assigned to this process.",
    Problem.NOT_READING: "At least one topic has not been joined yet.",
    Problem.STUCK: "Messages are waiting, but none are being processed.",
    Problem.BROKER_UNAVAILABLE: "Kafka is not responding.",
    Problem.READING_RESPONSES: "The newest responses, for repeated requests, are still being read.",
    Problem.STORE_UNAVAILABLE: "The database or file system that this program writes to is not responding.",
}


def readiness(problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the body of /readyz.

    >>> readiness([Problem.NO_CHAMPION])["problems"]
    ['no_champion']
    """
    return {
        "ready": not problems,
        "problems": [problem.value for problem in problems],
        "detail": " ".join(problem.sentence for problem in problems),
    }


class ProblemMetrics(Collector):
    """Exposes readiness as Prometheus series, read from the program at every scrape.

    Unlike the response to a probe, a time series can be recorded and alerted on.

    Args:
        registry: Prometheus registry to register with.
        problems: Function that returns the reasons why the program is not ready; empty when it is ready.
    """

    def __init__(self, registry: CollectorRegistry, problems: Callable[[], Sequence[Problem]]) -> None:
        self._problems = problems
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Return `program_ready`, and `program_problem` with one series per current problem."""
        problems = self._problems()
        text = f"1 for each reason why the program is not ready: {', '.join(Problem)}."
        family = GaugeMetricFamily("program_problem", text, labels=["problem"])
        for problem in sorted(set(problems)):
            family.add_metric([problem.value], 1)
        return (GaugeMetricFamily("program_ready", "1 if the program is ready, else 0.", value=not problems), family)
