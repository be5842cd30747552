"""`fraud-train card`."""

from pathlib import Path

import click

from schemas.errors import RegistryError
from stream.commands.command_line import examples
from training.commands.options import store_option
from training.commands.registry_options import open_promoter


@click.command(epilog=examples("fraud-train card 4", "fraud-train card champion --out card.html"))
@click.argument("version")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: HTML if it ends in .html, else Markdown.  [default: Markdown on stdout]",
)
@store_option
def card(version: str, out: Path | None, store: str | None) -> None:
    """Write the model card of VERSION (a number or an alias)."""
    desk = open_promoter(store, None)
    # MLflow takes seconds to import.
    from stream.models.bundle import read_bundle  # noqa: PLC0415
    from training.registry.card import make_card, read_figures  # noqa: PLC0415

    found = desk.registry.find(version)
    manifest = read_bundle(desk.store, found.bundle).manifest
    made = make_card(found.number, found.tags, manifest, read_figures(found.run_id, desk.runs))
    if out is None:
        click.echo(made.markdown(), nl=False)
        return
    try:
        out.write_text(made.html() if out.suffix == ".html" else made.markdown(), encoding="utf-8")
    except OSError as error:
        raise RegistryError(f"{out} cannot be written ({error.strerror}); choose another --out") from error
    click.echo(out)
