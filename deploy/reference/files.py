"""The generated files and the functions that render them."""

from collections.abc import Callable

from deploy.reference import (
    asyncapi,
    command_lines,
    diagrams,
    http_api,
    ledger_tables,
    manifest,
    metrics,
    settings,
    topics,
)

#: Functions that return the text of each file, by path relative to the repository.
FILES: dict[str, Callable[[], str]] = {
    "docs/settings.md": settings.page,
    "docs/metrics.md": metrics.page,
    "docs/cli.md": command_lines.page,
    "docs/http-api.md": http_api.page,
    "docs/openapi.json": http_api.openapi_file,
    "docs/topics.md": topics.page,
    "schemas/asyncapi.json": asyncapi.rendered,
    "docs/manifest.md": manifest.page,
    "docs/ledger-tables.md": ledger_tables.page,
    "docs/life-of-a-transaction.svg": diagrams.transaction,
    "docs/life-of-a-bundle.svg": diagrams.bundle,
    "docs/life-of-a-label.svg": diagrams.label,
}
