"""The series that the programs export, for tests of rules and dashboards."""

from deploy.reference.exported_metrics import families

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


def series() -> dict[str, set[str]]:
    """Return the labels of all series by name, without those that Prometheus adds."""
    return {
        name if family.kind == "counter" else name + suffix: {*family.labels, *(("le",) if suffix == "_bucket" else ())}
        for name, family in families().items()
        for suffix in _SUFFIXES.get(family.kind, ("",))
    }
