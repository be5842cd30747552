"""One reading of an instance's metrics, as the watch needs it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from deploy.release.tracks import Program

#: Metrics that are added up whatever their labels.
_TOTALS = {
    "process_cpu_seconds_total": "cpu",
    "process_resident_memory_bytes": "memory",
    "consumer_lag_transactions": "lag",
    "program_ready": "ready",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Metrics of one instance at one moment. Counters count from the instance's start."""

    #: Name of the instance, unique in its track, and its program.
    instance: str
    program: Program
    #: `time.monotonic()` of the reading.
    at_s: float
    ready: bool
    #: Committed decisions, and those among them that alert (review or decline).
    decided: float
    alerts: float
    #: Transactions that could not be scored for an unexpected reason.
    unscorable: float
    #: HTTP requests, and those among them that got a status of 500 or above.
    requests: float
    errors: float
    #: CPU time in seconds, and resident memory in bytes.
    cpu_s: float
    memory_bytes: float
    #: Transactions left to read.
    lag: float
    #: Number of scores at or below each bucket's upper bound, over the models that decide.
    scores: dict[float, float] = field(default_factory=dict)


def parse_sample(instance: str, program: Program, at_s: float, text: str) -> Sample:
    """Return the sample in a /metrics page.

    Args:
        instance: Name of the instance.
        program: Program of the instance.
        at_s: `time.monotonic()` of the reading.
        text: The page, in Prometheus's text format.
    """
    totals: dict[str, float] = {}
    scores: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        for name, labels, value, *_ in family.samples:
            for key in _keys(name, labels):
                totals[key] = totals.get(key, 0.0) + value
            if name == "model_score_bucket" and labels["role"] == "champion":
                bound = float(labels["le"])
                scores[bound] = scores.get(bound, 0.0) + value
    return Sample(
        instance,
        program,
        at_s,
        ready=totals.get("ready", 0.0) > 0,
        decided=totals.get("decided", 0.0),
        alerts=totals.get("alerts", 0.0),
        unscorable=totals.get("unscorable", 0.0),
        requests=totals.get("requests", 0.0),
        errors=totals.get("errors", 0.0),
        cpu_s=totals.get("cpu", 0.0),
        memory_bytes=totals.get("memory", 0.0),
        lag=totals.get("lag", 0.0),
        scores=scores,
    )


def _keys(name: str, labels: dict[str, str]) -> Sequence[str]:
    """Return the totals to which a sample of a metric adds."""
    if name == "fraud_predictions_total":
        return ("decided",) if labels["verdict"] == "approve" else ("decided", "alerts")
    if name == "http_requests_total":
        return ("requests", "errors") if labels["status"] >= "500" else ("requests",)
    if name == "dead_letters_total":
        return ("unscorable",) if labels["reason"] == "unscorable" else ()
    return (_TOTALS[name],) if name in _TOTALS else ()
