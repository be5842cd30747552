"""`.env.example` from the settings' own notes.

`python -m deploy.env_example` writes it; a test fails when it is stale.
"""

import textwrap
from pathlib import Path
from typing import Any

import msgspec

from schemas.notes import field_notes
from stream.settings import PREFIX, Settings

FILE = Path(__file__).parents[1] / ".env.example"

_HEAD = """\
# Every setting with its default. Set what differs in the environment; unknown FRAUD_ names are refused.
# Written by `python -m deploy.env_example` from stream/settings.py: edit there."""

#: Read by docker-compose.yml alone.
_COMPOSE = """
# docker-compose.yml only. Copy this file to .env and choose a password of letters and digits; it has no default.
POSTGRES_PASSWORD=
# Ports on this machine, on its loopback address.
KAFKA_HOST_PORT=9092
MLFLOW_HOST_PORT=5000
WORKER_HOST_PORT=6066
LEDGER_HOST_PORT=6068
HTTP_HOST_PORT=6072
PROMETHEUS_HOST_PORT=9090
ALERTMANAGER_HOST_PORT=9093
GRAFANA_HOST_PORT=3000
"""


def rendered() -> str:
    """Return the text of `.env.example`."""
    _, parts = msgspec.json.schema_components([Settings])
    takes: dict[str, dict[str, Any]] = parts["Settings"]["properties"]
    notes = field_notes(Settings)
    lines = [_HEAD]
    for field in msgspec.structs.fields(Settings):
        # A note begins a paragraph; settings without one belong to the paragraph above.
        if note := notes.get(field.name):
            lines += ["", *textwrap.wrap(note, 118, initial_indent="# ", subsequent_indent="# ")]
        if allowed := _allowed(takes[field.name]):
            lines.append(f"# {allowed}")
        lines.append(f"{PREFIX}{field.name.upper()}={field.default}")
    return "\n".join(lines) + "\n" + _COMPOSE


def _allowed(takes: dict[str, Any]) -> str:
    """Say what a setting takes, from its JSON Schema; empty where anything goes."""
    if "enum" in takes:
        return f"One of {', '.join(takes['enum'])}."
    if "maximum" in takes:
        return f"From {takes['minimum']} to {takes['maximum']}."
    if "minimum" in takes:
        return f"At least {takes['minimum']}."
    if "exclusiveMinimum" in takes:
        return f"More than {takes['exclusiveMinimum']}."
    return ""


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8")
