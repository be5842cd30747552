"""The command `fraud-train register`."""

import click

from stream.commands.command_line import examples
from training.commands.options import store_option
from training.commands.registry_options import open_registry


@click.command(
    epilog=examples("fraud-train register 4f0c6f2f1d5a4c0f9a6d1b7c2e3f4a5b"),
)
@click.argument("run_id")
@store_option
def register(run_id: str, store: str | None) -> None:
    """Register the bundle of a run as the next version of the model `fraud`.

    RUN_ID is a finished MLflow run with a bundle, made by `fraud-train study` or `fraud-train baseline`. The bundle is
    audited, numbered and copied to the bundle store. The lineage is stored as tags of the version, and a model card is
    stored with the run. If any step fails, neither the version nor the bundle is kept.
    """
    registry, runs, bundles = open_registry(store)
    from training.registry.register import register as register_run  # noqa: PLC0415 - MLflow takes seconds to import

    version = register_run(run_id, registry, runs, bundles)
    click.echo(f"version {version.number}: bundle {version.bundle.path}, SHA-256 {version.bundle.sha256[:12]}…")
