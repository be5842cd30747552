"""What the newest look at the models' quality found, as gauges: all of one look, or all of the one before.

A figure that there is nothing to take of has no sample. A gauge that somebody sets would show 0 there, and while it is
cleared and set again, less than there is.
"""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from stream.evaluation.confusion import Confusion
from stream.ledger.quality import Model, Quality

_OUTCOMES = Confusion.__struct_fields__
_SHARES = {
    "accuracy": "Share of matured transactions that the model was right about.",
    "precision": "Share of the matured transactions it reviewed or declined that were fraud.",
    "recall": "Share of the matured frauds that it reviewed or declined.",
    "f1": "Harmonic mean of precision and recall.",
    "false_positive_rate": "Share of the matured legitimate transactions that it reviewed or declined.",
    "false_negative_rate": "Share of the matured frauds that it approved.",
}
_MODEL = Model.__struct_fields__


class QualityMetrics(Collector):
    """Shows nothing before the first look."""

    def __init__(self) -> None:
        self._last = Quality()

    def show(self, quality: Quality) -> None:
        """Show another look's figures; callable from any thread."""
        self._last = quality

    def collect(self) -> Iterator[Metric]:
        """Yield every figure of the newest look."""
        last = self._last
        counts = GaugeMetricFamily(
            "model_matured_transactions",
            "Matured transactions of the window, by what became of them.",
            labels=(*_MODEL, "outcome"),
        )
        for model, found in last.matured.items():
            for outcome in _OUTCOMES:
                counts.add_metric((*_names(model), outcome), getattr(found, outcome))
        yield counts
        for name, words in _SHARES.items():
            shares = GaugeMetricFamily(f"model_{name}", words, labels=_MODEL)
            for model, found in last.matured.items():
                if (share := getattr(found, name)) is not None:
                    shares.add_metric(_names(model), share)
            yield shares
        waiting = GaugeMetricFamily(
            "model_labels_waiting", "Decided transactions that are too young to be judged.", labels=_MODEL
        )
        for model, count in last.waiting.items():
            waiting.add_metric(_names(model), count)
        yield waiting
        newest = GaugeMetricFamily(
            "model_newest_label_timestamp_seconds", "When the source of the newest label came to know."
        )
        if last.newest_label_ms is not None:
            newest.add_metric((), last.newest_label_ms / 1000)
        yield newest


def _names(model: Model) -> tuple[str, ...]:
    return (model.bundle_sha256, model.version, model.policy, model.role)
