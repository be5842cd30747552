"""docs/settings.md: every setting, from `stream/settings/`."""

from typing import Any

import msgspec

from deploy.env_example import allowed, summary
from deploy.reference.markdown import code, head, table
from schemas.field_notes import field_notes
from stream.settings import PREFIX, Settings

_INTRODUCTION = """
Settings are environment variables. Each program reads them once, when it starts. A program exits with an error if a
variable that begins with `FRAUD_` is unknown or has a value that is not allowed. [.env.example](../.env.example) lists
the same settings as lines of a shell or `.env` file, and the variables that only `docker-compose.yml` reads. The
programs read only their environment, not `.env`; `docker-compose.yml` passes on only the variables that it names.

`fraud-train` also reads MLflow's own `MLFLOW_TRACKING_URI`. A setting marked with ″ is explained in the row above it.
"""
#: Headings that are not just the capitalised name of the group.
_TITLES = {"http": "HTTP"}


def page() -> str:
    """Return the text of docs/settings.md."""
    _, components = msgspec.json.schema_components([Settings])
    defaults = Settings().environment()
    blocks = [head("Settings", "stream/settings/", _INTRODUCTION)]
    for group in msgspec.structs.fields(Settings):
        schemas: dict[str, dict[str, Any]] = components[group.type.__name__]["properties"]
        notes = field_notes(group.type)
        rows = []
        for field in msgspec.structs.fields(group.type):
            variable = f"{PREFIX}{group.name}_{field.name}".upper()
            meaning = " ".join(filter(None, (notes.get(field.name, "″"), allowed(schemas[field.name]))))
            rows.append([code(variable), code(defaults[variable]) or "empty", meaning])
        blocks.append(f"## {_TITLES.get(group.name, group.name.capitalize())}\n\n{summary(group.type)}\n")
        blocks.append(table(["variable", "default", "meaning"], rows) + "\n")
    return "\n".join(blocks)
