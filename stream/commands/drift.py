"""`fraud-stream drift`: shows drift reports as a live table."""

import itertools
from collections import deque
from collections.abc import Iterable
from typing import TypeVar

import click
import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from schemas.errors import FraudError
from schemas.messages import ColumnDrift, DriftReport
from stream.commands.command_line import examples, until_stopped
from stream.commands.formatting import utc_time
from stream.control.drift_reports import RECENT_REPORTS, decode_report
from stream.kafka.clients import require_broker
from stream.kafka.topic_reader import TopicReader
from stream.settings import Settings, read_settings

T = TypeVar("T")
#: Number of windows in a sparkline.
TREND = 16
BLOCKS = "▁▂▃▄▅▆▇█"
#: Lines of the live display that each model takes in addition to its columns.
OTHER_LINES = 9
#: States of a column, worst first.
STATES = ("page", "alarm", "high", "ok", "unknown")
STYLES = {"page": "bold red", "alarm": "red", "high": "yellow", "ok": "green", "unknown": "dim"}


class RecentReports:
    """The newest reports on every model.

    Attributes:
        models: Up to `TREND` reports on each model, oldest first, by bundle hash.
    """

    def __init__(self) -> None:
        self.models: dict[str, deque[DriftReport]] = {}

    def add(self, report: DriftReport | None) -> None:
        """Add a report, unless the same report was added before."""
        if report is None:
            return
        own = self.models.setdefault(report.bundle_sha256, deque(maxlen=TREND))
        if not own or report.number > own[-1].number:
            own.append(report)

    def select(self, version: str | None) -> list[list[DriftReport]]:
        """Return the reports on each model with this version, or on the newest champion if `version` is None."""
        models = [list(own) for own in self.models.values()]
        if version is not None:
            return [own for own in models if own[-1].version == version]
        champions = [own for own in models if own[-1].decides] or models
        return sorted(champions, key=lambda own: own[-1].next_offset)[-1:]


@click.command(
    name="drift",
    epilog=examples(
        "fraud-stream drift",
        "fraud-stream drift --once --model 7",
        "fraud-stream drift --json | jq '.[].features | to_entries[] | select(.value.state != \"ok\")'",
    ),
)
@click.option("--model", "version", metavar="VERSION", help="Version of the model to show.  [default: the champion]")
@click.option("--once", is_flag=True, help="Show the newest reports and exit.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the newest report on each model, all in one JSON array, and exit."
)
def drift_command(*, version: str | None, once: bool, as_json: bool) -> None:
    """Show how far features and scores have moved from the training data.

    The table has one line for each column of the newest window: PSI with its limit, the KS statistic (the
    Jensen-Shannon distance for categories), the share of missing values, a bar chart of PSI over the most recent
    windows (a bar of half height is at the limit), and the state. The states are ok, high (over a limit), alarm (over a
    limit in several consecutive windows), page (an alarm with a value far over its limit) and unknown (there is no
    reference to compare with).

    Without --once and --json, the table is updated until stopped.
    """
    settings = read_settings()
    require_broker(settings.kafka)
    reader = TopicReader(settings.kafka, settings.topic.drift_reports, newest=RECENT_REPORTS)
    reports = RecentReports()
    console = Console()
    try:
        for raw in reader.history():
            reports.add(decode_report(raw))
        if as_json:
            models = [reports.models[sha256][-1] for sha256 in reports.models]
            selected = [each for each in models if version in {None, each.version}]
            click.echo(msgspec.json.format(msgspec.json.encode(_require(selected, settings, version)), indent=1))
        elif once:
            console.print(render(_require(reports.select(version), settings, version)))
        else:
            with until_stopped():
                _follow(reader, reports, version, console, settings)
    finally:
        reader.close()


def _follow(
    reader: TopicReader, reports: RecentReports, version: str | None, console: Console, settings: Settings
) -> None:
    def display() -> RenderableType:
        selected = reports.select(version)
        lines = max((console.height - OTHER_LINES * len(selected)) // max(len(selected), 1), 5)
        return render(selected, lines) if selected else Text(_no_report(settings, version))

    if not console.is_terminal:  # to a file or a pipe, every window is printed
        console.print(display())
        for raw in reader.follow(until=lambda: False):
            reports.add(decode_report(raw))
            console.print(display())
        return
    with Live(display(), console=console, auto_refresh=False, vertical_overflow="visible") as live:
        live.refresh()
        for raw in reader.follow(until=lambda: False):
            reports.add(decode_report(raw))
            live.update(display(), refresh=True)


def _require(selected: list[T], settings: Settings, version: str | None) -> list[T]:
    if not selected:
        raise FraudError(_no_report(settings, version))
    return selected


def _no_report(settings: Settings, version: str | None) -> str:
    model = "" if version is None else f" of model {version}"
    return (
        f"no report{model} on {settings.topic.drift_reports} yet: a window closes after {settings.drift.window_rows:,} "
        "transactions (FRAUD_DRIFT_WINDOW_ROWS) of workers with FRAUD_DRIFT_MONITOR=on"
    )


def render(models: Iterable[list[DriftReport]], max_columns: int | None = None) -> RenderableType:
    """Return a table of each model's newest window, readable at 80 columns.

    Args:
        models: Reports on each model, oldest first.
        max_columns: Number of columns to show, the most drifted first; None for all.
    """
    return Group(
        *itertools.chain.from_iterable((_head(own[-1]), _table(own, max_columns), _foot(own[-1])) for own in models)
    )


def _head(report: DriftReport) -> Text:
    role = "champion" if report.decides else "challenger"
    text = Text(f"{report.name} {report.version}, {role}: window {report.number}", style="bold")
    text.append(f", {report.rows:,} transactions", style="default")
    if report.from_ms is not None and report.until_ms is not None:
        text.append(f"\nevent time {utc_time(report.from_ms)} to {utc_time(report.until_ms)}", style="dim")
    if report.ahead:
        text.append(
            f"\n{report.ahead:,} transactions are dated too far in the future to be counted",
            style="yellow",
        )
    if not report.complete:
        text.append("\nnot full: the model had no more traffic", style="yellow")
    return text


def _table(own: list[DriftReport], max_columns: int | None) -> RenderableType:
    report = own[-1]
    columns = {"score": report.score, **report.features}
    order = sorted(columns, key=lambda name: (STATES.index(columns[name].state), -(columns[name].psi or 0.0)))
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("column", max_width=22, no_wrap=True)
    for title in ("PSI", "limit", "KS", "missing"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("PSI, last windows", width=TREND + 1, no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name in order[:max_columns]:
        column = columns[name]
        trend = sparkline([_column(each, name) for each in own])
        row = (_number(column.psi), _number(column.psi_limit), _number(column.distance), f"{column.missing:.1%}", trend)
        table.add_row(name, *row, Text(column.state, style=STYLES[column.state]))
    remaining = len(order) - len(order[:max_columns])
    return Group(table, Text(f"and {remaining} more, none of them worse", style="dim")) if remaining else table


def _column(report: DriftReport, name: str) -> ColumnDrift:
    return report.score if name == "score" else report.features[name]


def _foot(report: DriftReport) -> Text:
    lines = []
    if (rate := report.alert_rate) is not None:
        lines.append(f"alert rate {rate.observed:.3%}, expected {rate.expected:.3%} (p {rate.p:.2g}): {rate.state}")
    if report.mean_score is not None:
        lines.append(f"mean score {report.mean_score:.4g}")
    if report.expected_precision is not None and report.expected_recall is not None:
        lines.append(
            f"expected precision {report.expected_precision:.0%}, recall {report.expected_recall:.0%}, "
            "if P(label | input) is unchanged"
        )
    if report.false_alarm_rate is not None:
        lines.append(f"false alarm rate of the rule in windows without drift: {report.false_alarm_rate:.2%}")
    return Text("\n".join((*lines, "")), style="dim")


def sparkline(columns: Iterable[ColumnDrift]) -> str:
    """Return PSI over windows as a sparkline: a half bar at the limit, a full bar from twice the limit, a dot for None.

    >>> at = lambda psi: ColumnDrift(psi, None, None, 0.0, 0.1, None, "ok", 0)
    >>> sparkline([at(0.0), at(0.1), at(0.5), at(None)])
    '▁▅█·'
    """
    return "".join(_block(column.psi, column.psi_limit) for column in columns)


def _block(psi: float | None, limit: float | None) -> str:
    if psi is None or not limit:
        return "·"
    return BLOCKS[min(int(psi / limit * len(BLOCKS) / 2), len(BLOCKS) - 1)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
