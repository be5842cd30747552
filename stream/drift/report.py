"""Builds the drift report of a closed window, for the stream and for `fraud-train drift-report`."""

from dataclasses import dataclass

from schemas.manifest import Manifest
from schemas.messages import AlertRate, DriftCounts, DriftReport
from stream.drift.alarm_rule import AlarmRule, DriftLimits
from stream.drift.alert_rate import compare_alert_rate
from stream.drift.binning import Binning
from stream.drift.label_free import estimate
from stream.drift.open_window import OpenWindow
from stream.drift.statistics import DriftStatistics


@dataclass(frozen=True, slots=True)
class PreviousReport:
    """What a bundle's next report needs to know from the bundle's newest report.

    Attributes:
        number: Number of the newest report; 0 before the first report.
        next_offset: Offset below which all messages are in a report.
        in_a_row: (k,) number of windows in a row over a limit, for each column; empty before the first report.
        alert_rate: Result of the alert rate test in the newest report.
    """

    number: int = 0
    next_offset: int = 0
    in_a_row: tuple[int, ...] = ()
    alert_rate: AlertRate | None = None


class DriftReporter:
    """Builds the drift reports on the windows of one bundle.

    Args:
        manifest: Manifest of the bundle.
        limits: Limits of the alarm rule.

    Attributes:
        binning: Bins of the bundle's columns.
        statistics: Computes the drift statistics in these bins.
    """

    def __init__(self, manifest: Manifest, limits: DriftLimits) -> None:
        self._manifest = manifest
        self._limits = limits
        self.binning = Binning(manifest)
        self.statistics = DriftStatistics(self.binning)
        self._rule = AlarmRule(self.statistics, limits)

    def close(
        self,
        window: OpenWindow,
        newest: DriftCounts,
        previous: PreviousReport,
        *,
        next_offset: int,
        settled_offset: int,
        written_at_ms: int,
    ) -> DriftReport:
        """Return the report on a window, whether or not the window is full.

        Args:
            window: Window of this bundle, with at least one row.
            newest: Newest message about the bundle, which gives the name, version and role.
            previous: What is needed from the bundle's previous report.
            next_offset: Offset just after the last message that can be in the window.
            settled_offset: Offset below which every model's counts are in reports, this report included.
            written_at_ms: Time of the message that closed the window, UTC milliseconds.
        """
        measured = self.statistics.measure(window.counts)
        *features, score = self._rule.evaluate(measured, previous.in_a_row or (0,) * len(self.statistics.columns))
        names = self._manifest.feature_names
        counts, score_counts = self.binning.split(window.counts)
        alerts = window.reviews + window.declines
        estimated = estimate(window.score_sum, window.alert_score_sum, alerts)
        scored = window.rows - score_counts[-1]
        last = window.last_pane_ms
        return DriftReport(
            name=newest.name,
            version=newest.version,
            bundle_sha256=newest.bundle_sha256,
            decides=newest.decides,
            number=previous.number + 1,
            first_offset=window.first_offset,
            next_offset=next_offset,
            settled_offset=settled_offset,
            from_ms=window.first_pane_ms,
            until_ms=None if last is None else last + self._limits.pane_s * 1000,
            rows=window.rows,
            ahead=window.ahead,
            complete=window.full,
            features=dict(zip(names, features, strict=True)),
            score=score,
            alert_rate=self._alert_rate(previous.alert_rate, window.rows, alerts),
            mean_score=window.score_sum / scored if scored else None,
            expected_precision=estimated.precision,
            expected_recall=estimated.recall,
            false_alarm_rate=self._false_alarm_rate(window.rows),
            counts=counts,
            score_counts=score_counts,
            reviews=window.reviews,
            declines=window.declines,
            written_at_ms=written_at_ms,
        )

    def _alert_rate(self, before: AlertRate | None, rows: int, alerts: int) -> AlertRate | None:
        reference = self._manifest.verdict_reference
        return compare_alert_rate(reference, before, rows, alerts, self._limits) if reference else None

    def _false_alarm_rate(self, rows: int) -> float | None:
        """Return the false alarm rate for the largest measured window size up to `rows`; None if there is none."""
        fitting = [each for each in self._manifest.false_alarms if each.rows <= rows]
        return fitting[-1].alarms / fitting[-1].windows if fitting else None


def previous_report(report: DriftReport) -> PreviousReport:
    """Return what the next window's report needs to know from a report."""
    columns = (*report.features.values(), report.score)
    in_a_row = tuple(column.in_a_row for column in columns)
    return PreviousReport(report.number, report.next_offset, in_a_row, report.alert_rate)
