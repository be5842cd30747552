"""docs/http-api.md and docs/openapi.json: the routes of the HTTP edge, from its FastAPI application."""

import asyncio
import functools
import json
from typing import Any

from deploy.reference.contracts import sections
from deploy.reference.markdown import code, head, table
from stream.http.program import HttpProgram
from stream.settings import Settings

_INTRODUCTION = """
[openapi.json](openapi.json) is the same description for programs; a running edge serves it at `GET /openapi.json`.
[http.md](http.md) explains what a response guarantees. If `FRAUD_HTTP_KEYS` is set, a route with a scope in the column
*access* needs an API key with that scope.
The routes of the console are not listed: they may change with the console's page.
"""


@functools.cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of the HTTP edge with default settings. No connection to Kafka is opened."""

    async def build() -> dict[str, Any]:
        return HttpProgram(Settings()).api.openapi()

    return asyncio.run(build())


def openapi_file() -> str:
    """Return the text of docs/openapi.json."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def page() -> str:
    """Return the text of docs/http-api.md."""
    routes = [
        (f"{method.upper()} {path}", operation)
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    ]
    overview = [[f"[{code(name)}](#{_anchor(name)})", _scope(route), route["description"]] for name, route in routes]
    blocks = [
        head("HTTP API", "the FastAPI application", _INTRODUCTION),
        table(["route", "access", "purpose"], overview) + "\n",
        *(_section(name, route) for name, route in routes),
        "## Schemas\n",
        sections(document()["components"]["schemas"], "###"),
    ]
    return "\n".join(blocks)


def _scope(route: dict[str, Any]) -> str:
    return " ".join(code(scope) for each in route.get("security", ()) for scope in each["key"]) or "anyone"


def _section(name: str, route: dict[str, Any]) -> str:
    blocks = [f"## {name}\n\n{route['description']}\n"]
    for parameter in route.get("parameters", ()):
        values = " or ".join(map(code, parameter["schema"].get("enum", ())))
        default = code(parameter["schema"].get("default", ""))
        blocks.append(
            f"Query parameter {code(parameter['name'])} ({values}; default {default}): {parameter['description']}\n"
        )
    if body := route.get("requestBody"):
        content = body["content"]["application/json"]
        examples = content.get("examples") or {"": {"value": content["example"]}}
        blocks.extend(
            f"{each.get('summary', 'Request')}:\n\n```json\n{json.dumps(each['value'], ensure_ascii=False)}\n```\n"
            for each in examples.values()
        )
    rows = [[status, each["description"]] for status, each in sorted(route["responses"].items())]
    return "\n".join([*blocks, table(["status", "meaning"], rows) + "\n"])


def _anchor(name: str) -> str:
    """Return the anchor of a route's heading.

    >>> _anchor("POST /predict/batch")
    'post-predictbatch'
    """
    return name.lower().replace(" /", "-").replace("/", "")
