"""The job of `fraud-train card`."""

from pathlib import Path

import click

from schemas.errors import RegistryError
from stream.models.bundle import read_bundle
from training.commands.registry_options import open_registry
from training.registry.card import make_card, read_figures


def write_card(*, version: str, out: Path | None, store: str | None) -> None:
    """Write the model card of a registered version.

    Args:
        version: Version number or alias.
        out: File to write, HTML if its name ends in .html, otherwise Markdown; None for Markdown on stdout.
        store: Bundle store; None for the bundle store in the settings.
    """
    registry, runs, bundles = open_registry(store)
    registered = registry.find(version)
    manifest = read_bundle(bundles, registered.bundle).manifest
    card = make_card(registered.number, registered.tags, manifest, read_figures(registered.run_id, runs))
    if out is None:
        click.echo(card.markdown(), nl=False)
        return
    try:
        out.write_text(card.html() if out.suffix == ".html" else card.markdown(), encoding="utf-8")
    except OSError as error:
        raise RegistryError(f"cannot write to {out} ({error.strerror}); choose another file with --out") from error
    click.echo(out)
