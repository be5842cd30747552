"""A closed window becomes a report. The stream and `fraud-train drift-report` call the same."""

from dataclasses import dataclass

from schemas.manifest import Manifest
from schemas.messages import AlertRate, DriftCounts, DriftReport
from stream.drift.alert_rate import compare_alert_rate
from stream.drift.grid import Grid
from stream.drift.label_free import estimate
from stream.drift.measure import Measure
from stream.drift.open_window import OpenWindow
from stream.drift.rule import DriftLimits, Rule


@dataclass(frozen=True, slots=True)
class Past:
    """What the next window of a bundle needs to know of those before: the newest report says it all.

    Attributes:
        number: Of the newest report; 0 before the first.
        next_offset: Messages below it are in a report already.
        in_a_row: (k,) of each column, windows over a limit in a row; empty before the first report.
        alert_rate: Of the newest report.
    """

    number: int = 0
    next_offset: int = 0
    in_a_row: tuple[int, ...] = ()
    alert_rate: AlertRate | None = None


class Reporter:
    """Judges the windows of one bundle.

    Args:
        manifest: Of the bundle.
        limits: Of the rule.

    Attributes:
        grid: Its bins.
        measure: Its statistics.
    """

    def __init__(self, manifest: Manifest, limits: DriftLimits) -> None:
        self._manifest = manifest
        self._limits = limits
        self.grid = Grid(manifest)
        self.measure = Measure(self.grid)
        self._rule = Rule(self.measure, limits)

    def close(
        self,
        window: OpenWindow,
        newest: DriftCounts,
        past: Past,
        *,
        next_offset: int,
        settled_offset: int,
        written_at_ms: int,
    ) -> DriftReport:
        """Report a window as it stands; it has one row at least.

        Args:
            window: Of this bundle.
            newest: Its last message: whose bundle it is, and what role it has.
            past: What came before.
            next_offset: One beyond the last message that it could hold.
            settled_offset: Up to which every model's counts are in reports, this one included.
            written_at_ms: Of the message that closed it.
        """
        measured = self.measure.measure(window.counts)
        *features, score = self._rule.judge(measured, past.in_a_row or (0,) * len(self.measure.columns))
        names = self._manifest.feature_names
        counts, score_counts = self.grid.split(window.counts)
        alerts = window.reviews + window.declines
        guess = estimate(window.score_sum, window.alert_score_sum, alerts)
        scored = window.rows - score_counts[-1]
        last = window.last_pane_ms
        return DriftReport(
            name=newest.name,
            version=newest.version,
            bundle_sha256=newest.bundle_sha256,
            decides=newest.decides,
            number=past.number + 1,
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
            alert_rate=self._alert_rate(past.alert_rate, window.rows, alerts),
            mean_score=window.score_sum / scored if scored else None,
            expected_precision=guess.precision,
            expected_recall=guess.recall,
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
        """Return that of the largest measured size that is not above; None where there is none."""
        fitting = [each for each in self._manifest.false_alarms if each.rows <= rows]
        return fitting[-1].alarms / fitting[-1].windows if fitting else None


def past_of(report: DriftReport) -> Past:
    """Return what the window after this report needs to know."""
    columns = (*report.features.values(), report.score)
    in_a_row = tuple(column.in_a_row for column in columns)
    return Past(report.number, report.next_offset, in_a_row, report.alert_rate)
