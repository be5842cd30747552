"""Sections of the drift report.

Each function returns the context of one section of `training/pages/templates/drift.html.j2`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from schemas.manifest import Manifest
from schemas.messages import DriftReport
from stream.drift.alarm_rule import DriftLimits
from training.drift.findings import list_findings
from training.drift.history import ALARMS, ColumnHistory
from training.drift.offline import FileDrift
from training.drift.plots import bins, over_windows, sparkline
from training.pages.elements import Context, Panel, Table

#: Number of features that are plotted; the table has a sparkline for every feature.
_PLOTTED = 12
_NONE = "-"


def overview(drift: FileDrift, manifest: Manifest, limits: DriftLimits, columns: Sequence[ColumnHistory]) -> Context:
    """Return the key numbers, the findings, and what the file is compared with."""
    alarming, trained = [column for column in columns if column.alarms], manifest.training_window
    rate = drift.reports[-1].false_alarm_rate if drift.reports else None
    return {
        "tiles": (
            ("transactions", f"{drift.rows:,}"),
            ("windows", f"{len(drift.reports):,}"),
            ("columns with an alarm", f"{len(alarming):,} of {len(columns):,}"),
            ("false-alarm rate per window", _NONE if rate is None else f"{rate:.1%}"),
            ("rows rejected for a missing value", f"{drift.refused:,}"),
            ("rows after the last full window", f"{drift.left_over:,}"),
        ),
        "findings": list_findings(drift, limits, columns),
        "facts": (
            ("model", f"{manifest.name} {manifest.version}, {manifest.algorithm}"),
            ("trained on", f"{trained.rows:,} transactions up to {_minute(trained.end_ms)} UTC"),
            ("window", f"at least {limits.window_rows:,} transactions and {limits.window_s:g} s of event time"),
        ),
    }


def features(ranked: Sequence[ColumnHistory]) -> Context:
    """Return a table with a sparkline and the newest and largest statistics for every feature."""
    head = (
        *("feature", "worst state", "PSI by window"),
        *(
            "newest PSI",
            "largest PSI",
            "PSI limit",
            "newest KS/JS",
            "largest KS/JS",
            "KS/JS limit",
            "newest missing",
            "alarms",
        ),
    )
    return {"table": Table(head, [_feature_row(column) for column in ranked], text_columns=3)}


def plots(ranked: Sequence[ColumnHistory]) -> Context:
    """Return plots of the features that drifted most: PSI by window, and the share of rows in each bin."""
    panels = []
    for column in ranked[:_PLOTTED]:
        drawings = [
            over_windows(
                [window.psi for window in column.windows],
                [window.psi_limit for window in column.windows],
                f"PSI of {column.name} by window; the dotted line is its limit",
                wide=False,
            )
        ]
        if column.reference is not None and column.current is not None:
            drawings.append(bins(column.reference, column.current, f"Share of rows in each bin of {column.name}"))
        panels.append(Panel(column.name, Markup().join(drawings), f"worst state: {column.worst}"))
    return {"panels": panels}


def scores(reports: Sequence[DriftReport], score: ColumnHistory) -> Context:
    """Return plots of the drift of scores, the alert rate, and the precision and recall that the scores predict."""
    rates = [report.alert_rate for report in reports]
    psi = over_windows(
        [window.psi for window in score.windows],
        [window.psi_limit for window in score.windows],
        "PSI of the score by window; the dotted line is its limit",
        wide=True,
    )
    alert_rate = over_windows(
        [(report.reviews + report.declines) / report.rows for report in reports],
        [rate.expected if rate else None for rate in rates],
        "Alert rate by window; the dotted line is the alert rate in the reference",
        wide=True,
    )
    none: list[float | None] = [None] * len(reports)
    mean = over_windows([report.mean_score for report in reports], none, "Mean score by window", wide=True)
    panels = [
        Panel("PSI of the score", psi, "dotted: the limit"),
        Panel("Alert rate", alert_rate, "dotted: the alert rate on the rows that the model was calibrated on"),
        Panel("Mean score", mean, "the fraud rate that the model predicts, if its scores are calibrated"),
    ]
    for name, values in (
        ("Precision", [report.expected_precision for report in reports]),
        ("Recall", [report.expected_recall for report in reports]),
    ):
        estimate = over_windows(values, none, f"{name} estimated from the scores alone, by window", wide=True)
        panels.append(
            Panel(
                f"{name}, estimated without labels",
                estimate,
                "assumes that the scores are calibrated and that P(label│input) has not changed, so the estimate "
                "cannot show a change in P(label│input)",
            )
        )
    return {"panels": panels}


def windows(reports: Sequence[DriftReport]) -> Context:
    """Return a table with one row per window."""
    head = (
        *("from (UTC)", "until (UTC)", "window", "rows", "columns with an alarm"),
        *("alert rate", "expected alert rate", "p-value", "mean score"),
    )
    return {"table": Table(head, [_window_row(report) for report in reports], text_columns=2)}


def _feature_row(column: ColumnHistory) -> Sequence[str]:
    newest = column.windows[-1]
    return (
        *(column.name, column.worst, sparkline(column.windows)),
        *(_number(newest.psi), _largest(column, "psi"), _number(newest.psi_limit)),
        *(_number(newest.distance), _largest(column, "distance"), _number(newest.distance_limit)),
        *(f"{newest.missing:.2%}", str(len(column.alarms))),
    )


def _window_row(report: DriftReport) -> Sequence[str]:
    rate = report.alert_rate
    alarming = sum(column.state in ALARMS for column in (*report.features.values(), report.score))
    alerts = (report.reviews + report.declines) / report.rows
    return (
        *(_minute(report.from_ms), _minute(report.until_ms), str(report.number), f"{report.rows:,}"),
        *(str(alarming), f"{alerts:.3%}"),
        *((f"{rate.expected:.3%}", f"{rate.p:.2g}") if rate else (_NONE, _NONE)),
        _number(report.mean_score, digits=5),
    )


def _largest(column: ColumnHistory, statistic: str) -> str:
    values = [value for value in (getattr(window, statistic) for window in column.windows) if value is not None]
    return _number(max(values, default=None))


def _number(value: float | None, digits: int = 3) -> str:
    return _NONE if value is None else f"{value:.{digits}f}"


def _minute(time_ms: int | None) -> str:
    return _NONE if time_ms is None else f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M}"
