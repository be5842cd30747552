"""`fraud-stream http` and `fraud-stream http-key`."""

from pathlib import Path

import click

from stream.commands.command_line import examples
from stream.commands.logging_setup import set_up_logging
from stream.commands.optional_packages import requires_extra
from stream.http.api_keys import SCOPES, Scope, add_key, make_key
from stream.serving.tracing import set_up_tracing
from stream.settings import read_settings


@click.command(
    "http",
    epilog=examples(
        "fraud-stream http",
        "FRAUD_HTTP_HOST=0.0.0.0 FRAUD_HTTP_KEYS=keys.json fraud-stream http",
        "curl -H 'Content-Type: application/json' -d @transaction.json localhost:6072/predict",
    ),
)
def http_command() -> None:
    """Serve decisions over HTTP until stopped.

    Uses the same models, roles and policies as the workers. Each decision is written to Kafka before it is sent to the
    client. docs/http.md describes the API.
    """
    with requires_extra("http", "the HTTP edge"):
        from stream.http.program import run_http  # noqa: PLC0415 - uvloop and FastAPI are an extra
    settings = read_settings()
    set_up_logging(settings)
    set_up_tracing(settings.tracing, "http", settings.kafka.slot)
    run_http(settings)


@click.command(
    "http-key",
    epilog=examples(
        "fraud-stream http-key shop --scope predict --file keys.json",
        "fraud-stream http-key ada --scope read --scope label --file keys.json",
    ),
)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="Permission that the key grants; may be repeated.",
)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Key file; by default the file that FRAUD_HTTP_KEYS names.",
)
def http_key_command(name: str, scopes: tuple[Scope, ...], path: Path) -> None:
    """Create an API key for NAME and print it. The key cannot be shown again.

    The file stores only the key's SHA-256. A running HTTP edge notices a changed file within a second; remove an entry
    to revoke its key.
    """
    key, entry = make_key(name, tuple(dict.fromkeys(scopes)))
    add_key(path, entry)
    click.echo(key)
