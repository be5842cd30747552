"""The newest measurement of the models' quality as Prometheus gauges.

This is a collector rather than a set of gauges, so that a scrape sees one complete measurement, never a mixture of an
old and a new measurement. A ratio whose denominator is zero has no sample; 0 would be misleading.
"""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from stream.evaluation.confusion import Confusion
from stream.ledger.quality import MeasuredModel, ModelQuality

_OUTCOMES = Confusion.__struct_fields__
_RATIOS = {
    "accuracy": "Share of matured transactions in the window whose verdict was right.",
    "precision": "Share of the matured transactions that the model reviewed or declined that were fraud.",
    "recall": "Share of the matured frauds that the model reviewed or declined.",
    "f1": "Harmonic mean of precision and recall over the matured transactions in the window.",
    "false_positive_rate": "Share of the matured legitimate transactions that the model reviewed or declined.",
    "false_negative_rate": "Share of the matured frauds that the model approved.",
}
_MODEL = MeasuredModel.__struct_fields__


class QualityMetrics(Collector):
    """Exports the newest measurement; exports nothing before the first measurement."""

    def __init__(self) -> None:
        self._newest = ModelQuality()

    def show(self, quality: ModelQuality) -> None:
        """Replace the exported measurement. Callable from any thread."""
        self._newest = quality

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the newest measurement."""
        newest = self._newest
        counts = GaugeMetricFamily(
            "model_matured_transactions",
            "Matured transactions in the window, by the model's verdict and the true outcome.",
            labels=(*_MODEL, "outcome"),
        )
        for model, confusion in newest.matured.items():
            for outcome in _OUTCOMES:
                counts.add_metric((*_label_values(model), outcome), getattr(confusion, outcome))
        yield counts
        for name, help_text in _RATIOS.items():
            ratios = GaugeMetricFamily(f"model_{name}", help_text, labels=_MODEL)
            for model, confusion in newest.matured.items():
                if (ratio := getattr(confusion, name)) is not None:
                    ratios.add_metric(_label_values(model), ratio)
            yield ratios
        waiting = GaugeMetricFamily(
            "model_labels_waiting",
            "Decisions that have not matured yet; only for models that decide.",
            labels=_MODEL,
        )
        for model, count in newest.waiting.items():
            waiting.add_metric(_label_values(model), count)
        yield waiting
        label_time = GaugeMetricFamily(
            "model_newest_label_timestamp_seconds", "Event time of the newest label, Unix time in seconds."
        )
        if newest.newest_label_ms is not None:
            label_time.add_metric((), newest.newest_label_ms / 1000)
        yield label_time


def _label_values(model: MeasuredModel) -> tuple[str, ...]:
    return (model.bundle_sha256, model.version, model.policy, model.role)
