"""The metrics that the programs export, read from their registries."""

from typing import NamedTuple

from prometheus_client import CollectorRegistry

from stream.archive.metrics import ArchiveMetrics
from stream.http.metrics import HttpMetrics
from stream.ledger.metrics import LedgerMetrics
from stream.runtime.readiness import ProblemMetrics
from stream.worker.metrics import WorkerMetrics


class Family(NamedTuple):
    """A metric and its series.

    Attributes:
        kind: counter, gauge or histogram.
        labels: Labels of the metric's series, except `le`.
        help: Help text.
        programs: Programs that export the metric, in the order of `registries`.
    """

    kind: str
    labels: tuple[str, ...]
    help: str
    programs: list[str]


#: Metrics of prometheus_client itself, listed here because prometheus_client exports them on Linux only.
PROCESS = {
    "process_cpu_seconds_total": Family("counter", (), "Total user and system CPU time in seconds.", []),
    "process_resident_memory_bytes": Family("gauge", (), "Resident memory in bytes.", []),
    "process_virtual_memory_bytes": Family("gauge", (), "Virtual memory in bytes.", []),
    "process_open_fds": Family("gauge", (), "Number of open files and connections.", []),
    "process_max_fds": Family("gauge", (), "Maximum number of open files and connections.", []),
    "process_start_time_seconds": Family("gauge", (), "Start time of the process, Unix time in seconds.", []),
    "python_info": Family(
        "gauge", ("implementation", "major", "minor", "patchlevel", "version"), "1, with Python's version.", []
    ),
}


def registries() -> dict[str, CollectorRegistry]:
    """Return each program's metrics registry as it is right after the program has started."""
    by_program = {
        "worker": WorkerMetrics().registry,
        "http": HttpMetrics().registry,
        "ledger": LedgerMetrics().registry,
        "archive": ArchiveMetrics().registry,
    }
    for registry in by_program.values():
        ProblemMetrics(registry, list)  # as the programs' web pages do
    return by_program


def families() -> dict[str, Family]:
    """Return all metrics of our own by name; a counter's name ends in _total."""
    by_name: dict[str, Family] = {}
    for program, registry in registries().items():
        for collector in registry._collector_to_names:  # noqa: SLF001 - prometheus_client offers no other way to list collectors
            for each in collector.collect():
                name = f"{each.name}_total" if each.type == "counter" else each.name
                # For our own collectors, the family has the labels; for prometheus_client's, the collector has the
                # labels.
                labels = getattr(each, "_labelnames", ()) or getattr(collector, "_labelnames", ())
                family = by_name.setdefault(name, Family(each.type, tuple(labels), each.documentation, []))
                family.programs.append(program)
    return {name: each for name, each in by_name.items() if name not in PROCESS}
