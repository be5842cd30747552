"""The metrics that our programs export, read from their own registries."""

from prometheus_client import CollectorRegistry

from stream.archive.metrics import ArchiveMetrics
from stream.http.metrics import HttpMetrics
from stream.kafka.problem_metrics import ProblemMetrics
from stream.ledger.metrics import LedgerMetrics
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
#: Of the ledger, asked for here before it shows them; the test that reads this list says when an entry is stale.
AWAITED = {
    "model_matured_transactions",
    "model_accuracy",
    "model_precision",
    "model_recall",
    "model_f1",
    "model_false_positive_rate",
    "model_false_negative_rate",
    "model_labels_waiting",
    "model_newest_label_timestamp_seconds",
    "alert_history_total",
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


def families() -> dict[str, str]:
    """Return all families by the name that people know them by (a counter's ends in _total), with their types."""
    found = [family for registry in registries().values() for family in registry.collect()]
    named = {f"{each.name}_total" if each.type == "counter" else each.name: each.type for each in found}
    return {name: kind for name, kind in named.items() if name not in PROCESS}


def series() -> set[str]:
    """Return the names of all series."""
    found = families()
    return {
        name if kind == "counter" else name + suffix
        for name, kind in found.items()
        for suffix in _SUFFIXES.get(kind, ("",))
    }
