"""The metrics that the programs export, read from their registries."""

from typing import NamedTuple

from prometheus_client import CollectorRegistry

from stream.archive.metrics import ArchiveMetrics
from stream.http.metrics import HttpMetrics
from stream.ledger.metrics import LedgerMetrics
from stream.runtime.readiness import ProblemMetrics
from stream.worker.metrics import WorkerMetrics

#: Metrics of prometheus_client itself, listed here because prometheus_client exports them on Linux only.
PROCESS = {
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "python_info",
}
#: Metrics of Prometheus itself and of the node exporter.
FOREIGN = {
    "up",
    "ALERTS",
    "prometheus_rule_evaluation_failures_total",
    "node_cpu_seconds_total",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
}
#: Suffixes of a family's series, by type.
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


def registries() -> dict[str, CollectorRegistry]:
    """Return each program's metrics registry as it is right after the program has started."""
    by_program = {
        "worker": WorkerMetrics().registry,
        "ledger": LedgerMetrics().registry,
        "archive": ArchiveMetrics().registry,
        "http": HttpMetrics().registry,
    }
    for registry in by_program.values():
        ProblemMetrics(registry, list)  # as the programs' web pages do
    return by_program


class Family(NamedTuple):
    """A metric and its series.

    Attributes:
        kind: counter, gauge or histogram.
        labels: Labels of the metric's series, except `le`.
        programs: Programs that export the metric.
    """

    kind: str
    labels: tuple[str, ...]
    programs: set[str]


def families() -> dict[str, Family]:
    """Return all metrics by name; a counter's name ends in _total."""
    by_name: dict[str, Family] = {}
    for program, registry in registries().items():
        for collector in registry._collector_to_names:
            for each in collector.collect():
                name = f"{each.name}_total" if each.type == "counter" else each.name
                # For our own collectors, the family has the labels; for prometheus_client's, the collector has the
                # labels.
                labels = getattr(each, "_labelnames", ()) or getattr(collector, "_labelnames", ())
                family = by_name.setdefault(name, Family(each.type, tuple(labels), set()))
                family.programs.add(program)
    return {name: each for name, each in by_name.items() if name not in PROCESS}


def series() -> dict[str, set[str]]:
    """Return the labels of all series by name, without those that Prometheus adds."""
    return {
        name if family.kind == "counter" else name + suffix: {*family.labels, *(("le",) if suffix == "_bucket" else ())}
        for name, family in families().items()
        for suffix in _SUFFIXES.get(family.kind, ("",))
    }
