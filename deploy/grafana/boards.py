"""Which dashboards there are, as JSON, and what they ask Prometheus for."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import drift, models, overview, system

FOLDER = Path(__file__).with_name("dashboards")
#: By file name.
BOARDS: dict[str, Callable[[], Dashboard]] = {
    "overview": overview.board,
    "models": models.board,
    "drift": drift.board,
    "system": system.board,
}


class Asked(NamedTuple):
    """One query of one panel."""

    board: str
    panel: str
    expression: str


def rendered(name: str) -> str:
    """Return a dashboard's JSON."""
    return JSONEncoder(sort_keys=True, indent=2).encode(BOARDS[name]().build()) + "\n"


def asked() -> Iterator[Asked]:
    """Yield all queries of all panels."""
    for name in BOARDS:
        board: dict[str, Any] = json.loads(rendered(name))
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                yield Asked(name, panel["title"], target["expr"])
