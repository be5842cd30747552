"""The kinds of panel that the dashboards use. Each panel has a description."""

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

#: The provisioned data source by uid, because its name may differ between Grafana installations.
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
#: Width of a panel in columns (a dashboard has 24, so three panels fit side by side); height in rows of 30 pixels.
SPAN, HEIGHT = 8, 8

Panel = Heatmap | Stat | Table | Timeseries
#: PromQL expressions by legend, in which {{label}} stands for the value of a label.
Queries = Mapping[str, str]


def board(name: str, title: str, rows: Mapping[str, list[Panel]]) -> Dashboard:
    """Return a dashboard that shows panels in titled rows.

    Args:
        name: Suffix of the dashboard's uid, which is part of its URL.
        title: Title of the dashboard.
        rows: Panels by row title.
    """
    dashboard = (
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
        dashboard = dashboard.with_row(Row(row))
        for panel in panels:
            dashboard = dashboard.with_panel(panel)
    return dashboard


def graph(title: str, description: str, queries: Queries, *, unit: str = "short", stacked: bool = False) -> Timeseries:
    """Return a time series panel, with stacked areas if the series add up to a meaningful total."""
    panel = (
        Timeseries()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(SOURCE)
        .span(SPAN)
        .height(HEIGHT)
        .min(0)
    )
    panel = panel.legend(
        VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)  # noqa: FBT003 - the SDK's signature
    )
    if stacked:
        panel = panel.stacking(StackingConfig().mode(StackingMode.NORMAL).group("A")).fill_opacity(30)
    for query in _targets(queries):
        panel = panel.with_target(query)
    return panel


def number(title: str, description: str, expression: str, *, unit: str = "short", legend: str = "") -> Stat:
    """Return a panel with current values as numbers."""
    panel = Stat().title(title).description(description).unit(unit).datasource(SOURCE).span(SPAN).height(HEIGHT)
    return panel.with_target(Dataquery().expr(expression).legend_format(legend).instant().datasource(SOURCE))


def table(title: str, description: str, expression: str) -> Table:
    """Return a table of current values, with one row per series and its labels."""
    panel = Table().title(title).description(description).datasource(SOURCE).span(SPAN).height(HEIGHT)
    return panel.with_target(Dataquery().expr(expression).instant().format(PromQueryFormat.TABLE).datasource(SOURCE))


def heat(title: str, description: str, expression: str, *, unit: str = "short") -> Heatmap:
    """Return a heatmap of a histogram over time, from a query that gives increases by bucket (`le`)."""
    panel = Heatmap().title(title).description(description).unit(unit).datasource(SOURCE).span(SPAN).height(HEIGHT)
    query = Dataquery().expr(expression).legend_format("{{le}}").format(PromQueryFormat.HEATMAP)
    return panel.with_target(query.datasource(SOURCE))


def _targets(queries: Queries) -> list[Dataquery]:
    return [
        Dataquery().expr(expression).legend_format(legend).range().datasource(SOURCE).ref_id(chr(ord("A") + index))
        for index, (legend, expression) in enumerate(queries.items())
    ]
