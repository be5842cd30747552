"""Prometheus metrics of the drift monitor."""

import threading
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.messages import DriftReport
from stream.drift.counts_merger import DriftView

MODEL = ("role", "name", "version")


class DriftMetrics(Collector):
    """Counters, and rolling statistics of every model in a role over its newest rows, as many as fill a window.

    The statistics of all models are replaced at once, so a scrape never mixes two updates.

    Args:
        registry: Registry that the metrics are added to.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._elected = Gauge(
            "drift_elected",
            "1 on the worker that is elected to monitor drift and exports the drift gauges.",
            registry=registry,
        )
        self._alarms = Counter("drift_alarms", "Drift alarms raised, by column.", ["column"], registry=registry)
        self._reports = Counter("drift_reports", "Windows closed and reported, for all models.", registry=registry)
        self._refused = Counter(
            "drift_counts_refused",
            "Messages on drift-counts whose bundle is missing or has a different reference.",
            registry=registry,
        )
        self._requests = Counter("drift_retrain_requests", "Retraining requests caused by drift.", registry=registry)
        self._lock = threading.Lock()
        self._views: Sequence[DriftView] = ()
        registry.register(self)

    def elected(self, elected: bool) -> None:
        """Show whether this worker is the elected monitor; a worker that is not elected shows no statistics."""
        self._elected.set(elected)
        self.show(())

    def show(self, views: Sequence[DriftView]) -> None:
        """Replace the statistics of all models."""
        with self._lock:
            self._views = views

    def reported(self, report: DriftReport, windows_in_a_row: int) -> None:
        """Count a report and the alarms that it raises.

        Args:
            report: Report that was written.
            windows_in_a_row: Number of consecutive windows over a limit after which a column raises an alarm.
        """
        self._reports.inc()
        columns = {**report.features, "score": report.score}
        for name, column in columns.items():
            if column.state in {"alarm", "page"} and column.in_a_row == windows_in_a_row:
                self._alarms.labels(name).inc()

    def refused(self) -> None:
        """Count a message on `drift-counts` that is ignored."""
        self._refused.inc()

    def requested(self) -> None:
        """Count a written request for retraining."""
        self._requests.inc()

    def collect(self) -> Iterable[Metric]:
        """Return the statistics that the last call to `show` set."""
        with self._lock:
            views = self._views
        psi = GaugeMetricFamily(
            "feature_drift_psi",
            "PSI of each feature, comparing the newest rows with the reference.",
            labels=[*MODEL, "feature"],
        )
        ks = GaugeMetricFamily(
            "feature_drift_ks",
            "KS statistic of each numeric feature, from 0 to 1; for categorical features, the Jensen-Shannon distance.",
            labels=[*MODEL, "feature"],
        )
        score_psi = GaugeMetricFamily(
            "prediction_drift_psi", "PSI of the score, comparing the newest rows with the reference.", labels=[*MODEL]
        )
        score_ks = GaugeMetricFamily("prediction_drift_ks", "KS statistic of the score, from 0 to 1.", labels=[*MODEL])
        fill = GaugeMetricFamily(
            "drift_window_fill", "Rows in the open window as a share of a full window, from 0 to 1.", labels=[*MODEL]
        )
        for view in views:
            newest = view.newest
            model = ["champion" if newest.decides else "challenger", newest.name, newest.version]
            psi_values, distances = view.by_rows.psi.tolist(), view.by_rows.distance.tolist()
            for name, psi_value, distance in zip(view.columns[:-1], psi_values, distances, strict=False):
                psi.add_metric([*model, name], psi_value)
                ks.add_metric([*model, name], distance)
            score_psi.add_metric(model, psi_values[-1])
            score_ks.add_metric(model, distances[-1])
            fill.add_metric(model, min(view.rows / view.window_rows, 1.0))
        return (psi, ks, score_psi, score_ks, fill)
