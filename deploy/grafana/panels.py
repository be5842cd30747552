"""The few kinds of panel that our dashboards are made of. Each says what it is for, in its description."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders.common import StackingConfig, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.builders.heatmap import Panel as Heatmap
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Timeseries
from grafana_foundation_sdk.models.common import (
    DataSourceRef,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
)
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

#: As provisioned beside; a name would be another one on another Grafana.
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
#: Of 24 columns: three panels side by side. And rows of 30 pixels.
SPAN, HEIGHT = 8, 8

Panel = Heatmap | Stat | Table | Timeseries
#: By legend, in which {{label}} stands for a label's value.
Queries = Mapping[str, str]


def board(name: str, title: str, rows: Mapping[str, list[Panel]]) -> Dashboard:
    """Return a dashboard.

    Args:
        name: Its address on any Grafana.
        title: Its name for people.
        rows: By title, the panels in each.
    """
    made = (
        Dashboard(title)
        .uid(f"fraud-stream-{name}")
        .tags(["fraud-stream"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
    )
    for row, panels in rows.items():
        made = made.with_row(Row(row))
        for panel in panels:
            made = made.with_panel(panel)
    return made


def graph(title: str, why: str, queries: Queries, *, unit: str = "short", stacked: bool = False) -> Timeseries:
    """Return lines over time; areas on top of each other where they add up to something."""
    panel = Timeseries().title(title).description(why).unit(unit).datasource(SOURCE).span(SPAN).height(HEIGHT).min(0)
    panel = panel.legend(
        VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)  # noqa: FBT003 - the SDK's own
    )
    if stacked:
        panel = panel.stacking(StackingConfig().mode(StackingMode.NORMAL).group("A")).fill_opacity(30)
    for query in _targets(queries):
        panel = panel.with_target(query)
    return panel


def number(title: str, why: str, expression: str, *, unit: str = "short", legend: str = "") -> Stat:
    """Return what holds now, as figures."""
    panel = Stat().title(title).description(why).unit(unit).datasource(SOURCE).span(SPAN).height(HEIGHT)
    return panel.with_target(Dataquery().expr(expression).legend_format(legend).instant().datasource(SOURCE))


def table(title: str, why: str, expression: str) -> Table:
    """Return what holds now, a row for each series with its labels."""
    panel = Table().title(title).description(why).datasource(SOURCE).span(SPAN).height(HEIGHT)
    return panel.with_target(Dataquery().expr(expression).instant().format(PromQueryFormat.TABLE).datasource(SOURCE))


def heat(title: str, why: str, expression: str, *, unit: str = "short") -> Heatmap:
    """Return a histogram over time, from a query that gives increases by bucket (`le`)."""
    panel = Heatmap().title(title).description(why).unit(unit).datasource(SOURCE).span(SPAN).height(HEIGHT)
    query = Dataquery().expr(expression).legend_format("{{le}}").format(PromQueryFormat.HEATMAP)
    return panel.with_target(query.datasource(SOURCE))


def _targets(queries: Queries) -> list[Dataquery]:
    return [
        Dataquery().expr(expression).legend_format(legend).range().datasource(SOURCE).ref_id(chr(ord("A") + place))
        for place, (legend, expression) in enumerate(queries.items())
    ]
