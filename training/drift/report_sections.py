"""Sections of the drift report."""

from collections.abc import Sequence
from datetime import UTC, datetime

from schemas.manifest import Manifest
from schemas.messages import DriftReport
from stream.drift.alarm_rule import DriftLimits
from training.drift.charts import bins, over_windows
from training.drift.findings import find
from training.drift.history import ALARMS, ColumnHistory
from training.drift.offline import Looked
from training.drift.sparkline import sparkline
from training.eda.html import Html, card, element, join, legend, table

#: Plots of features; the sparklines show all.
_PLOTTED = 12
_NONE = "-"


def overview(looked: Looked, manifest: Manifest, limits: DriftLimits, columns: Sequence[ColumnHistory]) -> Html:
    """Figures at a glance, what alarmed, and what was held against what."""
    moved, trained = [column for column in columns if column.alarms], manifest.training_window
    rate = looked.reports[-1].false_alarm_rate if looked.reports else None
    tiles = (
        ("transactions", f"{looked.rows:,}"),
        ("windows", f"{len(looked.reports):,}"),
        ("columns that alarmed", f"{len(moved):,} of {len(columns):,}"),
        ("windows in which the rule is wrong", _NONE if rate is None else f"{rate:.1%}"),
        ("refused for a missing value", f"{looked.refused:,}"),
        ("at the end, filling no window", f"{looked.left:,}"),
    )
    boxes = (element("div", element("b", value), element("span", name), class_="tile") for name, value in tiles)
    items = [element("li", text, class_=kind) for text, kind in find(looked, limits, columns)]
    facts = (
        ("model", f"{manifest.name} {manifest.version}, {manifest.algorithm}"),
        ("trained on", f"{trained.rows:,} transactions until {_moment(trained.end_ms)} UTC"),
        ("window", f"{limits.window_rows:,} transactions and {limits.window_s:g} s of event time"),
    )
    return join(
        [
            element("div", *boxes, class_="tiles"),
            element("ul", *items, class_="findings"),
            table(("", ""), facts, text_columns=2),
        ]
    )


def columns(ranked: Sequence[ColumnHistory]) -> Html:
    """Every feature: its newest and its largest statistics, and a bar for each window."""
    head = (
        *("feature", "worst", "PSI, and its limit, by window"),
        *("PSI newest", "largest", "limit", "KS or JS newest", "largest", "limit", "missing newest", "alarms"),
    )
    return join([_note(), table(head, [_row(column) for column in ranked], text_columns=3)])


def plots(ranked: Sequence[ColumnHistory]) -> Html:
    """The features that moved most: PSI over windows, and the shares of the reference's bins."""
    cards = []
    for column in ranked[:_PLOTTED]:
        psi = over_windows(
            [window.psi for window in column.windows],
            [window.psi_limit for window in column.windows],
            f"PSI of {column.name} by window, dotted its limit",
            wide=False,
        )
        shares = [psi]
        if column.reference is not None and column.counted is not None:
            shares.append(bins(column.reference, column.counted, f"Shares of the bins of {column.name}"))
        cards.append(card(column.name, join(shares), f"worst: {column.worst}"))
    note = (
        f"The {len(cards)} features that went furthest. Above PSI by window, dotted its limit; below the shares of the "
        "reference's bins, all windows together; right of the dashed line missing values."
    )
    grid = element("div", *cards, class_="grid small-plots")
    return join([element("p", note), legend("reference", "this file"), grid])


def scores(reports: Sequence[DriftReport], score: ColumnHistory) -> Html:
    """Drift of what the model says: scores, alerts, and what calibrated scores say of themselves."""
    rates = [report.alert_rate for report in reports]
    psi = over_windows(
        [window.psi for window in score.windows],
        [window.psi_limit for window in score.windows],
        "PSI of the score by window, dotted its limit",
        wide=True,
    )
    alerted = over_windows(
        [(report.reviews + report.declines) / report.rows for report in reports],
        [rate.expected if rate else None for rate in rates],
        "Alert rate by window, dotted the reference's",
        wide=True,
    )
    none: list[float | None] = [None] * len(reports)
    mean = over_windows([report.mean_score for report in reports], none, "Mean score by window", wide=True)
    cards = [
        card("PSI of the score", psi, "dotted: its limit"),
        card("Alert rate", alerted, "dotted: of the rows that the model was calibrated on"),
        card("Mean score", mean, "where scores are calibrated, the share of frauds that the model expects"),
    ]
    for name, values in (
        ("Precision", [report.expected_precision for report in reports]),
        ("Recall", [report.expected_recall for report in reports]),
    ):
        shown = over_windows(values, none, f"{name} that the scores themselves expect, by window", wide=True)
        cards.append(
            card(
                f"{name}, without labels",
                shown,
                "assumes that the scores are calibrated and that P(label│input) has not changed: "
                "of a change of that it shows nothing",
            )
        )
    return element("div", *cards, class_="grid")


def windows(reports: Sequence[DriftReport]) -> Html:
    """Every window in one line."""
    head = ("from (UTC)", "until", "number", "rows", "alarming", "alerts", "expected", "p", "mean score")
    return table(head, [_window(report) for report in reports], text_columns=2)


def reading(limits: DriftLimits) -> Html:
    """What the figures mean, and what they do not promise."""
    return join(
        [
            element(
                "p",
                f"A column is over its limits when PSI is above {limits.psi:g}, above what its natural movement was in "
                "99.5 % of the training part's windows, and above what chance alone does; or when KS is significant "
                f"(Holm over all columns, {limits.alpha:g}) and above {limits.ks:g} and its natural movement. "
                f"{limits.windows_in_a_row} such windows in a row are an alarm; a page when PSI is {limits.page_psi:g} "
                "above natural movement. Unknown means that there is no reference, or no natural movement of windows "
                "this small.",
            ),
            element(
                "p",
                "How often the rule is wrong was measured at training, where nothing is known to have drifted, on "
                "features only. Drift says that inputs differ from the training part; whether the model is worse for "
                "it, only labels tell.",
            ),
        ]
    )


def _row(column: ColumnHistory) -> Sequence[str]:
    newest = column.windows[-1]
    return (
        *(column.name, column.worst, sparkline(column.windows)),
        *(_number(newest.psi), _largest(column, "psi"), _number(newest.psi_limit)),
        *(_number(newest.distance), _largest(column, "distance"), _number(newest.distance_limit)),
        *(f"{newest.missing:.2%}", str(len(column.alarms))),
    )


def _window(report: DriftReport) -> Sequence[str]:
    rate = report.alert_rate
    alarming = sum(column.state in ALARMS for column in (*report.features.values(), report.score))
    alerts = (report.reviews + report.declines) / report.rows
    return (
        *(_moment(report.from_ms), _moment(report.until_ms), str(report.number), f"{report.rows:,}"),
        *(str(alarming), f"{alerts:.3%}"),
        *((f"{rate.expected:.3%}", f"{rate.p:.2g}") if rate else (_NONE, _NONE)),
        _number(report.mean_score, digits=5),
    )


def _note() -> Html:
    return element(
        "p",
        "A bar for each window, as high as PSI; the line is its limit. KS is the Kolmogorov-Smirnov statistic, of "
        "categories the Jensen-Shannon distance (JS), which has no limit of its own.",
    )


def _largest(column: ColumnHistory, statistic: str) -> str:
    found = [value for value in (getattr(window, statistic) for window in column.windows) if value is not None]
    return _number(max(found, default=None))


def _number(value: float | None, digits: int = 3) -> str:
    return _NONE if value is None else f"{value:.{digits}f}"


def _moment(time_ms: int | None) -> str:
    return _NONE if time_ms is None else f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M}"
