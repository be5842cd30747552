"""The metrics that our programs export, read from their own registries."""

from typing import NamedTuple

from prometheus_client import CollectorRegistry

from stream.archive.metrics import ArchiveMetrics
from stream.http.metrics import HttpMetrics
from stream.ledger.metrics import LedgerMetrics
from stream.runtime.readiness import ProblemMetrics
from stream.worker.metrics import WorkerMetrics

#: Of prometheus_client itself; on Linux only, hence the list.
PROCESS = {
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "python_info",
}
#: Made outside this repository: Prometheus's own, and those of the node exporter.
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
#: What a family of each type is made of.
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


def registries() -> dict[str, CollectorRegistry]:
    """Return each program's registry, as it is when the program has started."""
    made = {
        "worker": WorkerMetrics().registry,
        "ledger": LedgerMetrics().registry,
        "archive": ArchiveMetrics().registry,
        "http": HttpMetrics().registry,
    }
    for registry in made.values():
        ProblemMetrics(registry, list)  # as add_pages and health_routes do
    return made


class Family(NamedTuple):
    """A metric with all its series.

    Attributes:
        kind: counter, gauge, histogram.
        labels: Of its series, but for a bucket's bound.
        programs: Which export it.
    """

    kind: str
    labels: tuple[str, ...]
    programs: set[str]


def families() -> dict[str, Family]:
    """Return all families by the name that people know them by: a counter's ends in _total."""
    found: dict[str, Family] = {}
    for program, registry in registries().items():
        for collector in registry._collector_to_names:
            for each in collector.collect():
                name = f"{each.name}_total" if each.type == "counter" else each.name
                # One of our own collectors gives families that know their labels; prometheus_client's know them.
                labels = getattr(each, "_labelnames", ()) or getattr(collector, "_labelnames", ())
                known = found.setdefault(name, Family(each.type, tuple(labels), set()))
                known.programs.add(program)
    return {name: family for name, family in found.items() if name not in PROCESS}


def series() -> dict[str, set[str]]:
    """Return the labels of all series by name, but for those that Prometheus gives what it scrapes."""
    return {
        name if family.kind == "counter" else name + suffix: {*family.labels, *(("le",) if suffix == "_bucket" else ())}
        for name, family in families().items()
        for suffix in _SUFFIXES.get(family.kind, ("",))
    }
