"""The command `fraud-train card`."""

from pathlib import Path

import click

from schemas.errors import RegistryError
from stream.commands.command_line import examples
from training.commands.options import store_option
from training.commands.registry_options import open_registry


@click.command(
    short_help="Write the model card of a version.",
    epilog=examples("fraud-train card 4", "fraud-train card champion --out card.html"),
)
@click.argument("version")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: HTML if its name ends in .html, otherwise Markdown.  [default: Markdown on stdout]",
)
@store_option
def card(version: str, out: Path | None, store: str | None) -> None:
    """Write the model card of VERSION, a version number or an alias of the registered model."""
    registry, runs, bundles = open_registry(store)
    from training.commands.jobs.card import make_version_card  # noqa: PLC0415 - MLflow takes seconds to import

    model_card = make_version_card(registry.find(version), runs, bundles)
    if out is None:
        click.echo(model_card.markdown(), nl=False)
        return
    try:
        out.write_text(model_card.html() if out.suffix == ".html" else model_card.markdown(), encoding="utf-8")
    except OSError as error:
        raise RegistryError(f"cannot write to {out} ({error.strerror}); choose another file with --out") from error
    click.echo(out)
