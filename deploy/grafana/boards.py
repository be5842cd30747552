"""All dashboards, with their JSON and their queries."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import drift, models, overview, system

FOLDER = Path(__file__).with_name("dashboards")
#: Dashboards by the name of their JSON file.
BOARDS: dict[str, Callable[[], Dashboard]] = {
    "overview": overview.board,
    "models": models.board,
    "drift": drift.board,
    "system": system.board,
}


class PanelQuery(NamedTuple):
    """A Prometheus query of a panel."""

    board: str
    panel: str
    expression: str


def render(name: str) -> str:
    """Return the JSON of a dashboard."""
    return JSONEncoder(sort_keys=True, indent=2).encode(BOARDS[name]().build()) + "\n"


def panel_queries() -> Iterator[PanelQuery]:
    """Yield the queries of all panels."""
    for name in BOARDS:
        board: dict[str, Any] = json.loads(render(name))
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                yield PanelQuery(name, panel["title"], target["expr"])
