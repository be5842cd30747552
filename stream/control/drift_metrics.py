"""What the drift watch sees, for Prometheus."""

import threading
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.messages import DriftReport
from stream.drift.counts_merger import DriftView

MODEL = ("role", "name", "version")


class DriftMetrics(Collector):
    """Rolling statistics of every model that plays: those of the last window's worth of rows, whole or none.

    Args:
        registry: Receives them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._elected = Gauge("drift_elected", "1 in the worker that watches for drift.", registry=registry)
        self._alarms = Counter("drift_alarms", "Alarms that went on, by column.", ["column"], registry=registry)
        self._reports = Counter("drift_reports", "Windows that were closed.", registry=registry)
        self._refused = Counter("drift_counts_refused", "Messages of counts left out.", registry=registry)
        self._asked = Counter("drift_retrain_requests", "Requests for another model.", registry=registry)
        self._lock = threading.Lock()
        self._views: Sequence[DriftView] = ()
        registry.register(self)

    def elected(self, elected: bool) -> None:
        """Show whether this worker watches; who does not shows no drift."""
        self._elected.set(elected)
        self.show(())

    def show(self, views: Sequence[DriftView]) -> None:
        """Show these models from now on."""
        with self._lock:
            self._views = views

    def reported(self, report: DriftReport, windows_in_a_row: int) -> None:
        """Count a report and the alarms that went on with it."""
        self._reports.inc()
        columns = {**report.features, "score": report.score}
        for name, column in columns.items():
            if column.state in {"alarm", "page"} and column.in_a_row == windows_in_a_row:
                self._alarms.labels(name).inc()

    def refused(self) -> None:
        """Count a message that was left out."""
        self._refused.inc()

    def asked(self) -> None:
        """Count a request for another model that was written."""
        self._asked.inc()

    def collect(self) -> Iterable[Metric]:
        """Give the gauges of the models shown last."""
        with self._lock:
            views = self._views
        psi = GaugeMetricFamily("feature_drift_psi", "PSI of the last rows.", labels=[*MODEL, "feature"])
        ks = GaugeMetricFamily("feature_drift_ks", "KS or Jensen-Shannon distance.", labels=[*MODEL, "feature"])
        score_psi = GaugeMetricFamily("prediction_drift_psi", "PSI of the scores.", labels=[*MODEL])
        score_ks = GaugeMetricFamily("prediction_drift_ks", "KS of the scores.", labels=[*MODEL])
        fill = GaugeMetricFamily("drift_window_fill", "Share of the open window that is there.", labels=[*MODEL])
        for view in views:
            newest = view.newest
            model = ["champion" if newest.decides else "challenger", newest.name, newest.version]
            psis, distances = view.by_rows.psi.tolist(), view.by_rows.distance.tolist()
            for name, moved, apart in zip(view.columns[:-1], psis, distances, strict=False):
                psi.add_metric([*model, name], moved)
                ks.add_metric([*model, name], apart)
            score_psi.add_metric(model, psis[-1])
            score_ks.add_metric(model, distances[-1])
            fill.add_metric(model, min(view.rows / view.window_rows, 1.0))
        return (psi, ks, score_psi, score_ks, fill)
